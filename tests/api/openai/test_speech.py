"""OpenAI's `audio.speech.create`, in every way that OpenAI's own client has."""

from __future__ import annotations

import io
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import httpx
import openai
import pytest

from app.api.openai.speech import OPENAI_FORMATS
from app.audio.formats import FORMATS
from app.settings import Settings
from app.speech import Sampling
from tests.api.openai.sdk import INPUT, async_sdk_for, sdk_for
from tests.conftest import ServeFake
from tests.fakes import FakeEngine, FakeVoice
from tests.listening import assert_speech, listen
from tests.serving import Served, serve_fake

Format = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]


@pytest.fixture
def sdk(server: Served) -> Iterator[openai.OpenAI]:
    with sdk_for(server) as sdk:
        yield sdk


@pytest.fixture(scope="module")
def speaking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that speaks for two seconds, whatever it is told."""
    engine = FakeEngine(frames_per_chunk=25)
    with serve_fake(tmp_path_factory.mktemp("speaking"), engine) as served:
        yield served


@pytest.mark.parametrize("name", OPENAI_FORMATS)
def test_formats(sdk: openai.OpenAI, name: Format) -> None:
    """Each of OpenAI's formats can be asked for through OpenAI's client."""
    answer = sdk.audio.speech.create(model="tts-1", voice="alba", input=INPUT, response_format=name)
    assert answer.response.headers["content-type"] == FORMATS[name].content_type(24000)
    assert answer.content


def test_pcm_says_its_rate(sdk: openai.OpenAI) -> None:
    """Headerless samples have their rate in the content type."""
    answer = sdk.audio.speech.create(
        model="tts-1", voice="alba", input=INPUT, response_format="pcm"
    )
    assert answer.response.headers["content-type"] == "audio/pcm;rate=24000;channels=1"
    assert len(answer.content) % 2 == 0


def test_streaming(fake_server: ServeFake) -> None:
    """With the client's streaming response the first bytes come while the rest is made."""
    engine = FakeEngine(frames_per_chunk=50, hold_after=30)
    with (
        sdk_for(fake_server(engine)) as sdk,
        sdk.audio.speech.with_streaming_response.create(
            model="tts-1", voice="alloy", input=INPUT, response_format="wav"
        ) as answer,
    ):
        pieces = answer.iter_bytes(1000)
        first = next(pieces)
        assert first.startswith(b"RIFF")
        assert not engine.let_go.is_set()
        engine.let_go.set()
        assert len(first) + sum(map(len, pieces)) == 44 + 2 * 50 * 1920


@pytest.mark.parametrize("name", OPENAI_FORMATS)
def test_complete_file(speaking: Served, ffmpeg: Path, tmp_path: Path, name: Format) -> None:
    """`stream: false` waits for a complete file, whose headers tell its true length."""
    with sdk_for(speaking) as sdk:
        answer = sdk.audio.speech.create(
            model="tts-1",
            voice="alloy",
            input=INPUT,
            response_format=name,
            extra_body={"stream": False},
        )
    assert int(answer.response.headers["content-length"]) == len(answer.content)
    assert answer.response.headers["x-audio-duration"] == "2.000"
    assert_speech(listen(ffmpeg, tmp_path, answer.content, name), name, 2.0)
    if name == "wav":
        with wave.open(io.BytesIO(answer.content)) as file:
            assert file.getnframes() == 2 * 24000


@pytest.mark.parametrize("stream", [True, None])
def test_stream_stays_the_default(speaking: Served, stream: bool | None) -> None:
    """What says nothing, null or true is sent while it is made, as before."""
    body = {"input": INPUT, "response_format": "wav", "stream": stream}
    answer = speaking.client.post("/v1/audio/speech", json=body)
    assert answer.headers["transfer-encoding"] == "chunked"


def test_events_are_a_stream(speaking: Served) -> None:
    """A complete file cannot be had as events; the answer says which two fields differ."""
    body = {"input": INPUT, "stream": False, "stream_format": "sse"}
    answer = speaking.client.post("/v1/audio/speech", json=body)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["param"] == "stream"
    assert "stream_format=sse" in error["message"]


def test_raw_response(sdk: openai.OpenAI, tmp_path: Path) -> None:
    """With the client's raw response the headers can be read before the audio."""
    answer = sdk.audio.speech.with_raw_response.create(model="tts-1", voice="alba", input=INPUT)
    assert answer.status_code == 200
    assert answer.request_id == answer.headers["x-request-id"]
    assert answer.headers["content-type"] == "audio/mpeg"
    answer.parse().write_to_file(tmp_path / "speech.mp3")
    assert (tmp_path / "speech.mp3").read_bytes() == answer.content


def test_stream_to_file(sdk: openai.OpenAI, tmp_path: Path) -> None:
    """The way that OpenAI's guide shows: a streaming response, written to a file."""
    path = tmp_path / "speech.wav"
    with sdk.audio.speech.with_streaming_response.create(
        model="gpt-4o-mini-tts",
        voice="alba",
        input=INPUT,
        instructions="Speak in a cheerful and positive tone.",
        response_format="wav",
    ) as answer:
        answer.stream_to_file(path)
    assert path.read_bytes().startswith(b"RIFF")


async def test_async_client(server: Served) -> None:
    """The asynchronous client has all four ways as well."""
    arguments: dict[str, Any] = {"model": "tts-1", "voice": "alba", "input": INPUT, "speed": 1}
    arguments["extra_body"] = {"seed": 3, "temperature": 0}
    async with async_sdk_for(server) as sdk:
        plain = await sdk.audio.speech.create(**arguments, response_format="pcm")
        raw = await sdk.audio.speech.with_raw_response.create(**arguments, response_format="pcm")
        async with sdk.audio.speech.with_streaming_response.create(
            **arguments, response_format="pcm"
        ) as answer:
            pieces = [piece async for piece in answer.iter_bytes()]
    assert len(plain.content) > 2 * 1920
    assert len(plain.content) == len(raw.content) == sum(map(len, pieces))


@pytest.mark.parametrize(
    ("voice", "spoken"),
    [
        ("marius", "marius"),
        ("Marius", "marius"),
        ({"id": "marius"}, "marius"),
        ("alloy", "alba"),
        ("ECHO", "marius"),
        ({"id": "alloy"}, "alba"),
    ],
)
def test_voices(fake_server: ServeFake, voice: Any, spoken: str) -> None:
    """A voice is a name or an id, of this server or one of OpenAI's."""
    engine = FakeEngine()
    with sdk_for(fake_server(engine)) as sdk:
        sdk.audio.speech.create(model="tts-1", voice=voice, input=INPUT)
    assert engine.streams[0].voice == FakeVoice(spoken)


def test_every_openai_voice_has_a_meaning() -> None:
    """All of OpenAI's voices are mapped, to the eight voices that every language has."""
    mapped = Settings.model_fields["openai_voices"].default
    openai_names = "alloy ash ballad coral echo fable onyx nova sage shimmer verse marin cedar"
    ours = "alba marius javert jean fantine cosette eponine azelma"
    assert set(mapped) == set(openai_names.split())
    assert set(mapped.values()) <= set(ours.split())


def test_alias_from_the_settings(fake_server: ServeFake) -> None:
    """OPENAI_VOICES says what the names mean; a voice of that very name comes first."""
    engine = FakeEngine(predefined_voices=("alba", "marius", "echo"))
    served = fake_server(engine, openai_voices="alloy=marius, echo=alba")
    with sdk_for(served) as sdk:
        for voice in ("alloy", "echo"):
            sdk.audio.speech.create(model="tts-1", voice=voice, input=INPUT)
    assert [each.voice for each in engine.streams] == [FakeVoice("marius"), FakeVoice("echo")]


def test_no_voice_is_the_default(client: httpx.Client) -> None:
    """Only the input is needed."""
    assert client.post("/v1/audio/speech", json={"input": "Hi."}).status_code == 200


def test_null_is_unset(client: httpx.Client) -> None:
    """A field that is null is as good as left out; the input cannot be."""
    names = ("model", "voice", "instructions", "response_format", "speed", "stream_format", "seed")
    nulls = dict.fromkeys(names)
    answer = client.post("/v1/audio/speech", json={"input": "Hi.", **nulls})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "audio/mpeg"
    refused = client.post("/v1/audio/speech", json={"input": None})
    assert refused.json()["error"]["message"] == "input is required"


@pytest.mark.parametrize(("speed", "seconds"), [(0.25, 8.0), (1, 2.0), (4.0, 0.5)])
def test_speed(
    speaking: Served, ffmpeg: Path, tmp_path: Path, speed: float, seconds: float
) -> None:
    """All speeds that OpenAI allows are spoken."""
    with sdk_for(speaking) as sdk:
        answer = sdk.audio.speech.create(
            model="tts-1", voice="alloy", input=INPUT, response_format="wav", speed=speed
        )
    assert_speech(listen(ffmpeg, tmp_path, answer.content, "wav"), "wav", seconds)


def test_own_controls(fake_server: ServeFake) -> None:
    """What only this server knows goes through `extra_body`; headers and queries do no harm."""
    engine = FakeEngine()
    with sdk_for(fake_server(engine)) as sdk:
        answer = sdk.audio.speech.create(
            model="tts-1",
            voice="alloy",
            input=INPUT,
            response_format="pcm",
            extra_body={"seed": 7, "temperature": 0.1, "frames_after_eos": 2, "sample_rate": 8000},
            extra_headers={"x-request-id": "my-own-id", "OpenAI-Beta": "x"},
            extra_query={"api-version": "2026-01-01"},
        )
    assert answer.response.headers["x-request-id"] == "my-own-id"
    assert answer.response.headers["content-type"] == "audio/pcm;rate=8000;channels=1"
    expected = Sampling(seed=7, temperature=0.1, frames_after_eos=2)
    assert engine.streams[0].job.sampling == expected


def test_unknown_fields_are_ignored(sdk: openai.OpenAI) -> None:
    """What OpenAI's clients send and this server does not know does no harm."""
    answer = sdk.audio.speech.create(
        model="tts-1",
        voice="alba",
        input=INPUT,
        instructions="Speak cheerfully.",
        speed=1.0,
        extra_body={"scirpt": 1, "lang_code": "a"},
    )
    assert answer.content
