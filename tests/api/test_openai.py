"""OpenAI's API, spoken to with OpenAI's own client."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import httpx
import openai
import pytest

from app.api.openai import OPENAI_FORMATS
from app.errors import ModelUnavailable
from app.settings import Settings
from tests.conftest import ServeFake
from tests.fakes import FakeEngine, FakeVoice
from tests.listening import assert_speech, listen
from tests.serving import KEY, Served, make_settings, serve

INPUT = "Hello there, this is a short test."
Format = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]


def sdk_for(served: Served, api_key: str = KEY) -> openai.OpenAI:
    return openai.OpenAI(api_key=api_key, base_url=f"{served.url}/v1", max_retries=0)


@pytest.fixture
def sdk(server: Served) -> Iterator[openai.OpenAI]:
    with sdk_for(server) as sdk:
        yield sdk


@pytest.mark.parametrize("name", OPENAI_FORMATS)
def test_formats(fake_server: ServeFake, ffmpeg: Path, tmp_path: Path, name: Format) -> None:
    """Each of OpenAI's formats is spoken through OpenAI's client."""
    with sdk_for(fake_server(FakeEngine(frames_per_chunk=25))) as sdk:
        answer = sdk.audio.speech.create(
            model="tts-1", voice="alloy", input=INPUT, response_format=name
        )
        assert_speech(listen(ffmpeg, tmp_path, answer.content, name), name, 2.0)


def test_real_model(sdk: openai.OpenAI, ffmpeg: Path, tmp_path: Path) -> None:
    """The tiny model speaks MP3 when nothing else is asked for."""
    answer = sdk.audio.speech.create(model="tts-1", voice="alba", input=INPUT)
    assert answer.response.headers["content-type"] == "audio/mpeg"
    heard = listen(ffmpeg, tmp_path, answer.content, "mp3")
    assert_speech(heard, "mp3", len(heard.pcm) / 24000)


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


async def test_async_client(server: Served) -> None:
    """The asynchronous client works as well."""
    async with openai.AsyncOpenAI(api_key=KEY, base_url=f"{server.url}/v1", max_retries=0) as sdk:
        answer = await sdk.audio.speech.create(
            model="gpt-4o-mini-tts", voice="alba", input=INPUT, response_format="flac"
        )
        assert answer.content.startswith(b"fLaC")


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


@pytest.mark.parametrize(
    ("fields", "param", "words"),
    [
        ({"input": ""}, "input", "input is empty"),
        ({"input": "🙂"}, "input", "nothing that can be spoken"),
        ({"response_format": "ogg"}, "response_format", "mp3, opus, aac, flac, wav, pcm"),
        ({"voice": 5}, "voice", "voice"),
        ({"voice": {"id": ""}}, "voice", "voice"),
        ({"voice": {"name": "alba"}}, "voice", "voice"),
        ({"voice": " "}, "voice", "must not be empty"),
        ({"stream_format": "sse"}, "stream_format", "'audio'"),
        ({"speed": "fast"}, "speed", "number"),
    ],
)
def test_bad_request(sdk: openai.OpenAI, fields: dict[str, Any], param: str, words: str) -> None:
    """A mistake is the client's BadRequestError, with the parameter and the request id."""
    arguments = {"model": "tts-1", "voice": "alba", "input": INPUT} | fields
    with pytest.raises(openai.BadRequestError) as caught:
        sdk.audio.speech.create(**arguments)
    assert caught.value.param == param
    assert caught.value.type == "invalid_request_error"
    assert words in caught.value.message
    assert caught.value.request_id


def test_shape_of_an_error(client: httpx.Client) -> None:
    """The body of an error has exactly OpenAI's fields."""
    for answer in (
        client.post("/v1/audio/speech", json={"voice": "alba"}),
        client.post("/v1/audio/speech", content=b"{"),
        client.get("/v1/nothing"),
        client.get("/v1/audio/speech"),
    ):
        assert answer.status_code in (400, 404, 405)
        body = answer.json()
        assert set(body) == {"error"}
        assert set(body["error"]) == {"message", "type", "param", "code"}
        assert answer.headers["x-request-id"]


def test_authentication_error(server: Served) -> None:
    """A wrong key is the client's AuthenticationError."""
    with (
        sdk_for(server, api_key="wrong") as sdk,
        pytest.raises(openai.AuthenticationError) as caught,
    ):
        sdk.models.list()
    assert caught.value.code == "invalid_api_key"
    assert caught.value.request_id


def test_not_found_error(sdk: openai.OpenAI) -> None:
    """An unknown voice is the client's NotFoundError, and lists the voices there are."""
    with pytest.raises(openai.NotFoundError, match="alba, bruno") as caught:
        sdk.audio.speech.create(model="tts-1", voice="nobody", input=INPUT)
    assert caught.value.param == "voice"


def test_rate_limit_error(fake_server: ServeFake) -> None:
    """A full queue is the client's RateLimitError, with the time to wait."""
    with (
        sdk_for(fake_server(FakeEngine(overloaded=True))) as sdk,
        pytest.raises(openai.RateLimitError) as caught,
    ):
        sdk.audio.speech.create(model="tts-1", voice="alba", input=INPUT)
    assert caught.value.response.headers["retry-after"] == "7"
    assert caught.value.type == "rate_limit_error"


@pytest.mark.parametrize("fail_after", [0, None])
def test_internal_server_error(
    fake_server: ServeFake, tmp_path: Path, fail_after: int | None
) -> None:
    """Our own fault and a model that is not there are the client's InternalServerError."""

    def unavailable() -> FakeEngine:
        raise ModelUnavailable("the disk is full")

    if fail_after is None:
        with serve(make_settings(tmp_path), unavailable) as served:
            served.wait_until(lambda health: health["model"]["state"] == "failed")
            _expect_server_error(served, 503, "the disk is full")
    else:
        _expect_server_error(fake_server(FakeEngine(fail_after=0)), 500, "could not be made")


def _expect_server_error(served: Served, status: int, words: str) -> None:
    with sdk_for(served) as sdk, pytest.raises(openai.InternalServerError, match=words) as caught:
        sdk.audio.speech.create(model="tts-1", voice="alba", input=INPUT)
    assert caught.value.status_code == status
    assert caught.value.type == "server_error"
    assert caught.value.request_id


def test_models(sdk: openai.OpenAI) -> None:
    """The names that clients send are listed as models."""
    assert {"pocket-tts", "tts-1", "gpt-4o-mini-tts"} <= {each.id for each in sdk.models.list()}


def test_voice_list(client: httpx.Client) -> None:
    """The voices there are can be listed."""
    voices = client.get("/v1/audio/voices").json()["voices"]
    assert voices == [{"id": "alba", "name": "alba"}, {"id": "bruno", "name": "bruno"}]
