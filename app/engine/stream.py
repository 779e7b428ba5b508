"""A job's audio on its way from the worker threads to one asyncio task."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable

from app.errors import SpeechError, SynthesisFailed
from app.speech import Frames
from app.speech_engine import JobTimings


class EngineStream:
    """Chunks arrive in any order from any thread and leave in order on the event loop.

    Waking the loop costs a system call; one wake-up is under way at a time however much arrives.

    Args:
        loop: the consumer's event loop.
        chunks: how many chunks the job has.
        sample_rate_hz: of the PCM.
        on_abort: called once, on the event loop, when the consumer gives up.
        buffer_seconds: the engine pauses the job when so much waits to be read.
        on_room: called on the event loop when the consumer has read of a full buffer.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        chunks: int,
        sample_rate_hz: int,
        *,
        buffer_seconds: float,
        on_abort: Callable[[], None],
        on_room: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._sample_rate_hz = sample_rate_hz
        self._buffer_seconds = buffer_seconds
        self._on_abort = on_abort
        self._on_room = on_room
        self._lock = threading.Lock()
        self._pieces: list[deque[Frames]] = [deque() for _ in range(chunks)]
        self._head = 0
        self._error: SpeechError | None = None
        self._arrival = asyncio.Event()
        self._waking = False
        self._made_samples = 0
        self._read_samples = 0
        self._readable_samples = 0
        self._timings = JobTimings()

    @property
    def timings(self) -> JobTimings:
        return self._timings

    @property
    def reading(self) -> int:
        """Index of the chunk that is being read."""
        return self._head

    @property
    def readable_seconds(self) -> float:
        """Audio of the chunk that is being read, delivered and not yet read."""
        return self._readable_samples / self._sample_rate_hz

    @property
    def buffered_seconds(self) -> float:
        """Audio delivered and not yet read."""
        return (self._made_samples - self._read_samples) / self._sample_rate_hz

    @property
    def read_seconds(self) -> float:
        return self._read_samples / self._sample_rate_hz

    @property
    def ended(self) -> bool:
        """Everything was read, or it failed."""
        return self._error is not None or self._head == len(self._pieces)

    def deliver(self, frames: Frames) -> None:
        """Hand over PCM; called by a worker, in order within a chunk."""
        with self._lock:
            self._pieces[frames.chunk_index].append(frames)
            self._made_samples += len(frames.pcm)
            wanted = frames.chunk_index == self._head
            if wanted:
                self._readable_samples += len(frames.pcm)
        if wanted:
            self._wake()

    def fail(self, error: SpeechError) -> None:
        """End the iteration with `error`, unless it ended before; called from any thread."""
        with self._lock:
            if self.ended:
                return
            self._error = error
        self._wake()

    def abort(self) -> None:
        if not self.ended:
            self.fail(SynthesisFailed("the speech was aborted"))
            self._on_abort()

    def __aiter__(self) -> EngineStream:
        return self

    async def __anext__(self) -> Frames:
        while True:
            if self._error is not None:
                raise self._error
            if self._head == len(self._pieces):
                raise StopAsyncIteration
            was_full = self.buffered_seconds >= self._buffer_seconds
            frames = self._take()
            if frames is not None:
                if was_full or frames.chunk_last:
                    self._on_room()
                return frames
            await self._arrival.wait()
            self._arrival.clear()

    def _take(self) -> Frames | None:
        with self._lock:
            pieces = self._pieces[self._head]
            if not pieces:
                return None
            frames = pieces.popleft()
            self._read_samples += len(frames.pcm)
            self._readable_samples -= len(frames.pcm)
            if frames.chunk_last:
                self._head += 1
                self._readable_samples = self._samples_in(self._head)
            return frames

    def _samples_in(self, chunk: int) -> int:
        if chunk == len(self._pieces):
            return 0
        return sum(len(frames.pcm) for frames in self._pieces[chunk])

    def _wake(self) -> None:
        with self._lock:
            if self._waking:
                return
            self._waking = True
        try:
            self._loop.call_soon_threadsafe(self._woken)
        except RuntimeError:  # the loop is closed: nobody listens any more
            self._on_abort()

    def _woken(self) -> None:
        with self._lock:
            self._waking = False
        self._arrival.set()
