"""Audio made in any order on any thread is read in order on the event loop."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import numpy as np
import pytest

from app.engine.stream import EngineStream, ReadingProgress
from app.errors import ModelUnavailable, SynthesisFailed
from app.speech import Frames


class Calls:
    """Counts what the stream asks of the engine."""

    def __init__(self) -> None:
        self.aborts = 0
        self.rooms = 0

    def abort(self) -> None:
        self.aborts += 1

    def room(self) -> None:
        self.rooms += 1


def stream_of(
    chunks: int, calls: Calls | None = None, buffer_seconds: float = 10.0
) -> EngineStream:
    calls = calls or Calls()
    return EngineStream(
        asyncio.get_running_loop(),
        chunks,
        100,
        buffer_seconds=buffer_seconds,
        on_abort=calls.abort,
        on_room=calls.room,
        on_more=lambda _chunks, _more: None,
    )


def frames(chunk: int, value: float, *, last: bool = False) -> Frames:
    return Frames(chunk, np.full(100, value, np.float32), last)


async def test_later_chunks_wait_for_earlier_ones() -> None:
    stream = stream_of(2)

    def produce() -> None:
        stream.deliver(frames(1, 3.0, last=True))
        stream.deliver(frames(0, 1.0))
        stream.deliver(frames(0, 2.0, last=True))

    threading.Thread(target=produce).start()
    assert [piece.pcm[0] async for piece in stream] == [1.0, 2.0, 3.0]


async def test_an_empty_job_ends_at_once() -> None:
    assert [piece async for piece in stream_of(0)] == []


async def test_a_failure_ends_the_iteration_with_its_error() -> None:
    stream = stream_of(1)
    asyncio.get_running_loop().call_later(0.01, stream.fail, ModelUnavailable("gone"))
    with pytest.raises(ModelUnavailable, match="gone"):
        await anext(stream)


async def test_only_the_first_failure_counts() -> None:
    stream = stream_of(1)
    stream.fail(SynthesisFailed("first"))
    stream.fail(ModelUnavailable("second"))
    with pytest.raises(SynthesisFailed, match="first"):
        await anext(stream)


async def test_abort_can_be_repeated_and_tells_the_engine_once() -> None:
    calls = Calls()
    stream = stream_of(1, calls)
    stream.abort()
    stream.abort()
    assert calls.aborts == 1
    with pytest.raises(SynthesisFailed):
        await anext(stream)


async def test_abort_after_the_end_does_nothing() -> None:
    calls = Calls()
    stream = stream_of(1, calls)
    stream.deliver(frames(0, 1.0, last=True))
    assert len([piece async for piece in stream]) == 1
    stream.abort()
    assert calls.aborts == 0


async def test_reading_from_a_full_buffer_tells_the_engine_that_there_is_room() -> None:
    calls = Calls()
    stream = stream_of(1, calls, buffer_seconds=2.0)
    for value in (1.0, 2.0):
        stream.deliver(frames(0, value))
    assert stream.progress.buffered_seconds == 2.0
    await anext(stream)
    await anext(stream)
    assert calls.rooms == 1
    assert stream.progress == ReadingProgress(read_seconds=2.0, read_pieces=2)


async def test_many_deliveries_wake_the_loop_once(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = stream_of(1)
    loop, wakes = asyncio.get_running_loop(), 0
    original = loop.call_soon_threadsafe

    def counting(*arguments: Any) -> Any:
        nonlocal wakes
        wakes += 1
        return original(*arguments)

    monkeypatch.setattr(loop, "call_soon_threadsafe", counting)
    for value in range(5):
        stream.deliver(frames(0, value, last=value == 4))
    assert len([piece async for piece in stream]) == 5
    assert wakes == 1


def test_a_closed_loop_counts_as_an_abort() -> None:
    calls = Calls()

    async def make() -> EngineStream:
        return stream_of(1, calls)

    stream = asyncio.run(make())
    stream.deliver(frames(0, 1.0))
    assert calls.aborts == 1
