"""How OpenAI's own client is told no: its exception classes, and when it tries again."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from app.errors import ModelUnavailable, Overloaded
from app.speech_engine import SpeechJob
from tests.api.openai.sdk import INPUT, async_sdk_for, sdk_for
from tests.conftest import ServeFake
from tests.fakes import FakeEngine, FakeStream
from tests.serving import Served, make_settings, serve


@pytest.fixture
def sdk(server: Served) -> Iterator[openai.OpenAI]:
    with sdk_for(server) as sdk:
        yield sdk


def speak(sdk: openai.OpenAI, **fields: Any) -> bytes:
    arguments: dict[str, Any] = {"model": "tts-1", "voice": "alba", "input": INPUT} | fields
    return sdk.audio.speech.create(**arguments).content


@pytest.mark.parametrize(
    ("fields", "param", "words"),
    [
        ({"input": ""}, "input", "input is empty"),
        ({"input": "🙂"}, "input", "nothing that can be spoken"),
        ({"input": 5}, "input", "string"),
        ({"response_format": "ogg"}, "response_format", "mp3, opus, aac, flac, wav, pcm"),
        ({"voice": 5}, "voice", 'must be a name, or {"id": name}'),
        ({"voice": ["alba"]}, "voice", 'must be a name, or {"id": name}'),
        ({"voice": {"id": 5}}, "voice", 'must be a name, or {"id": name}'),
        ({"voice": {"id": ""}}, "voice", "must not be empty"),
        ({"voice": {"name": "alba"}}, "voice", 'must be a name, or {"id": name}'),
        ({"voice": " "}, "voice", "must not be empty"),
        ({"stream_format": "ndjson"}, "stream_format", "'audio' or 'sse'"),
        ({"speed": "fast"}, "speed", "number"),
        ({"speed": 0.2}, "speed", "0.25"),
        ({"speed": 4.1}, "speed", "4"),
        ({"extra_body": {"seed": -2}}, "seed", "0"),
        ({"extra_body": {"sample_rate": 12345}}, "sample_rate", "24000"),
    ],
)
def test_bad_request(sdk: openai.OpenAI, fields: dict[str, Any], param: str, words: str) -> None:
    """A mistake is the client's BadRequestError, with the parameter and the request id."""
    with pytest.raises(openai.BadRequestError) as caught:
        speak(sdk, **fields)
    assert caught.value.param == param
    assert caught.value.type == "invalid_request_error"
    assert words in caught.value.message
    assert caught.value.request_id


@pytest.mark.parametrize("number", ["1e400", "-1e400", "NaN", "Infinity", '""', "[1]"])
def test_odd_numbers(client: httpx.Client, number: str) -> None:
    """What is no number that speech can have is refused, whatever JSON thinks of it."""
    answer = client.post(
        "/v1/audio/speech",
        content=f'{{"input": "Hi.", "speed": {number}}}',
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "speed"


def test_shape_of_an_error(client: httpx.Client) -> None:
    """The body of an error has exactly OpenAI's fields."""
    for answer in (
        client.post("/v1/audio/speech", json={"voice": "alba"}),
        client.post("/v1/audio/speech", json=["no object"]),
        client.post("/v1/audio/speech", content=b"{"),
        client.post("/v1/audio/speech", content=b"\xff\xfe"),
        client.get("/v1/nothing"),
        client.get("/v1/audio/speech"),
    ):
        assert answer.status_code in (400, 404, 405)
        body = answer.json()
        assert set(body) == {"error"}
        assert set(body["error"]) == {"message", "type", "param", "code"}
        assert answer.headers["x-request-id"]


def test_text_over_the_limit(fake_server: ServeFake) -> None:
    """Too long a text is an APIStatusError that says how long it may be."""
    with (
        sdk_for(fake_server(max_script_chars=50)) as sdk,
        pytest.raises(openai.APIStatusError, match="at most 50") as caught,
    ):
        speak(sdk, input="word " * 20)
    assert caught.value.status_code == 413
    assert caught.value.param == "input"


def test_authentication_error(server: Served) -> None:
    """A wrong key is the client's AuthenticationError."""
    with (
        sdk_for(server, api_key="wrong") as sdk,
        pytest.raises(openai.AuthenticationError) as caught,
    ):
        sdk.models.list()
    assert caught.value.code == "invalid_api_key"
    assert caught.value.request_id


@pytest.mark.parametrize("sent", [{}, {"Authorization": "Bearer"}, {"Authorization": "Basic eA=="}])
def test_no_key(server: Served, sent: dict[str, str]) -> None:
    """No key is refused in the same shape, before the body is read."""
    answer = httpx.post(f"{server.url}/v1/audio/speech", content=b"no JSON", headers=sent)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "invalid_api_key"


def test_not_found_error(sdk: openai.OpenAI) -> None:
    """An unknown voice is the client's NotFoundError, and lists the voices there are."""
    with pytest.raises(openai.NotFoundError, match="alba, bruno") as caught:
        speak(sdk, voice="nobody")
    assert caught.value.param == "voice"
    with pytest.raises(openai.NotFoundError, match="pocket-tts") as caught:
        sdk.models.retrieve("gpt-9")
    assert caught.value.code == "model_not_found"


def test_conflict_error(fake_server: ServeFake) -> None:
    """What cannot be done to a voice is the client's ConflictError, which it does not repeat."""
    served = fake_server()
    with sdk_for(served, max_retries=3) as sdk, pytest.raises(openai.ConflictError) as caught:
        sdk.audio.voices.delete("alba")
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert retries_of(caught.value) == 0


def test_rate_limit_error(fake_server: ServeFake) -> None:
    """A full queue is the client's RateLimitError, with the time to wait."""
    with (
        sdk_for(fake_server(FakeEngine(overloaded=True))) as sdk,
        pytest.raises(openai.RateLimitError) as caught,
    ):
        speak(sdk)
    assert caught.value.response.headers["retry-after"] == "7"
    assert caught.value.response.headers["retry-after-ms"] == "7000"
    assert caught.value.type == "rate_limit_error"


@dataclass
class BusyAtFirst(FakeEngine):
    """Refuses the first two jobs, and notes when each came."""

    came_at_seconds: list[float] = field(default_factory=list)

    def submit(self, job: SpeechJob) -> FakeStream:
        self.came_at_seconds.append(time.monotonic())
        if len(self.came_at_seconds) <= 2:
            raise Overloaded("too many requests are waiting", retry_after_seconds=0.05)
        return super().submit(job)


def test_the_sdk_tries_again(fake_server: ServeFake) -> None:
    """With the SDK's own two retries a short overload is not seen by its user at all.

    It waits the milliseconds it is told, not the whole second of Retry-After.
    """
    engine = BusyAtFirst()
    with sdk_for(fake_server(engine), max_retries=openai.DEFAULT_MAX_RETRIES) as sdk:
        assert speak(sdk, response_format="wav").startswith(b"RIFF")
    first, second, third = engine.came_at_seconds
    assert 0.05 <= second - first < 0.95
    assert 0.05 <= third - second < 0.95


async def test_the_async_sdk_tries_again(fake_server: ServeFake) -> None:
    """So does the asynchronous one."""
    async with async_sdk_for(fake_server(BusyAtFirst()), max_retries=2) as sdk:
        answer = await sdk.audio.speech.create(model="tts-1", voice="alba", input=INPUT)
    assert answer.content


def test_our_own_fault(fake_server: ServeFake) -> None:
    """Speech that cannot be made is the client's InternalServerError, without inner words."""
    with (
        sdk_for(fake_server(FakeEngine(fail_after=0))) as sdk,
        pytest.raises(openai.InternalServerError, match="could not be made") as caught,
    ):
        speak(sdk)
    assert caught.value.status_code == 500
    assert caught.value.type == "server_error"
    assert caught.value.request_id


def test_while_the_model_loads(tmp_path: Path) -> None:
    """A model that is still loading is an InternalServerError with the time to wait."""
    loaded = threading.Event()

    def slow() -> FakeEngine:
        loaded.wait(10)
        return FakeEngine()

    with serve(make_settings(tmp_path), slow) as served, sdk_for(served) as sdk:
        with pytest.raises(openai.InternalServerError) as caught:
            speak(sdk)
        assert caught.value.status_code == 503
        assert caught.value.code == "model_unavailable"
        assert 0 < int(caught.value.response.headers["retry-after-ms"]) <= 10_000
        assert "x-should-retry" not in caught.value.response.headers
        loaded.set()


def test_model_that_cannot_be_loaded(tmp_path: Path) -> None:
    """Its reason is told, and when the server will try again."""

    def unavailable() -> FakeEngine:
        raise ModelUnavailable("the disk is full")

    with serve(make_settings(tmp_path), unavailable) as served, sdk_for(served) as sdk:
        served.wait_until(lambda health: health["model"]["state"] == "failed")
        with pytest.raises(openai.InternalServerError, match="the disk is full") as caught:
            speak(sdk)
        assert int(caught.value.response.headers["retry-after"]) >= 1


def test_a_retry_that_cannot_help(fake_server: ServeFake) -> None:
    """Where the operator has to act first, the client is told not to try again."""
    served = fake_server(FakeEngine(broken_voice=True))
    served.settings.voices_dir.mkdir(exist_ok=True)
    (served.settings.voices_dir / "mine.safetensors").write_bytes(b"no state")
    with (
        sdk_for(served, max_retries=3) as sdk,
        pytest.raises(openai.InternalServerError, match="replace it in VOICES_DIR") as caught,
    ):
        speak(sdk, voice="mine")
    assert caught.value.status_code == 503
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert "retry-after" not in caught.value.response.headers
    assert retries_of(caught.value) == 0


def retries_of(error: openai.APIStatusError) -> int:
    """How often the SDK had tried again when it gave up."""
    return int(error.request.headers["x-stainless-retry-count"])


def test_request_id(sdk: openai.OpenAI, client: httpx.Client) -> None:
    """The id that an error carries is the one in the server's answer, chosen by the caller."""
    with pytest.raises(openai.NotFoundError) as caught:
        speak(sdk, voice="nobody", extra_headers={"x-request-id": "find-me"})
    assert caught.value.request_id == "find-me"


def test_what_is_never_there(client: httpx.Client) -> None:
    """A 501 of any dialect says that trying again is in vain."""
    answer = client.post("/fish/v1/asr", files={"audio": ("a.wav", b"RIFF")})
    assert answer.status_code == 501
    assert answer.headers["x-should-retry"] == "false"
