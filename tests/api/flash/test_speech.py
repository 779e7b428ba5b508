"""Flash-TTS's speech, asked for as its published clients and its page ask."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import openai
import pytest

from app.speech import Prosody
from tests.audio.probe import voice_like
from tests.conftest import ServeFake, wav_bytes
from tests.fakes import FakeEngine, FakeVoice
from tests.fetching import serve_fetching
from tests.serving import KEY, Served, detail_of, serve_fake

TEXT = "Hello there, this is a short test."
RECORDING = wav_bytes(voice_like(1.5))
# What every published client sends along.
ALONG = {"temperature": 0.9, "top_p": 0.95, "top_k": 50, "max_tokens": 2048}
# What the page sends, all of it as text.
PAGE = {
    "temperature": "0.9",
    "top_k": "50",
    "top_p": "0.95",
    "repetition_penalty": "1.0",
    "max_tokens": "4096",
    "length_threshold": "50",
    "window_size": "50",
    "stream": "False",
    "response_format": "wav",
}


def played_blindly(data: bytes) -> float:
    """Seconds that the published player takes for a stream: 16 kHz, 16 bits, mono, no questions."""
    return len(data) / 2 / 16_000


@pytest.fixture(scope="module")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, FakeEngine]]:
    engine = FakeEngine(frames_per_chunk=25)
    with serve_fake(tmp_path_factory.mktemp("fake"), engine) as served:
        yield served.client, engine


def is_cloned(engine: FakeEngine) -> bool:
    """Whether the voice that spoke last came with its request."""
    voice = engine.streams[-1].voice
    assert isinstance(voice, FakeVoice)
    return voice.name.startswith("clip")


def test_published_player(fake: tuple[httpx.Client, FakeEngine]) -> None:
    """The guide's player, which asks no header, plays a stream at its true length and pitch."""
    client, _ = fake
    form = ALONG | {"text": TEXT, "stream": "True", "response_format": "wav"}
    recording = base64.b64encode(wav_bytes(voice_like(2.0))).decode()
    with client.stream(
        "POST", "/clone_voice", data=form | {"reference_audio": recording}
    ) as answer:
        assert answer.headers["transfer-encoding"] == "chunked"
        data = b"".join(answer.iter_bytes(1024))
    assert played_blindly(data) == pytest.approx(2.0, abs=0.01)
    samples = np.frombuffer(data[44:], "<i2")
    spectrum = np.abs(np.fft.rfft(samples[4000:20000]))
    assert np.argmax(spectrum) == pytest.approx(440, abs=4)  # the fake engine's tone, one second


def test_another_rate(fake: tuple[httpx.Client, FakeEngine]) -> None:
    """A caller who knows better may name the rate."""
    client, _ = fake
    body = {"text": TEXT, "response_format": "pcm", "sample_rate": 24000}
    answer = client.post("/speak", json=body)
    assert answer.headers["content-type"] == "audio/pcm;rate=24000;channels=1"
    assert len(answer.content) == 2 * 25 * 1920
    answer = client.post("/speak", json=body | {"sample_rate": 12345})
    assert "sample_rate must be one of" in detail_of(answer, 400)


def test_what_the_page_sends(fake: tuple[httpx.Client, FakeEngine]) -> None:
    """Numbers and booleans may be text; what has no effect is never refused."""
    client, engine = fake
    for fields in (PAGE, PAGE | {"pitch": None, "speed": None}, ALONG | {"top_k": None}):
        answer = client.post("/speak", json={"text": TEXT, "name": "marius"} | fields)
        assert answer.status_code == 200, answer.text
        assert engine.streams[-1].voice == FakeVoice("marius")
        assert engine.streams[-1].job.sampling.temperature is None
    client.post("/speak", json={"text": TEXT, "temperature": "0.5"})
    assert engine.streams[-1].job.sampling.temperature == 0.5
    form = PAGE | {"text": TEXT, "reference_text": "", "pitch": "", "speed": ""}
    files = {
        "reference_audio_file": ("me.wav", wav_bytes(voice_like(1.5))),
        "latent_file": ("", b""),
    }
    answer = client.post("/clone_voice", data=form, files=files)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"speed": "very_high"}, 2.0 / 1.45),
        ({"speed": "very_low"}, 2.0 / 0.7),
        ({"pitch": "high"}, 2.0),
        ({"pitch": "low", "speed": "high"}, 2.0 / 1.2),
    ],
)
def test_levels(
    fake: tuple[httpx.Client, FakeEngine], fields: dict[str, str], seconds: float
) -> None:
    """The words for speed and pitch are heard."""
    client, _ = fake
    recording = base64.b64encode(wav_bytes(voice_like(2.0))).decode()
    body = {"text": TEXT, "response_format": "wav", **fields}
    for answer in (
        client.post("/speak", json=body),
        client.post("/clone_voice", data=body | {"reference_audio": recording}),
    ):
        assert played_blindly(answer.content) == pytest.approx(seconds, abs=0.1)
        samples = np.frombuffer(answer.content[44:], "<i2")[4000:12000]
        hertz = np.argmax(np.abs(np.fft.rfft(samples, 16000)))
        semitones = {"high": 2, "low": -2}.get(fields.get("pitch", ""), 0)
        assert hertz == pytest.approx(440 * 2 ** (semitones / 12), abs=6)


@pytest.mark.parametrize("kind", ["urlencoded", "multipart", "data URL", "file", "both"])
def test_clone(fake: tuple[httpx.Client, FakeEngine], kind: str) -> None:
    """A recording may come as base64 of any length, as a data URL, or as a file, which wins."""
    client, engine = fake
    recording = wav_bytes(voice_like(48.0))
    encoded = base64.b64encode(recording).decode()
    assert len(encoded) > 3_000_000
    form = {"text": TEXT, **ALONG}
    files: Any = None
    if kind != "file":
        form["reference_audio"] = encoded
    if kind == "data URL":
        form["reference_audio"] = f"data:audio/wav;base64,{encoded}"
    if kind == "multipart":
        files = {"unknown": (None, "x")}
    if kind in ("file", "both"):
        files = {"reference_audio_file": recording, "latent_file": b"not used"}
    if kind == "both":
        form["reference_audio"] = "neither base64 nor an address"
    answer = client.post("/clone_voice", data=form, files=files)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "audio/mpeg"
    assert is_cloned(engine)


def test_clone_with_the_real_model(server: Served, recording: bytes) -> None:
    """The tiny model takes over a voice from an uploaded file."""
    files = {"reference_audio_file": recording}
    answer = server.client.post("/clone_voice", data={"text": TEXT}, files=files)
    assert answer.status_code == 200, answer.text
    assert float(answer.headers["x-audio-duration"]) > 0.2


def test_address(tmp_path: Path, recording: bytes) -> None:
    """Where it is allowed, the address of a recording stands for it."""
    with serve_fetching(tmp_path, recording) as (served, engine, address):
        for path, body in (
            ("/clone_voice", {"data": {"text": TEXT, "reference_audio": address}}),
            ("/flash/v1/audio/speech", {"json": {"input": TEXT, "voice": address}}),
        ):
            answer = served.client.post(path, **body)  # type: ignore[arg-type]
            assert answer.status_code == 200, answer.text
            assert is_cloned(engine)


def test_dialogue(fake: tuple[httpx.Client, FakeEngine]) -> None:
    """Each role speaks its own lines, in one stream of sound; levels stand in the tags."""
    client, engine = fake
    text = "<role:marius> Good morning. <role:alba,speed:very_high>Is it?\nYes. <role:marius>Oh."
    for stream in (False, True):
        body = {"text": text, "response_format": "pcm", "stream": stream, **ALONG}
        answer = client.post("/multi_speak", json=body)
        assert answer.status_code == 200, answer.text
        chunks = engine.streams[-1].job.chunks
        assert [(chunk.voice, chunk.text) for chunk in chunks] == [
            (FakeVoice("marius"), "Good morning."),
            (FakeVoice("alba"), "Is it?\nYes."),
            (FakeVoice("marius"), "Oh."),
        ]
        seconds = len(answer.content) / 2 / 16000
        assert 2 + 2 / 1.45 + 2 < seconds < 2 + 2 / 1.45 + 2 + 1


def test_first_bytes_come_before_the_rest_is_made(fake_server: ServeFake) -> None:
    """`stream` is live, also for a dialogue and for OpenAI's call, where it needs no asking."""
    engine = FakeEngine(frames_per_chunk=50, hold_after=30)
    client = fake_server(engine).client
    for path, body in (
        ("/speak", {"text": TEXT, "stream": True}),
        ("/multi_speak", {"text": f"<role:alba>{TEXT}", "stream": "True"}),
        ("/flash/v1/audio/speech", {"input": TEXT}),
    ):
        engine.let_go.clear()
        with client.stream("POST", path, json=body | {"response_format": "pcm"}) as answer:
            pieces = answer.iter_raw()
            first = next(pieces)
            assert not engine.let_go.is_set()
            engine.let_go.set()
            total = len(first) + sum(map(len, pieces))
            assert total == pytest.approx(2 * 50 * 1920 * 16 / 24, abs=100)


def test_openai_sdk(fake: tuple[httpx.Client, FakeEngine], recording: bytes) -> None:
    """The guide's OpenAI calls: a role, and a recording as base64 in its place."""
    client, engine = fake
    base_url = str(client.base_url.join("/flash/v1"))
    encoded = base64.b64encode(recording).decode()
    with openai.OpenAI(api_key=KEY, base_url=base_url, max_retries=0) as sdk:
        for voice in ("marius", encoded):
            with sdk.audio.speech.with_streaming_response.create(
                model="spark", voice=voice, input=TEXT
            ) as answer:
                assert answer.headers["transfer-encoding"] == "chunked"
                assert answer.headers["content-type"] == "audio/mpeg"
                assert len(answer.read()) > 1000
            assert is_cloned(engine) is (voice == encoded)
        assert [each.id for each in sdk.models.list()] == ["pocket-tts"]
        with pytest.raises(openai.NotFoundError) as caught:
            sdk.audio.speech.create(model="spark", voice="nobody", input=TEXT)
        assert "available voices: alba, marius" in caught.value.response.json()["detail"]
    with (
        openai.OpenAI(api_key="wrong", base_url=base_url, max_retries=0) as sdk,
        pytest.raises(openai.AuthenticationError),
    ):
        sdk.audio.speech.create(model="spark", voice="alba", input=TEXT)


def test_numbers_of_openais_call(fake: tuple[httpx.Client, FakeEngine]) -> None:
    """There speed is a factor, and pitch a number that stands for a level."""
    client, _ = fake
    for fields, prosody in (
        ({"speed": "2.0"}, Prosody(speed=2.0)),
        ({"pitch": 0.5}, Prosody(pitch_semitones=-4)),
        ({"pitch": 0.9}, Prosody(pitch_semitones=-2)),
        ({"pitch": 1.9}, Prosody()),
        ({"pitch": 2}, Prosody(pitch_semitones=2)),
        ({"pitch": 3.5}, Prosody(pitch_semitones=4)),
    ):
        body = {"input": TEXT, "response_format": "pcm", "stream": False, **fields}
        data = client.post("/flash/v1/audio/speech", json=body).content
        assert played_blindly(data) == pytest.approx(2 / prosody.speed, abs=0.05)
        hertz = np.argmax(np.abs(np.fft.rfft(np.frombuffer(data, "<i2")[4000:12000], 16000)))
        assert hertz == pytest.approx(440 * 2 ** (prosody.pitch_semitones / 12), abs=8)
