"""OpenAI's `stream_format="sse"`, read with OpenAI's own client."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import httpx
import openai
import pytest

from app.api.openai.speech import OPENAI_FORMATS
from tests.api.openai.sdk import INPUT, async_sdk_for, sdk_for
from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.listening import assert_speech, listen
from tests.serving import KEY, Served, serve_fake

Format = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]
Event = dict[str, Any]


@pytest.fixture(scope="module")
def speaking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that speaks for two seconds, whatever it is told."""
    engine = FakeEngine(frames_per_chunk=25)
    with serve_fake(tmp_path_factory.mktemp("speaking"), engine) as served:
        yield served


def ask(sdk: openai.OpenAI, **fields: Any) -> Any:
    arguments = {"model": "gpt-4o-mini-tts", "voice": "alba", "input": INPUT} | fields
    return sdk.audio.speech.with_streaming_response.create(**arguments, stream_format="sse")


def events(lines: Iterator[str]) -> Iterator[Event]:
    """The events of a stream, each found whole: its name, its data, an empty line."""
    for name in lines:
        event: Event = json.loads(next(lines).removeprefix("data: "))
        assert name == f"event: {event['type']}"
        assert next(lines) == ""
        yield event


def heard_in(found: list[Event]) -> bytes:
    return b"".join(base64.b64decode(each["audio"], validate=True) for each in found[:-1])


@pytest.mark.parametrize("name", OPENAI_FORMATS)
def test_formats(speaking: Served, ffmpeg: Path, tmp_path: Path, name: Format) -> None:
    """The deltas of every format, joined, are the whole audio; the last event counts tokens."""
    with (
        sdk_for(speaking) as sdk,
        ask(sdk, response_format=name) as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        found = list(events(answer.iter_lines()))
    assert {each["type"] for each in found[:-1]} == {"speech.audio.delta"}
    assert_speech(listen(ffmpeg, tmp_path, heard_in(found), name), name, 2.0)
    assert found[-1] == {
        "type": "speech.audio.done",
        # The fake engine counts words; a latent frame is 80 ms.
        "usage": {"input_tokens": 7, "output_tokens": 25, "total_tokens": 32},
    }


def test_real_model(server: Served, ffmpeg: Path, tmp_path: Path) -> None:
    """With a real model too, the frames that were counted are as long as what is heard."""
    with sdk_for(server) as sdk, ask(sdk, response_format="wav") as answer:
        found = list(events(answer.iter_lines()))
    heard = listen(ffmpeg, tmp_path, heard_in(found), "wav")
    usage = found[-1]["usage"]
    assert usage["output_tokens"] == pytest.approx(len(heard.pcm) / 1920, abs=1)
    assert usage["input_tokens"] > 5
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]


def test_speed_counts(speaking: Served) -> None:
    """Tokens are of what is heard: at half the speed they are twice as many."""
    with sdk_for(speaking) as sdk, ask(sdk, response_format="pcm", speed=0.5) as answer:
        *_, done = events(answer.iter_lines())
    assert done["usage"]["output_tokens"] == pytest.approx(50, abs=1)


def test_a_delta_comes_as_soon_as_its_audio_exists(fake_server: ServeFake) -> None:
    """While the engine rests after three frames, these three have been sent, as whole samples."""
    engine = FakeEngine(frames_per_chunk=10, hold_after=3)
    with (
        sdk_for(fake_server(engine)) as sdk,
        ask(sdk, response_format="pcm") as answer,
    ):
        coming = events(answer.iter_lines())
        first = b""
        while len(first) < 2 * 2 * 1920:  # the newest frame may wait for its neighbour
            data = base64.b64decode(next(coming)["audio"])
            assert len(data) % 2 == 0
            first += data
        assert not engine.let_go.is_set()
        engine.let_go.set()
        assert len(first + heard_in(list(coming))) == 2 * 10 * 1920


def decoded(sdk: openai.OpenAI) -> openai.Stream[Event]:
    """The stream as the SDK decodes those of its other calls; it has no name for this one."""
    return sdk.post(
        "/audio/speech",
        body={"input": INPUT, "response_format": "pcm", "stream_format": "sse"},
        cast_to=Event,
        stream=True,
        stream_cls=openai.Stream[Event],
    )


def test_the_sdk_decodes_them(speaking: Served) -> None:
    """The decoder of server-sent events inside the SDK finds the same events."""
    with sdk_for(speaking) as sdk, decoded(sdk) as stream:
        kinds = [each["type"] for each in stream]
    assert kinds[0] == "speech.audio.delta"
    assert kinds[-1] == "speech.audio.done"


def test_complete(speaking: Served) -> None:
    """Without streaming the SDK hands over the events as text."""
    with sdk_for(speaking) as sdk:
        answer = sdk.audio.speech.create(
            model="tts-1", voice="alba", input=INPUT, stream_format="sse"
        )
        kinds = [each["type"] for each in events(answer.iter_lines())]
    assert kinds[0] == "speech.audio.delta"
    assert kinds[-1] == "speech.audio.done"


async def test_async_client(speaking: Served) -> None:
    """The asynchronous client reads them as well."""
    async with (
        async_sdk_for(speaking) as sdk,
        sdk.audio.speech.with_streaming_response.create(
            model="tts-1", voice="alba", input=INPUT, response_format="wav", stream_format="sse"
        ) as answer,
    ):
        lines = [line async for line in answer.iter_lines()]
    found = list(events(iter(lines)))
    assert heard_in(found).startswith(b"RIFF")


def test_failure_in_mid_stream(fake_server: ServeFake) -> None:
    """A stream that breaks ends without its last event, and the client learns that it broke."""
    kinds: list[str] = []

    def read(sdk: openai.OpenAI) -> None:
        with decoded(sdk) as stream:
            kinds.extend(each["type"] for each in stream)

    with sdk_for(fake_server(FakeEngine(frames_per_chunk=10, fail_after=4))) as sdk:
        with pytest.raises(openai.APIConnectionError):
            read(sdk)
        broken = pytest.raises(Exception, match="without sending complete")
        with ask(sdk, response_format="pcm") as answer, broken:
            answer.read()
    assert set(kinds) == {"speech.audio.delta"}


def test_failure_on_the_wire(fake_server: ServeFake) -> None:
    """The connection is cut: the chunk of length zero that ends a body is never sent."""
    served = fake_server(FakeEngine(frames_per_chunk=10, fail_after=4))
    body = json.dumps({"input": INPUT, "response_format": "pcm", "stream_format": "sse"}).encode()
    head = (
        f"POST /v1/audio/speech HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    received = b""
    with socket.create_connection(served.address, timeout=10) as connection:
        connection.sendall(head.encode() + body)
        while piece := connection.recv(65536):
            received += piece
    assert received.startswith(b"HTTP/1.1 200")
    assert b"speech.audio.delta" in received
    assert b"speech.audio.done" not in received
    assert not received.endswith(b"0\r\n\r\n")


def test_a_listener_who_leaves(fake_server: ServeFake) -> None:
    """When the client hangs up the engine stops."""
    engine = FakeEngine(frames_per_chunk=50, hold_after=5)
    served = fake_server(engine)
    with sdk_for(served) as sdk, ask(sdk, response_format="pcm") as answer:
        assert next(answer.iter_lines())
    served.wait_until(lambda health: health["engine"]["running_rows"] == 0)
    assert engine.streams[0].aborted.is_set()


def test_failure_before_the_first_event(fake_server: ServeFake) -> None:
    """What fails before audio exists is an ordinary error."""
    with (
        sdk_for(fake_server(FakeEngine(fail_after=0))) as sdk,
        pytest.raises(openai.InternalServerError),
        ask(sdk),
    ):
        pass


@pytest.mark.parametrize("wrong", ["ndjson", "", "sse2", 1, ["sse"]])
def test_wrong_stream_format(client: httpx.Client, wrong: object) -> None:
    """Any other stream_format is refused, with what is allowed."""
    answer = client.post("/v1/audio/speech", json={"input": INPUT, "stream_format": wrong})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["param"] == "stream_format"
    assert "'audio' or 'sse'" in error["message"]
