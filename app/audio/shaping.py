"""Shapes a whole utterance: speed, pitch, volume and pauses, chunk by chunk, while it is spoken."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from types import TracebackType

import numpy as np

from app.audio.child import closed_at_the_end
from app.audio.effects import ChunkJoiner
from app.audio.heard import HeardTimes, MovedMoments
from app.audio.pcm import samples_in
from app.audio.silences import PauseScales, SilenceScaler
from app.audio.stretch import Stretch
from app.errors import SynthesisFailed
from app.speech import Frames, Pcm, Prosody


@dataclass(frozen=True, slots=True)
class ChunkShape:
    """Says how one chunk is to sound and what pause follows it."""

    prosody: Prosody = field(default_factory=Prosody)
    pause_after_seconds: float = 0.0
    """The pause is heard as long as this, whatever the chunk's speed is."""
    scale_inside: float = 1.0
    """The pauses that the model makes in the chunk become this many times as long."""
    scale_after: float = 1.0
    """The silence from its last word to the next chunk's first becomes this many times as long.

    `pause_after_seconds` comes on top of it, unscaled.
    """


@dataclass(frozen=True, slots=True)
class _Run:
    """Describes consecutive chunks that go through one filter."""

    speed: float
    pitch_semitones: float
    chunks_end: int
    """The first chunk after them has this index."""

    @property
    def is_plain(self) -> bool:
        return self.speed == 1.0 and self.pitch_semitones == 0.0


class Shaper:
    """Joins and shapes the chunks of one utterance.

        async with Shaper(plan, 24000, ffmpeg) as shaper:
            async for pcm in shaper.run(frames):
                ...

    Enter it before whatever reads from it (an encoder), so that it is left after. Speech that
    asks for nothing passes as it is; volume is a multiplication; only speed and pitch cost an
    FFmpeg, which starts on entering and again wherever one of the two changes. Leaving the block,
    for whatever reason, ends it.
    """

    def __init__(
        self,
        plan: Sequence[ChunkShape],
        sample_rate_hz: int,
        ffmpeg: Path,
        *,
        lead_seconds: float = 0.0,
    ) -> None:
        """Prepare to shape an utterance; nothing is started before the block is entered.

        Args:
            plan: the shape of each chunk in order, at least one.
            lead_seconds: how much silence comes before the first chunk.
        """
        self._plan = tuple(plan)
        self._runs = tuple(_runs(self._plan))
        self._sample_rate_hz = sample_rate_hz
        self._ffmpeg = ffmpeg
        self._lead_samples = samples_in(lead_seconds, sample_rate_hz)
        # Pauses pass through the filter with the speech, so they go in as much longer as they
        # come out shorter.
        self._joiner = ChunkJoiner(
            [shape.pause_after_seconds * shape.prosody.speed for shape in plan], sample_rate_hz
        )
        self._silences: SilenceScaler | None = None
        if any((shape.scale_inside, shape.scale_after) != (1.0, 1.0) for shape in plan):
            self._silences = SilenceScaler(sample_rate_hz)
        self._waiting: Frames | None = None
        self.spoken_samples = 0
        """This many samples were in the frames so far, without pauses."""
        self.heard = HeardTimes(self._lead_samples, sample_rate_hz)
        """It says when words and chunks are heard, as far as that is settled."""
        self._moments: MovedMoments | None = None
        self._early: Stretch | None = None
        self._output: AsyncGenerator[Pcm, None] | None = None

    async def __aenter__(self) -> Shaper:
        """Start FFmpeg if the first chunk needs it; raise SynthesisFailed if it does not start."""
        if self._runs and not self._runs[0].is_plain:
            self._early = await self._start(self._runs[0])
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if self._output is not None:
                await self._output.aclose()
        finally:
            # It is still here only if it was never used.
            if self._early is not None:
                await self._early.stop()

    def run(
        self, frames: AsyncIterable[Frames], first: Frames | None = None
    ) -> AsyncGenerator[Pcm, None]:
        """Yield the whole utterance in playback order, pauses included. Call it once.

        A consumer that pauses makes the reading of `frames` pause too. If `frames` is a generator,
        it is closed at the end.

        Args:
            first: frames that were taken from `frames` already.

        Raises (while iterating):
            SynthesisFailed: the frames end before the last chunk does, come out of order, or
                FFmpeg failed; what was yielded so far is not the whole utterance.
            Whatever iterating `frames` raises, likewise.
        """
        self._waiting = first
        self._output = self._shaped(frames)
        return self._output

    async def _shaped(self, frames: AsyncIterable[Frames]) -> AsyncGenerator[Pcm, None]:
        async with closed_at_the_end(frames):
            arriving = aiter(frames)
            if self._lead_samples:
                # Sound tells a caller that there is speech, so the silence waits for frames.
                self._waiting = await self._next(arriving)
                yield np.zeros(self._lead_samples, dtype=np.float32)
            for run in self._runs:
                self.heard.begin_run(run.speed)
                if run.is_plain:
                    while self._joiner.chunk_index < run.chunks_end:
                        pcm = await self._played(arriving)
                        if len(pcm):
                            yield pcm
                    continue
                async with aclosing(self._stretched(arriving, run)) as shaped:
                    async for pcm in shaped:
                        yield pcm
            async for surplus in arriving:
                self._joiner.feed(surplus)

    async def _played(self, arriving: AsyncIterator[Frames]) -> Pcm:
        """Take the next frames; return what can be played, at its volume, not yet at its speed."""
        volume_db = self._plan[self._joiner.chunk_index].prosody.volume_db
        frames = await self._next(arriving)
        if self._moments is None:
            self._moments = self.heard.begin_chunk()
        self.spoken_samples += len(frames.pcm)
        pcm = self._joiner.feed(self._scaled(frames, self._moments))
        self.heard.feed(frames, len(pcm))
        if frames.chunk_last:
            self._moments = None
        return pcm if volume_db == 0 else pcm * np.float32(10 ** (volume_db / 20))

    def _scaled(self, frames: Frames, moments: MovedMoments) -> Frames:
        """Return the frames with their silences as long as they are wanted."""
        index = frames.chunk_index
        if self._silences is None or index != self._joiner.chunk_index:
            moments.keep(len(frames.pcm))
            return frames
        scales = PauseScales(
            before=self._plan[index - 1].scale_after if index else 1.0,
            inside=self._plan[index].scale_inside,
            after=self._plan[index].scale_after,
        )
        pcm = self._silences.feed(frames.pcm, scales, moments, last=frames.chunk_last)
        return Frames(index, pcm, frames.chunk_last)

    async def _next(self, arriving: AsyncIterator[Frames]) -> Frames:
        if self._waiting is not None:
            frames, self._waiting = self._waiting, None
            return frames
        try:
            return await anext(arriving)
        except StopAsyncIteration:
            raise SynthesisFailed("the engine ended before the speech did") from None

    async def _up_to(
        self, chunks_end: int, arriving: AsyncIterator[Frames]
    ) -> AsyncGenerator[Pcm, None]:
        while self._joiner.chunk_index < chunks_end:
            yield await self._played(arriving)

    async def _stretched(
        self, arriving: AsyncIterator[Frames], run: _Run
    ) -> AsyncGenerator[Pcm, None]:
        stretch, self._early = self._early or await self._start(run), None
        try:
            async with aclosing(stretch.run(self._up_to(run.chunks_end, arriving))) as shaped:
                async for pcm in shaped:
                    yield pcm
        finally:
            await stretch.stop()

    async def _start(self, run: _Run) -> Stretch:
        return await Stretch.start(
            speed=run.speed,
            pitch_semitones=run.pitch_semitones,
            sample_rate_hz=self._sample_rate_hz,
            ffmpeg=self._ffmpeg,
        )


def _runs(plan: Sequence[ChunkShape]) -> Iterator[_Run]:
    prosodies = enumerate(shape.prosody for shape in plan)
    for (speed, pitch), chunks in groupby(
        prosodies, lambda each: (each[1].speed, each[1].pitch_semitones)
    ):
        *_, (last_index, _) = chunks
        yield _Run(speed, pitch, last_index + 1)
