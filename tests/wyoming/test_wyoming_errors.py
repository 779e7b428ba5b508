"""What Wyoming clients are told when something is wrong, and that nothing is left behind."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from wyoming.error import Error
from wyoming.event import Event
from wyoming.tts import (
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    SynthesizeVoice,
)

from app.assembly.parts import make_services
from app.wyoming import server as wyoming
from tests.fakes import FakeEngine
from tests.serving import LogRecords, make_settings
from tests.wyoming.home import PATIENCE_SECONDS, WHOLE, Heard, Home, fake_home


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A server that allows scripts of 100 characters."""
    with fake_home(tmp_path_factory.mktemp("strict"), max_script_chars=100) as made:
        yield made


@pytest.mark.parametrize(
    ("events", "code", "words"),
    [
        ([Synthesize("Hi.", SynthesizeVoice(name="nobody"))], "voice_not_found", "alba, marius"),
        ([Synthesize("Hi.", SynthesizeVoice(name=" "))], "invalid_request", "voice"),
        ([Synthesize("Hi.", SynthesizeVoice(language="xx"))], "invalid_request", "language"),
        ([Synthesize("Hi.", SynthesizeVoice(language="de"))], "invalid_request", "language"),
        ([Synthesize("")], "invalid_request", "text"),
        ([Synthesize("...")], "invalid_request", "text"),
        ([Synthesize("你好世界")], "invalid_request", "'你好世界'"),
        ([Synthesize("x" * 101)], "too_large", "100 characters"),
        ([Synthesize("<speak>One.")], "invalid_request", "text"),
        ([SynthesizeStart(), SynthesizeStop()], "invalid_request", "text"),
        ([SynthesizeStart(), SynthesizeStart()], "invalid_request", "synthesize-stop"),
        (
            [SynthesizeStart(), SynthesizeChunk("x" * 60), SynthesizeChunk("x" * 60)],
            "too_large",
            "100 characters",
        ),
        ([SynthesizeChunk("One.")], "invalid_request", "synthesize-start"),
        ([SynthesizeStop()], "invalid_request", "synthesize-start"),
        ([Event("synthesize", {"text": 5})], "invalid_request", "text"),
        ([Event("synthesize", {"voice": {}})], "invalid_request", "text is required"),
        ([Event("synthesize", {"text": "x", "voice": "alba"})], "invalid_request", "voice"),
    ],
)
async def test_refusals(strict: Home, events: Sequence[Any], code: str, words: str) -> None:
    """An error event says what was wrong, and the connection ends; there is no audio."""
    heard = await strict.say(
        *(each if isinstance(each, Event) else each.event() for each in events)
    )
    assert heard.types == ["error"]
    assert heard.error is not None
    assert heard.error.code == code
    assert words in heard.error.text
    assert (await strict.say(Synthesize("Hello.").event())).types == WHOLE


def heard_raw(port: int, data: bytes) -> Heard:
    """What comes back for hand-made bytes before the server closes the connection."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(data)
        while piece := connection.recv(1 << 16):
            received += piece
    line, _, rest = received.partition(b"\n")
    header = json.loads(line)
    told = json.loads(rest[: header["data_length"]])
    assert rest[header["data_length"] :] == b""
    return Heard([header["type"]], error=Error(told["text"], told["code"]))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b'{"type": "synthesize", "data": {"text": "x\\ud800"}}\n', "invalid_request"),
        (b"hello\n", "invalid_request"),
        (b"\n", "invalid_request"),
        (b"[1]\n", "invalid_request"),
        (b"{}\n", "invalid_request"),
        (b'{"type": 5}\n', "invalid_request"),
        (b"\xff\xfe\n", "invalid_request"),
        (b"[" * 30_000 + b"\n", "invalid_request"),
        (b'{"type": "synthesize", "data": []  , "data_length": 2}\n[]', "invalid_request"),
        (b'{"type": "synthesize", "data_length": -5}\n', "invalid_request"),
        (b'{"type": "synthesize", "data_length": "5"}\n', "invalid_request"),
        (b'{"type": "synthesize", "data_length": 3}\nxyz', "invalid_request"),
        (b'{"type": "synthesize", "data_length": 1000000000}\n', "too_large"),
        (b'{"type": "audio-chunk", "payload_length": 1000000000}\n', "too_large"),
        (b'{"type": "' + b"x" * 10_000_000 + b'"}\n', "too_large"),
    ],
)
async def test_malformed_events(strict: Home, data: bytes, code: str) -> None:
    """What is no event is refused without being kept; the server stays up."""
    heard = await asyncio.to_thread(heard_raw, strict.port, data)
    assert heard.error is not None
    assert heard.error.code == code
    assert (await strict.say(Synthesize("Hello.").event())).types == WHOLE


def test_a_client_hangs_up_on_its_error(strict: Home, log_records: LogRecords) -> None:
    """Whoever is no Wyoming client and does not stay for the reason leaves no trace in the log."""
    for _ in range(10):
        with socket.create_connection(("127.0.0.1", strict.port)) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert b'"error"' in connection.recv(1 << 16)
    gc.collect()  # a task that failed is told when it is forgotten
    time.sleep(0.5)
    said = [each.getMessage() for each in log_records.kept]
    assert len([each for each in said if each.startswith("WYOMING synthesize refused in ")]) == 10
    assert all(each.levelno < logging.WARNING for each in log_records.kept), said


async def test_failure_in_the_middle(tmp_path: Path) -> None:
    """Speech that breaks off is never ended as if it were whole."""
    with fake_home(tmp_path, FakeEngine(fail_after=3)) as made:
        heard = await made.say(Synthesize("Hello.").event())
    assert heard.types == ["audio-start", "audio-chunk", "error"]
    assert heard.error == Error("the speech could not be made", "internal_error")


@pytest.mark.parametrize("hold_after", [0, 2])
@pytest.mark.parametrize("abrupt", [False, True])
async def test_a_client_hangs_up(tmp_path: Path, hold_after: int, abrupt: bool) -> None:
    """The work for a client that has left is stopped, before its audio and within it."""
    engine = FakeEngine(hold_after=hold_after)
    with fake_home(tmp_path, engine) as made:
        with socket.create_connection(("127.0.0.1", made.port)) as connection:
            connection.sendall(b'{"type": "synthesize", "data": {"text": "Hello."}}\n')
            await engine.begun()
            if abrupt:
                linger = struct.pack("ii", 1, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        assert await asyncio.to_thread(engine.streams[0].aborted.wait, 2)
        assert not engine.streams[0].running


async def test_a_client_that_is_quiet_for_long(tmp_path: Path) -> None:
    """Neither a stream that is never ended nor a silent connection is kept for ever.

    Speech that lasts longer than that is nevertheless heard to its end.
    """
    engine = FakeEngine(frame_seconds=0.2)
    services = make_services(make_settings(tmp_path), lambda: engine)
    ready = asyncio.Event()
    services.cast.start(lambda _: ready.set())
    await asyncio.wait_for(ready.wait(), PATIENCE_SECONDS)
    listeners = wyoming.listen("127.0.0.1", 0)
    port = listeners[0].getsockname()[1]
    async with wyoming.serve(services, listeners, idle_seconds=0.3):
        for data in (b"", b'{"type": "synthesize-start"}\n', b'{"type": "desc'):
            heard = await asyncio.to_thread(heard_raw, port, data)
            assert heard.error is not None
            assert "nothing came for 0.3 s" in heard.error.text
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b'{"type": "synthesize", "data": {"text": "Hello."}}\n')
        received = await asyncio.wait_for(reader.read(-1), PATIENCE_SECONDS)
        assert received.count(b'"audio-chunk"') == 5
        assert b'"audio-stop"' in received
        writer.close()
    await services.cast.stop(0)
