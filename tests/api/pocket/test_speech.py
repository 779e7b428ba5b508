"""What `pocket-tts serve` answers to its page and to plain form clients."""

from __future__ import annotations

import base64
import io
import struct
import wave
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import ServeFake
from tests.fakes import FakeEngine, FakeVoice
from tests.fetching import serve_fetching
from tests.listening import assert_speech, listen
from tests.serving import detail_of, error_of

TEXT = "Hello there, this is a short test."
PATHS = ("/tts", "/pocket/tts")


def player(data: bytes) -> tuple[int, int, bytes]:
    """As the page reads a stream: (rate, channels, samples) by the first 44 bytes alone."""
    assert (data[:4], data[8:12]) == (b"RIFF", b"WAVE")
    (channels,), (rate_hz,), (bits,) = (
        struct.unpack_from("<H", data, 22),
        struct.unpack_from("<I", data, 24),
        struct.unpack_from("<H", data, 34),
    )
    assert bits == 16
    return rate_hz, channels, data[44:]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("multipart", [True, False])
def test_form(
    client: httpx.Client, ffmpeg: Path, tmp_path: Path, path: str, multipart: bool
) -> None:
    """A form of either kind is answered with a WAV, chunk by chunk."""
    fields = {"text": TEXT, "voice_url": "alba"}
    form: dict[str, Any] = (
        {"files": {name: (None, value) for name, value in fields.items()}}
        if multipart
        else {"data": fields}
    )
    answer = client.post(path, **form)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "audio/wav"
    assert answer.headers["transfer-encoding"] == "chunked"
    rate_hz, channels, samples = player(answer.content)
    assert (rate_hz, channels) == (24000, 1)
    assert_speech(
        listen(ffmpeg, tmp_path, answer.content, "wav"), "wav", len(samples) / 2 / rate_hz
    )


def test_streaming(fake_server: ServeFake) -> None:
    """The page plays the first samples while the rest is made."""
    engine = FakeEngine(frames_per_chunk=50, hold_after=30)
    client = fake_server(engine).client
    with client.stream("POST", "/tts", data={"text": TEXT}) as answer:
        pieces = answer.iter_raw()
        first = next(pieces)
        assert len(player(first)[2]) > 0
        assert not engine.let_go.is_set()
        engine.let_go.set()
        assert len(first) + sum(map(len, pieces)) == 44 + 2 * 50 * 1920


@pytest.mark.parametrize("path", PATHS)
def test_complete_file(client: httpx.Client, path: str) -> None:
    """`stream=false` waits for a WAV whose header tells its true length."""
    answer = client.post(path, data={"text": TEXT, "stream": "false"})
    assert int(answer.headers["content-length"]) == len(answer.content)
    with wave.open(io.BytesIO(answer.content)) as file:
        assert file.getnframes() == (len(answer.content) - 44) // 2


def test_json_on_the_same_path(client: httpx.Client) -> None:
    """JSON is this server's own request, and errors are told in its words."""
    answer = client.post("/tts", json={"script": TEXT, "format": "wav"})
    assert "content-length" in answer.headers
    assert error_of(client.post("/tts", json={"text": TEXT}), 400)["field"] == "text"
    assert error_of(client.put("/tts"), 405)


def test_form_without_this_dialect(fake_app: ServeFake) -> None:
    """Where DIALECTS leaves pocket out, a form is no request that /tts knows."""
    client = fake_app(dialects="openai").client
    error = error_of(client.post("/tts", data={"text": TEXT}), 400)
    assert "Content-Type: application/json" in error["message"]
    assert client.post("/pocket/tts", data={"text": TEXT}).status_code == 404


def test_voices(fake_app: ServeFake, recording: bytes) -> None:
    """A voice is a name or a recording; nothing is the default."""
    engine = FakeEngine()
    client = fake_app(engine).client
    encoded = base64.b64encode(recording).decode()
    empty = {"voice_wav": ("", b"")}
    for fields, files, voice in (
        ({}, None, "alba"),
        ({"voice_url": ""}, empty, "alba"),
        ({"voice_url": "Marius"}, empty, "marius"),
        ({}, {"voice_wav": ("me.wav", recording)}, "clip 1"),
        ({"voice_url": ""}, {"voice_wav": ("me.wav", recording)}, "clip 1"),
        ({"voice_url": f"data:audio/wav;base64,{encoded}"}, None, "clip 1"),
        ({"voice_url": encoded}, None, "clip 1"),
    ):
        answer = client.post("/tts", data={"text": TEXT} | fields, files=files)
        assert answer.status_code == 200, answer.text
        assert engine.streams[-1].voice == FakeVoice(voice)


def test_address(tmp_path: Path, recording: bytes) -> None:
    """Where it is allowed, voice_url is the address of a recording, as its name says."""
    with serve_fetching(tmp_path, recording) as (served, engine, address):
        for data in ({"voice_url": address}, {"voice_url": f" {address} "}):
            answer = served.client.post("/tts", data={"text": TEXT} | data)
            assert answer.status_code == 200, answer.text
            assert engine.streams[-1].voice == FakeVoice("clip 1")
        answer = served.client.post("/tts", data={"text": TEXT, "voice_url": "ftp://x/a.wav"})
        assert "'ftp://x/a.wav' does not exist" in detail_of(answer, 404)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"text": ""}, 400, "text is required"),
        ({"text": TEXT, "voice_url": "https://example.com/a.wav"}, 400, "ALLOW_VOICE_URLS=true"),
        ({"text": TEXT, "voice_url": "hf://kyutai/tts-voices/a.wav"}, 400, "ALLOW_VOICE_URLS=true"),
        ({"text": TEXT, "voice_wav": "text"}, 400, "voice_wav must be sent as a file"),
        ({"text": TEXT, "voice_url": "data:audio/wav,x"}, 400, "data URL without base64"),
    ],
)
def test_refusals(
    client: httpx.Client, path: str, fields: dict[str, str], status: int, words: str
) -> None:
    """What is wrong is told as FastAPI tells it, which is what pocket-tts's clients read."""
    assert words in detail_of(client.post(path, data=fields), status)


def test_recordings_that_are_none(client: httpx.Client, recording: bytes) -> None:
    """Two voices at once and a file that is no recording name the field."""
    files = {"voice_wav": ("me.wav", recording)}
    answer = client.post("/tts", data={"text": TEXT, "voice_url": "alba"}, files=files)
    assert "voice_url and voice_wav cannot both be sent" in detail_of(answer, 400)
    for data, words in ((b"no audio" * 100, "is not audio"), (b"", "voice_wav is empty")):
        answer = client.post("/tts", data={"text": TEXT}, files={"voice_wav": ("me.wav", data)})
        assert words in detail_of(answer, 400)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", "application/x-www-form-urlencoded"),
        (b"\xff\xfe=%zz", "Application/X-WWW-Form-Urlencoded"),
    ],
)
def test_broken_forms(client: httpx.Client, body: bytes, content_type: str) -> None:
    """A body that is no form, or one without a text, is a 400."""
    assert detail_of(client.post("/tts", content=body, headers={"Content-Type": content_type}), 400)
    answer = client.post("/pocket/tts", json={"script": TEXT})
    assert "must be a form, sent as multipart/form-data or" in detail_of(answer, 400)
    assert detail_of(client.post("/pocket/tts"), 400) == "text is required"


def test_health(client: httpx.Client) -> None:
    """The client's probe finds the server below the address it was given."""
    for path in ("/health", "/pocket/health"):
        assert client.get(path).json()["status"] == "healthy"
