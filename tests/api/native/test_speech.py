"""POST /tts with complete answers."""

from __future__ import annotations

import re
import struct

import httpx
import pytest

from app.audio.formats import FORMATS
from tests.conftest import ServeFake
from tests.fakes import FakeEngine, FakeVoice
from tests.serving import Served, error_of

SCRIPT = "Hello there, this is a short test."


@pytest.mark.parametrize("name", FORMATS)
def test_complete_file(client: httpx.Client, name: str) -> None:
    """Every format is a whole file of its own type, that says its length and its duration."""
    answer = client.post("/tts", json={"script": SCRIPT, "format": name})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == FORMATS[name].content_type(24000)
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert float(answer.headers["x-audio-duration"]) > 0.2


def test_timings(client: httpx.Client) -> None:
    """A complete answer tells what each stage took."""
    timing = client.post("/tts", json={"script": SCRIPT}).headers["server-timing"]
    stages = dict(part.split(";dur=") for part in timing.split(", "))
    assert list(stages) == ["queue", "first_audio", "synthesis", "encoding"]
    assert 0 <= float(stages["queue"]) <= float(stages["first_audio"]) <= float(stages["synthesis"])


def test_mp3_is_the_default(client: httpx.Client) -> None:
    """Without format, type and stream the answer is a complete MP3 file."""
    answer = client.post("/tts", json={"script": SCRIPT})
    assert answer.headers["content-type"] == "audio/mpeg"
    assert "content-length" in answer.headers


def test_wav_sizes_are_true(client: httpx.Client) -> None:
    """The RIFF header counts exactly the bytes that follow."""
    wav = client.post("/tts", json={"script": SCRIPT, "format": "wav"}).content
    assert struct.unpack_from("<I", wav, 4)[0] == len(wav) - 8
    assert struct.unpack_from("<I", wav, wav.index(b"data") + 4)[0] == len(wav) - 44


def test_saved_file(server: Served) -> None:
    """type=url saves the audio and answers an address that anybody can fetch."""
    answer = server.client.post("/tts", json={"script": SCRIPT, "type": "url", "format": "ogg"})
    saved = answer.json()
    assert set(saved) == {"url", "filename"}
    assert re.fullmatch(r"audio_\d{10}_[0-9a-f]{16,}\.ogg", saved["filename"])
    assert saved["url"] == f"{server.url}/voice/{saved['filename']}"
    assert "x-audio-duration" in answer.headers
    assert "server-timing" in answer.headers
    fetched = httpx.get(saved["url"], trust_env=False)
    assert fetched.status_code == 200
    assert fetched.headers["content-type"] == "audio/ogg"
    assert fetched.content.startswith(b"OggS")


@pytest.mark.parametrize("field", ["model", "voice"])
def test_voice_field(fake_app: ServeFake, field: str) -> None:
    """`model` and `voice` both name the voice, whatever its case."""
    engine = FakeEngine()
    served = fake_app(engine)
    assert served.client.post("/tts", json={"script": SCRIPT, field: "Marius"}).is_success
    assert engine.streams[0].voice == FakeVoice("marius")


def test_default_voice(fake_app: ServeFake) -> None:
    """Without a name the voice is DEFAULT_VOICE."""
    engine = FakeEngine()
    served = fake_app(engine, default_voice="marius")
    assert served.client.post("/tts", json={"script": SCRIPT}).is_success
    assert engine.streams[0].voice == FakeVoice("marius")


def test_model_and_voice_agree(client: httpx.Client) -> None:
    """Sending both names is fine while they are the same, and a mistake when they differ."""
    both = {"script": SCRIPT, "model": "alba", "voice": "alba"}
    assert client.post("/tts", json=both).is_success
    error = error_of(client.post("/tts", json=both | {"voice": "bruno"}), 400)
    assert error["field"] == "model"


def test_no_streamed_url(client: httpx.Client) -> None:
    """A URL is given for complete audio only."""
    body = {"script": SCRIPT, "type": "url", "stream": True}
    assert error_of(client.post("/tts", json=body), 400)["field"] == "stream"


def test_long_script(fake_app: ServeFake) -> None:
    """A long script is spoken whole, in order, in chunks of the allowed length, with pauses."""
    engine = FakeEngine(frames_per_chunk=2)
    served = fake_app(engine, max_chars_per_chunk=60)
    script = " ".join(f"This is sentence {name} of a long script." for name in "abcdefghijkl")
    script = f"{script}\n\nAnd this is a new paragraph."
    answer = served.client.post("/tts", json={"script": script, "format": "wav"})
    chunks = [chunk.text for chunk in engine.streams[0].job.chunks]
    assert " ".join(chunks) == script.replace("\n\n", " ")
    assert all(len(chunk) <= 60 for chunk in chunks)
    spoken_seconds = len(chunks) * 2 * 0.08
    pauses_seconds = float(answer.headers["x-audio-duration"]) - spoken_seconds
    assert pauses_seconds == pytest.approx(0.25 * (len(chunks) - 2) + 0.6, abs=0.01)


def test_every_boundary_is_spoken_whole(client: httpx.Client) -> None:
    """Abbreviations, numbers, addresses and emoji between words do not stop the real model."""
    script = "Dr. Smith paid $3.50 at 5:30 p.m. 🙂 See https://example.com/a?b=c, s'il vous plaît!"
    assert client.post("/tts", json={"script": script}).is_success
