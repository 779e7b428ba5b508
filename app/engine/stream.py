"""Carries a job's audio from the worker threads to one asyncio task."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

from app.errors import SpeechError, SynthesisFailed
from app.speech import NO_PCM, Frames
from app.speech_engine import Alignment, JobTimings, SpokenChunk

NEEDED_EARLY_SECONDS = 1.0
"""What is needed then is given out so much earlier: encoders, loudness and networks take time."""


@dataclass(slots=True)
class ReadingProgress:
    """Counts how much of a job's audio has been read, and how much waits to be.

    The stream writes it under its lock. The scheduler reads it without one: a number that is a
    moment old does no harm there.

    Attributes:
        chunk_index: the chunk that is being read; later ones cannot be read before it has ended.
        buffered_seconds: audio made and not yet read, of all chunks.
        readable_seconds: audio that can be read now, of the chunk that is being read; what is held
            back of it cannot.
        read_seconds: audio read so far.
        read_pieces: how many pieces of the chunk that is being read have been read.
    """

    chunk_index: int = 0
    buffered_seconds: float = 0.0
    readable_seconds: float = 0.0
    read_seconds: float = 0.0
    read_pieces: int = 0


class EngineStream:
    """Implements `SpeechStream`; chunks arrive in any order from any thread, and leave in order.

    Waking the event loop costs a system call; one wake-up is under way at a time however much
    arrives.

    Args:
        loop: the consumer's event loop.
        chunks: how many chunks the job has.
        sample_rate_hz: rate of the PCM.
        buffer_seconds: how much may wait to be read before the engine pauses the job.
        on_abort: called when the consumer gives up, once, on the event loop; or from a worker
            when the event loop is closed.
        on_room: called on the event loop when the consumer has read from a full buffer.
        on_more: takes the chunks that are added, and whether still more will be.
        more: whether there will be any.
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
        on_more: Callable[[Sequence[SpokenChunk], bool], None],
        more: bool = False,
    ) -> None:
        self.timings = JobTimings()
        self.alignment: Alignment | None = None
        self.progress = ReadingProgress()
        self._loop = loop
        self._sample_rate_hz = sample_rate_hz
        self._buffer_seconds = buffer_seconds
        self._on_abort = on_abort
        self._on_room = on_room
        self._on_more = on_more
        self._more = more
        self._lock = threading.Lock()
        self._pieces: list[deque[Frames]] = [deque() for _ in range(chunks)]
        # How many pieces of a chunk are final: no other take will come in their place.
        self._final: list[int] = [0] * chunks
        self._needed_at_seconds: Callable[[], float] | None = None
        # Whether the chunk that is being read is given out as it comes, not only what is final.
        self._flowing = True
        self._held_seconds = math.inf
        self._announced = False
        self._error: SpeechError | None = None
        self._arrival = asyncio.Event()
        self._waking = False

    @property
    def ended(self) -> bool:
        """Tell whether everything has been read, or the job failed."""
        read = self.progress.chunk_index == len(self._pieces)
        return self._error is not None or (read and not self._more)

    def extend(self, chunks: Sequence[SpokenChunk], *, more: bool) -> None:
        """Add chunks to the job; called on the event loop."""
        if self.ended:
            return
        with self._lock:
            self._pieces.extend(deque() for _ in chunks)
            self._final.extend(0 for _ in chunks)
            self._more = more
        self._on_more(chunks, more)
        self._arrival.set()

    def deliver(self, frames: Frames) -> None:
        """Hand over PCM; called by a worker, in order within a chunk."""
        seconds = self._seconds(frames)
        with self._lock:
            self._pieces[frames.chunk_index].append(frames)
            self.progress.buffered_seconds += seconds
            wanted = frames.chunk_index == self.progress.chunk_index
            if wanted and self._flowing:
                self.progress.readable_seconds += seconds
        if wanted:
            self._wake()

    def hold_back(self, needed_at_seconds: Callable[[], float]) -> None:
        """Give out only what is final, until more is needed; called on the event loop."""
        with self._lock:
            self._needed_at_seconds = needed_at_seconds
            self._flowing = False
            self._count_readable()

    def settle(self, chunk_index: int) -> None:
        """Make final what there is of a chunk; called by a worker."""
        with self._lock:
            self._final[chunk_index] = self._read_of(chunk_index) + len(self._pieces[chunk_index])
            wanted = chunk_index == self.progress.chunk_index and not self._flowing
            if wanted:
                self._count_readable()
        if wanted:
            self._wake()

    def take_back(self, chunk_index: int) -> bool:
        """Drop what there is of a chunk and is not final; False if some of that has been read."""
        with self._lock:
            progress = self.progress
            if chunk_index < progress.chunk_index:
                return False
            left = self._final[chunk_index] - self._read_of(chunk_index)
            if left < 0:
                return False
            pieces = self._pieces[chunk_index]
            while len(pieces) > left:
                seconds = self._seconds(pieces.pop())
                progress.buffered_seconds -= seconds
                if chunk_index == progress.chunk_index and self._flowing:
                    progress.readable_seconds -= seconds
            return True

    def _read_of(self, chunk_index: int) -> int:
        return self.progress.read_pieces if chunk_index == self.progress.chunk_index else 0

    def fail(self, error: SpeechError) -> None:
        """End the iteration with `error`, unless it ended before; called from any thread."""
        with self._lock:
            if self.ended:
                return
            self._error = error
            for pieces in self._pieces:  # nobody reads them any more
                pieces.clear()
        self._wake()

    def abort(self) -> None:
        """End the iteration with SynthesisFailed and tell the engine, unless it ended before."""
        if not self.ended:
            self.fail(SynthesisFailed("the speech was aborted"))
            self._on_abort()

    def __aiter__(self) -> EngineStream:
        return self

    async def __anext__(self) -> Frames:
        """Return the next piece of PCM in playback order.

        Raises:
            SpeechError: the job failed or was aborted.
        """
        while True:
            if self._error is not None:
                raise self._error
            if self.ended:
                raise StopAsyncIteration
            was_full = self.progress.buffered_seconds >= self._buffer_seconds
            frames = self._take()
            if frames is not None:
                if was_full or frames.chunk_last:
                    self._on_room()
                return frames
            held_seconds = None if self._held_seconds == math.inf else self._held_seconds
            with suppress(TimeoutError):
                async with asyncio.timeout(held_seconds):
                    await self._arrival.wait()
            self._arrival.clear()

    def _take(self) -> Frames | None:
        """Remove and return the next piece; None while it is not there or is held back."""
        with self._lock:
            progress = self.progress
            self._held_seconds = math.inf
            if progress.chunk_index == len(self._pieces) or not self._pieces[progress.chunk_index]:
                return None
            if not self._flowing and self._final[progress.chunk_index] <= progress.read_pieces:
                self._held_seconds = self._seconds_until_needed()
                if self._held_seconds > 0:
                    return self._announcement()
                self._flowing = True
                self._count_readable()
            frames = self._pieces[progress.chunk_index].popleft()
            self._announced = True
            progress.read_pieces += 1
            seconds = self._seconds(frames)
            progress.read_seconds += seconds
            progress.buffered_seconds -= seconds
            progress.readable_seconds -= seconds
            if frames.chunk_last:
                progress.chunk_index += 1
                progress.read_pieces = 0
                self._flowing = self._needed_at_seconds is None
                self._count_readable()
            return frames

    def _seconds_until_needed(self) -> float:
        """Tell how long a piece that may be taken back can be held; not above 0 if not at all."""
        if self._needed_at_seconds is None:
            return 0.0
        return self._needed_at_seconds() - NEEDED_EARLY_SECONDS - time.monotonic()

    def _announcement(self) -> Frames | None:
        """Return frames without sound, once: they tell who waits that there will be some."""
        if self._announced:
            return None
        self._announced = True
        return Frames(self.progress.chunk_index, NO_PCM, chunk_last=False)

    def _count_readable(self) -> None:
        """Count anew what can be read of the chunk whose turn it is; part of it may be there."""
        at = self.progress.chunk_index
        here = iter(self._pieces[at] if at < len(self._pieces) else ())
        if not self._flowing and at < len(self._pieces):
            here = islice(here, self._final[at] - self.progress.read_pieces)
        self.progress.readable_seconds = sum(map(self._seconds, here))

    def _seconds(self, frames: Frames) -> float:
        """Tell how long a piece of PCM is."""
        return len(frames.pcm) / self._sample_rate_hz

    def _wake(self) -> None:
        """Have the event loop look at what has arrived; called from any thread."""
        with self._lock:
            if self._waking:
                return
            self._waking = True
        try:
            self._loop.call_soon_threadsafe(self._woken)
        except RuntimeError:  # the loop is closed: nobody listens any more
            self._on_abort()

    def _woken(self) -> None:
        """Let the consumer go on; runs on the event loop."""
        with self._lock:
            self._waking = False
        self._arrival.set()
