"""Gives out speech as it is made, and tells who is heard and how far it has come."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing

from app.audio.heard import HeardTimes
from app.audio.shaping import Shaper
from app.errors import Overloaded, SynthesisFailed
from app.speaking.going_on import GoingOn
from app.speaking.marking import Marking
from app.speaking.speaker import Origin
from app.speech import Frames, Pcm, SpeechRequest
from app.speech_engine import EngineStatus, JobTimings, SpeechStream
from app.telemetry.delivery import Delivery

logger = logging.getLogger(__name__)


def too_late(patience_seconds: float, status: EngineStatus) -> Overloaded:
    """Make the error for who has waited for so long that the speech is of no use any more."""
    return Overloaded(
        f"no audio within {round(patience_seconds, 2):g} s: too much is being spoken",
        retry_after_seconds=status.clears_seconds,
    )


class Utterance:
    """Follows one request on its way through the engine. Read its sound once, then close it.

    Attributes:
        request: the request that is spoken.
        origin: the model and the voice that are heard.
        began_seconds: when the request came in, as `time.monotonic` has it.
        spoken_seconds: how much sound has been read so far.
        marks: when words and sentences are heard, as far as that is known; complete once all of
            the sound has been read. Empty unless the request asks for times.

    Args:
        patience_seconds: how long whoever reads waits for the first audio; None for as long as
            that takes.
        engine_status: tells how busy the engine is.
        delivery: is told how the sound is read, and what becomes of it.
        most_seconds: how much sound there may be.
        going_on: reads the rest of the script meanwhile.
    """

    def __init__(
        self,
        request: SpeechRequest,
        origin: Origin,
        stream: SpeechStream,
        shaper: Shaper,
        marking: Marking,
        *,
        sample_rate_hz: int,
        patience_seconds: float | None,
        engine_status: Callable[[], EngineStatus],
        most_seconds: float,
        going_on: GoingOn,
        delivery: Delivery,
    ) -> None:
        self.request = request
        self.origin = origin
        self.sample_rate_hz = sample_rate_hz
        self.began_seconds = delivery.began_seconds
        self.spoken_seconds = 0.0
        self._stream = stream
        self._shaper = shaper
        self._marking = marking
        self.marks = marking.marks
        self._patience_seconds = patience_seconds
        self._delivery = delivery
        self._engine_status = engine_status
        self._most_seconds = most_seconds
        self._going_on = going_on
        stream.hold_back(lambda: delivery.played_until_seconds)
        self._reading = asyncio.create_task(going_on.read_on())
        self._reading.add_done_callback(self._reading_ended)

    @property
    def timings(self) -> JobTimings:
        """Return after how many seconds, since it was queued, each stage was over."""
        return self._stream.timings

    def read_whole(self) -> None:
        """Let nothing be read that could still come out better; before anything is read."""
        self._stream.hold_back(lambda: math.inf)

    def follow(self, played_until_seconds: float) -> None:
        """Say until when whoever reads this has something else to play; before anything is read."""
        self._delivery.follow(played_until_seconds)

    @property
    def played_until_seconds(self) -> float:
        """Return when who plays it as it comes has played all that was read so far."""
        return self._delivery.played_until_seconds

    def end_after_chunk(self) -> None:
        """Let the sound end with the chunk that is read now."""
        self._shaper.end_after_chunk()

    @property
    def ended_early(self) -> bool:
        """Tell whether `end_after_chunk` has left something out."""
        return self._shaper.ended_early

    async def pcm(self) -> AsyncGenerator[Pcm, None]:
        """Yield the whole speech in order, pauses included: mono, shape [samples].

        Raises:
            Overloaded: no audio came in time. Nothing was yielded before that.
            SynthesisFailed, ModelUnavailable: what was yielded is not the whole speech.
        """
        try:
            async with aclosing(self._shaped()) as pieces:
                async for piece in pieces:
                    self._count(len(piece) / self.sample_rate_hz)
                    yield piece
                    self._delivery.asked()
            if not self.ended_early:
                self._delivery.outcome = "complete"
        except Exception as error:  # also one that nobody foresaw has failed
            self._delivery.outcome = "timed out" if isinstance(error, Overloaded) else "failed"
            raise

    def _count(self, seconds: float) -> None:
        self.spoken_seconds += seconds
        self._delivery.came(seconds, self.timings)
        if self.spoken_seconds > self._most_seconds:
            raise SynthesisFailed("the speech lasts longer than is allowed")

    async def count_script_tokens(self) -> int:
        """Count the tokens that the model has read of the script."""
        return await self._going_on.count_tokens()

    def close(self) -> None:
        """Stop the work behind this speech, if any is left."""
        self._reading.cancel()
        self._stream.abort()
        self._delivery.ended(self.timings)

    async def _shaped(self) -> AsyncGenerator[Pcm, None]:
        """Yield the shaped sound, and keep the marks up with it."""
        frames = self._heard()
        async with self._shaper as shaper:
            first = await self._first_of(frames)
            async with aclosing(shaper.run(frames, first)) as pieces:
                async for piece in pieces:
                    self._mark(shaper.heard)
                    yield piece
            if not shaper.spoken_samples:
                raise SynthesisFailed("the engine made no audio")
            self._mark(shaper.heard)
            self._marking.finish()

    def _mark(self, heard: HeardTimes) -> None:
        if self._stream.alignment is not None:
            self.marks.method = self._stream.alignment.method
        self._marking.update(heard)

    def _reading_ended(self, reading: asyncio.Task[None]) -> None:
        if not reading.cancelled() and (error := reading.exception()) is not None:
            # It cannot fail for what the script says; whatever else it is ends the speech.
            logger.error("a script could not be read on", exc_info=error)
            self._stream.abort()

    async def _heard(self) -> AsyncGenerator[Frames, None]:
        """Yield the frames of the engine, and note how many chunks have come to their end."""
        async for frames in self._stream:
            yield frames
            if frames.chunk_last:
                self._going_on.heard(frames.chunk_index + 1)

    async def _first_of(self, frames: AsyncIterator[Frames]) -> Frames:
        """Wait for the engine's first audio, but no longer than that is of use to anybody."""
        try:
            async with asyncio.timeout(self._patience_seconds):
                return await anext(frames)
        except TimeoutError:
            assert self._patience_seconds is not None
            raise too_late(self._patience_seconds, self._engine_status()) from None
        except StopAsyncIteration:
            raise SynthesisFailed("the engine made no audio") from None
