"""ChatTTS's API, asked as its published clients ask."""

from __future__ import annotations

import base64
import io
import struct
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import openai
import pytest

from app.api.batch import AT_ONCE
from app.api.chattts import CHATTTS_FORMATS
from tests.audio.probe import voice_like
from tests.conftest import ServeFake, wav_bytes
from tests.fakes import FakeEngine, FakeVoice
from tests.fetching import serve_fetching
from tests.listening import assert_speech, listen
from tests.serving import KEY, serve_fake

INPUT = "Hello there, this is a short test."
SPEECH = "/chattts/v1/audio/speech"
RECORDING = wav_bytes(voice_like(1.5))
BASE64 = base64.b64encode(RECORDING).decode()

# The body of ChatTTS's own example, with words that this model reads.
REFINE = {
    "prompt": "",
    "top_P": 0.7,
    "top_K": 20,
    "temperature": 0.7,
    "repetition_penalty": 1,
    "max_new_token": 384,
    "min_new_token": 0,
    "show_tqdm": True,
    "ensure_non_empty": True,
    "stream_batch": 24,
}
INFER = {
    "prompt": "[speed_5]",
    "top_P": 0.1,
    "top_K": 20,
    "temperature": 0.3,
    "repetition_penalty": 1.05,
    "max_new_token": 2048,
    "min_new_token": 0,
    "show_tqdm": True,
    "ensure_non_empty": True,
    "stream_batch": True,
    "spk_emb": None,
}
BODY = {
    "text": ["Sichuan is known for spice.", "There is mild food as well, and it is liked."],
    "stream": False,
    "lang": None,
    "skip_refine_text": True,
    "refine_text_only": False,
    "use_decoder": True,
    "audio_seed": 12345678,
    "text_seed": 87654321,
    "do_text_normalization": True,
    "do_homophone_replacement": False,
    "params_refine_text": REFINE,
    "params_infer_code": INFER,
}


def refusal(answer: httpx.Response, status: int) -> str:
    """What ChatTTS's clients are told in an error that must have `status`."""
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    assert set(body) == {"detail", "error"}
    assert body["error"]["message"] == body["detail"]
    assert answer.headers["x-request-id"]
    return str(body["detail"])


def unpacked(answer: httpx.Response) -> list[bytes]:
    """The clips as the example client unpacks them: 0.mp3, 1.mp3 and so on."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert names == [f"{number}.mp3" for number in range(len(names))]
        return [archive.read(name) for name in names]


@pytest.fixture(scope="module")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, FakeEngine]]:
    engine = FakeEngine(frames_per_chunk=25)
    with serve_fake(tmp_path_factory.mktemp("fake"), engine) as served:
        yield served.client, engine


@pytest.mark.parametrize("stream", [False, True, None])
@pytest.mark.parametrize("name", CHATTTS_FORMATS)
def test_formats(
    fake: tuple[httpx.Client, FakeEngine],
    ffmpeg: Path,
    tmp_path: Path,
    name: str,
    stream: bool | None,
) -> None:
    """Its three formats are complete files, or streams where they are asked for."""
    client, _ = fake
    body = {"model": "tts-1", "input": INPUT, "response_format": name}
    answer = client.post(SPEECH, json=body if stream is None else body | {"stream": stream})
    assert answer.status_code == 200, answer.text
    assert ("content-length" in answer.headers) is not stream
    assert_speech(listen(ffmpeg, tmp_path, answer.content, name), name, 2.0)


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


def test_real_model(client: httpx.Client, ffmpeg: Path, tmp_path: Path) -> None:
    """The tiny model answers both calls."""
    answer = client.post(SPEECH, json={"input": INPUT, "voice": "alba", "speed": 1.5})
    seconds = float(answer.headers["x-audio-duration"])
    assert_speech(listen(ffmpeg, tmp_path, answer.content, "mp3"), "mp3", seconds)
    clips = unpacked(client.post("/generate_voice", json=BODY))
    assert len(clips) == 2
    for clip in clips:
        heard = listen(ffmpeg, tmp_path, clip, "mp3")
        assert_speech(heard, "mp3", len(heard.pcm) / 24000)


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


@pytest.mark.parametrize("prefix", ["", "/chattts"])
def test_generate_voice(
    fake: tuple[httpx.Client, FakeEngine], ffmpeg: Path, tmp_path: Path, prefix: str
) -> None:
    """The published example: a zip with one MP3 for each text, in order."""
    client, engine = fake
    before = len(engine.streams)
    clips = unpacked(client.post(f"{prefix}/generate_voice", json=BODY))
    assert len(clips) == len(BODY["text"])  # type: ignore[arg-type]
    for clip in clips:
        assert_speech(listen(ffmpeg, tmp_path, clip, "mp3"), "mp3", 2.0)
    for stream in engine.streams[before:]:
        assert stream.voice == FakeVoice("alba")
        assert stream.job.sampling.temperature is None
        assert stream.job.sampling.seed == 12345678


def test_order(fake: tuple[httpx.Client, FakeEngine], ffmpeg: Path, tmp_path: Path) -> None:
    """Many texts of different lengths come back in the order they were sent in."""
    client, _ = fake
    sentences = [1, 3, 1, 2, 1, 1, 4, 1, 2, 1]
    texts = ["[pause 1s] ".join(["Here is a sentence."] * count) for count in sentences]
    clips = unpacked(client.post("/generate_voice", json={"text": texts}))
    for clip, count in zip(clips, sentences, strict=True):
        heard = listen(ffmpeg, tmp_path, clip, "mp3")
        assert len(heard.pcm) / 24000 == pytest.approx(3 * count - 1, abs=0.2)


def test_side_by_side(fake_server: ServeFake) -> None:
    """Several texts are in the engine at once, but not so many that others must wait."""
    engine = FakeEngine(hold_after=2)
    client = fake_server(engine).client
    texts = [f"This is text {number}." for number in range(2 * AT_ONCE)]
    answers: list[httpx.Response] = []

    def generate() -> None:
        answers.append(client.post("/generate_voice", json={"text": texts}))

    thread = threading.Thread(target=generate)
    thread.start()
    deadline = time.monotonic() + 5
    while len(engine.streams) < AT_ONCE:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(0.1)
    assert len(engine.streams) == AT_ONCE
    engine.let_go.set()
    thread.join(20)
    assert len(unpacked(answers[0])) == len(engine.streams) == 2 * AT_ONCE


def test_client_leaves(fake_server: ServeFake) -> None:
    """A client that gives up waiting stops every text of its request."""
    engine = FakeEngine(hold_after=2)
    client = fake_server(engine).client
    with pytest.raises(httpx.ReadTimeout):
        client.post("/generate_voice", json={"text": ["Hello."] * 20}, timeout=0.5)
    for stream in list(engine.streams):
        assert stream.aborted.wait(2)
    assert len(engine.streams) == AT_ONCE


def test_all_or_nothing(fake_server: ServeFake) -> None:
    """If one text fails, there is no zip, and the others are stopped."""
    engine = FakeEngine(fail_after=3)
    client = fake_server(engine).client
    answer = client.post("/generate_voice", json={"text": ["Hello."] * 20})
    assert refusal(answer, 500) == "the speech could not be made"
    assert len(engine.streams) <= AT_ONCE + 1
    assert not any(stream.running for stream in engine.streams)


def test_sampling(fake: tuple[httpx.Client, FakeEngine]) -> None:
    """Temperature and seed reach the model; ChatTTS's own default leaves the server's."""
    client, engine = fake
    for fields, code, temperature, seed in (
        ({}, {}, None, None),
        ({}, None, None, None),
        ({"audio_seed": 5}, {}, None, 5),
        ({"audio_seed": 5}, {"manual_seed": 7, "temperature": 0.5}, 0.5, 7),
        ({"audio_seed": 5}, {"manual_seed": None, "temperature": None}, None, 5),
    ):
        body = {"text": ["Hello."], "params_infer_code": code, **fields}
        assert client.post("/generate_voice", json=body).is_success
        sampling = engine.streams[-1].job.sampling
        assert (sampling.temperature, sampling.seed) == (temperature, seed)


def test_prompted_speed(
    fake: tuple[httpx.Client, FakeEngine], ffmpeg: Path, tmp_path: Path
) -> None:
    """The speed token of the prompt is heard; what else stands there does nothing."""
    client, _ = fake
    for prompt, speed in (("[speed_9]", 1.2), ("[oral_2][speed_0]", 0.75), ("[laugh_1]", 1.0)):
        body = {"text": ["Hello."], "params_infer_code": {"prompt": prompt}}
        (clip,) = unpacked(client.post("/generate_voice", json=body))
        heard = listen(ffmpeg, tmp_path, clip, "mp3")
        assert len(heard.pcm) / 24000 == pytest.approx(2.0 / speed, abs=0.1)


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


def test_normalization(fake: tuple[httpx.Client, FakeEngine]) -> None:
    """Numbers are put into words unless the caller has done so."""
    client, engine = fake
    for wanted, spoken in ((True, "Two cats."), (False, "2 cats.")):
        body = {"text": ["2 cats."], "do_text_normalization": wanted}
        assert client.post("/generate_voice", json=body).is_success
        assert engine.streams[-1].job.chunks[0].text.lower() == spoken.lower()


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
        ({"input": ""}, 400, "input is empty"),
        ({"input": "[uv_break]"}, 400, "nothing that can be spoken"),
        ({"input": "a " * 30_000}, 413, "input has 60000 characters"),
        ({"input": None}, 400, "input: input should be a valid string"),
        ({"response_format": "opus"}, 400, "response_format must be one of mp3, wav, ogg"),
        ({"voice": "nobody"}, 404, "available voices: alba, marius"),
        ({"voice": ""}, 400, "voice must not be empty"),
        ({"voice": "http://x.y/a.wav"}, 400, "ALLOW_VOICE_URLS=true"),
        ({"speed": 2.5}, 400, "speed: input should be less than or equal to 2"),
        ({"speed": 0.4}, 400, "speed: input should be greater than or equal to 0.5"),
        ({"speed": "fast"}, 400, "speed: input should be a valid number"),
        ({"stream": "perhaps"}, 400, "stream: input should be a valid boolean"),
    ],
)
def test_refusals(
    fake: tuple[httpx.Client, FakeEngine], fields: dict[str, Any], status: int, words: str
) -> None:
    """What is wrong with a request for speech is told in both of ChatTTS's shapes."""
    client, _ = fake
    assert words in refusal(client.post(SPEECH, json={"input": INPUT} | fields), status)


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"text": []}, 400, "text: list should have at least 1 item"),
        ({"text": ["Hello."] * 101}, 400, "text: list should have at most 100 items"),
        ({"text": "Hello."}, 400, "text: input should be a valid list"),
        ({"text": ["Hello.", 5]}, 400, "text: input should be a valid string"),
        ({"text": ["Hello.", " "]}, 400, "text[1] is empty"),
        ({"text": ["a " * 15_000] * 2}, 413, "text has 60000 characters in all"),
        ({"lang": "zh"}, 400, "lang must be one of en on this server, or null"),
        ({"refine_text_only": True}, 400, "refine_text_only must be false"),
        ({"audio_seed": -1}, 400, "audio_seed: input should be greater"),
        ({"params_infer_code": {"temperature": 9}}, 400, "temperature"),
        ({"params_infer_code": {"temperature": "hot"}}, 400, "temperature"),
        ({"params_infer_code": {"manual_seed": 1.5}}, 400, "manual_seed"),
        ({"params_infer_code": {"spk_emb": "nobody"}}, 404, "available voices: alba, marius"),
        ({"params_infer_code": {"spk_emb": "蘁淰敥欀" * 300}}, 404, "does not exist"),
        ({"params_infer_code": {"spk_emb": "A" * 4000}}, 400, "spk_emb is not audio"),
        ({"params_infer_code": {"spk_smp": "蘁淰"}}, 400, "send the recording itself as"),
        ({"params_infer_code": 5}, 400, "params_infer_code: input should be a valid dict"),
    ],
)
def test_refused_batches(
    fake: tuple[httpx.Client, FakeEngine], fields: dict[str, Any], status: int, words: str
) -> None:
    """What is wrong with one text or parameter is found before anything is spoken."""
    client, engine = fake
    before = len(engine.streams)
    assert words in refusal(client.post("/generate_voice", json=BODY | fields), status)
    assert len(engine.streams) == before


def test_broken_bodies(fake: tuple[httpx.Client, FakeEngine]) -> None:
    """What is no JSON object is a 400."""
    client, _ = fake
    headers = {"Content-Type": "application/json"}
    for path in (SPEECH, "/generate_voice"):
        for content, words in ((b"{", "not valid JSON"), (b"[1]", "must be a JSON object")):
            assert words in refusal(client.post(path, content=content, headers=headers), 400)
        assert "is required" in refusal(client.post(path, json={}), 400)
        assert "temperature" not in refusal(client.post(path, data={"text": "x"}), 400)


def test_key(fake: tuple[httpx.Client, FakeEngine]) -> None:
    """Without the key, or with a wrong one, nothing is spoken."""
    client, _ = fake
    for path in (SPEECH, "/generate_voice", "/chattts/generate_voice"):
        url = str(client.base_url.join(path))
        for headers in ({}, {"Authorization": "Bearer wrong"}):
            answer = httpx.post(url, json={"input": INPUT, "text": ["Hi."]}, headers=headers)
            assert "key" in refusal(answer, 401)


def test_health(fake_server: ServeFake) -> None:
    """The health that its clients poll says whether the model is loaded."""
    client = fake_server().client
    for path in ("/health", "/chattts/health"):
        health = client.get(path).json()
        assert (health["status"], health["model_loaded"]) == ("healthy", True)
