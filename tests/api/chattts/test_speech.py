"""ChatTTS's kind of /v1/audio/speech, asked as its published clients ask."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import openai
import pytest

from app.errors import ModelUnavailable
from tests.audio.probe import voice_like
from tests.conftest import ServeFake, wav_bytes
from tests.fakes import FakeEngine, FakeVoice
from tests.fetching import serve_fetching
from tests.serving import KEY, detail_of, make_settings, serve, serve_fake

INPUT = "Hello there, this is a short test."
SPEECH = "/chattts/v1/audio/speech"
RECORDING = wav_bytes(voice_like(1.5))
BASE64 = base64.b64encode(RECORDING).decode()


@pytest.fixture(scope="module")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, FakeEngine]]:
    engine = FakeEngine(frames_per_chunk=25)
    with serve_fake(tmp_path_factory.mktemp("fake"), engine) as served:
        yield served.client, engine


def test_speed(fake: tuple[httpx.Client, FakeEngine]) -> None:
    """`speed` is from half to twice the pace, and may be null."""
    client, _ = fake
    for speed, seconds in ((0.5, 4.0), (2, 1.0), ("1.5", 2 / 1.5), (None, 2.0)):
        answer = client.post(SPEECH, json={"input": INPUT, "speed": speed})
        assert float(answer.headers["x-audio-duration"]) == pytest.approx(seconds, abs=0.05)


def test_streamed_wav(fake_server: ServeFake) -> None:
    """A streamed WAV is one header that knows no size, then 24 kHz samples as they are made."""
    engine = FakeEngine(frames_per_chunk=50, hold_after=30)
    client = fake_server(engine).client
    body = {"input": INPUT, "stream": True, "response_format": "wav"}
    with client.stream("POST", SPEECH, json=body) as answer:
        pieces = answer.iter_raw()
        data = next(pieces)
        assert not engine.let_go.is_set()
        engine.let_go.set()
        data += b"".join(pieces)
    assert struct.unpack("<4sI8s", data[:16]) == (b"RIFF", 0xFFFFFFFF, b"WAVEfmt ")
    assert struct.unpack_from("<HHI", data, 20) == (1, 1, 24000)
    assert struct.unpack_from("<4sI", data, 36) == (b"data", 0xFFFFFFFF)
    assert len(data) == 44 + 2 * 50 * 1920
    assert data.count(b"RIFF") == 1


def test_openai_sdk(fake: tuple[httpx.Client, FakeEngine]) -> None:
    """OpenAI's client, which many use with it, gets its own exceptions and the reason."""
    client, engine = fake
    base_url = str(client.base_url.join("/chattts/v1"))
    with openai.OpenAI(api_key=KEY, base_url=base_url, max_retries=0) as sdk:
        for voice, spoken in (("default", "alba"), ("alloy", "alba"), ("marius", "marius")):
            sdk.audio.speech.create(model="tts-1", voice=voice, input=INPUT)
            assert engine.streams[-1].voice == FakeVoice(spoken)
        with pytest.raises(openai.BadRequestError, match="mp3, wav, ogg"):
            sdk.audio.speech.create(
                model="tts-1", voice="alba", input=INPUT, response_format="flac"
            )
        with pytest.raises(openai.NotFoundError, match="available voices: alba, marius"):
            sdk.audio.speech.create(model="tts-1", voice="nobody", input=INPUT)


def test_tokens_in_the_text(fake: tuple[httpx.Client, FakeEngine]) -> None:
    """ChatTTS's tokens are never read aloud; its breaks become silence."""
    client, engine = fake
    text = "What is [uv_break]your favorite food?[laugh][lbreak] Mine [oral_2]is rice."
    body = {"input": text, "response_format": "wav"}
    for answer in (
        client.post(SPEECH, json=body),
        client.post("/generate_voice", json={"text": [text]}),
    ):
        assert answer.status_code == 200, answer.text
        chunks = [chunk.text for chunk in engine.streams[-1].job.chunks]
        assert chunks == ["What is", "your favorite food?", "Mine is rice."]
    samples = np.frombuffer(client.post(SPEECH, json=body).content[44:], "<i2")
    loud = np.abs(samples.reshape(-1, 240)).max(axis=1) > 300
    gaps = np.diff(np.flatnonzero(np.diff(loud.astype(int))))
    assert gaps[0] / 100 == pytest.approx(0.2, abs=0.03)
    assert gaps[2] / 100 == pytest.approx(0.5, abs=0.03)


def test_recordings(fake: tuple[httpx.Client, FakeEngine], tmp_path: Path) -> None:
    """A voice may be a recording, as base64, data URL or, where allowed, its address."""
    client, engine = fake
    url = f"data:audio/wav;base64,{BASE64}"
    for voice in (BASE64, url):
        assert client.post(SPEECH, json={"input": INPUT, "voice": voice}).is_success
        assert engine.streams[-1].voice == FakeVoice("clip 1")
        body = {"text": ["Hello."], "params_infer_code": {"spk_emb": voice}}
        assert client.post("/generate_voice", json=body).is_success
        assert engine.streams[-1].voice == FakeVoice("clip 1")
    with serve_fetching(tmp_path, RECORDING) as (served, engine, address):
        answer = served.client.post(SPEECH, json={"input": INPUT, "voice": address})
        assert answer.status_code == 200, answer.text
        assert engine.streams[-1].voice == FakeVoice("clip 1")


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"input": " "}, 400, "input is empty"),
        ({"input": None}, 400, "input is required"),
        ({"voice": ""}, 400, "voice must not be empty"),
        ({"voice": "http://x.y/a.wav"}, 400, "ALLOW_VOICE_URLS=true"),
        ({"speed": "fast"}, 400, "speed: input should be a valid number"),
        ({"stream": "perhaps"}, 400, "stream: input should be a valid boolean"),
    ],
)
def test_refusals(
    fake: tuple[httpx.Client, FakeEngine], fields: dict[str, Any], status: int, words: str
) -> None:
    """What is wrong with a request for speech is told in both of ChatTTS's shapes."""
    client, _ = fake
    assert words in detail_of(
        client.post(SPEECH, json={"input": INPUT} | fields), status, beside="error"
    )


def test_health(fake_app: ServeFake, tmp_path: Path) -> None:
    """The health that its clients poll says whether the model is loaded."""

    def unavailable() -> FakeEngine:
        raise ModelUnavailable("the disk is full")

    with serve(make_settings(tmp_path), unavailable) as served:
        served.wait_until(lambda health: health["model"]["state"] == "failed")
        assert served.client.get("/chattts/health").json()["model_loaded"] is False
    client = fake_app().client
    for path in ("/health", "/chattts/health"):
        health = client.get(path).json()
        assert (health["status"], health["model_loaded"]) == ("healthy", True)
