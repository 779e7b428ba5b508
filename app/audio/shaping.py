"""Shapes a whole utterance: speed, pitch, volume and pauses, chunk by chunk, while it is spoken."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

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


class _Filter(NamedTuple):
    """Says what a filter does to the chunks that go through it."""

    speed: float
    pitch_semitones: float

    @property
    def is_plain(self) -> bool:
        return self == (1.0, 0.0)


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
        scales_pauses: bool = False,
        more: bool = False,
    ) -> None:
        """Prepare to shape an utterance; nothing is started before the block is entered.

        Args:
            plan: the shape of each chunk in order, at least one.
            lead_seconds: how much silence comes before the first chunk.
            scales_pauses: whether a chunk may have silences that are scaled.
            more: whether the plan goes on, with what `extend` is given.
        """
        self._plan: list[ChunkShape] = []
        self._sample_rate_hz = sample_rate_hz
        self._ffmpeg = ffmpeg
        self._lead_samples = samples_in(lead_seconds, sample_rate_hz)
        self._joiner = ChunkJoiner([], sample_rate_hz)
        self._silences = SilenceScaler(sample_rate_hz) if scales_pauses else None
        self.extend(plan, more=more)
        self._waiting: Frames | None = None
        self._ending = False
        self.ended_early = False
        """Chunks were left out, for `end_after_chunk` was called."""
        self.spoken_samples = 0
        """This many samples were in the frames so far, without pauses."""
        self.heard = HeardTimes(self._lead_samples, sample_rate_hz)
        """It says when words are heard, as far as that is settled."""
        self._moments: MovedMoments | None = None
        self._early: Stretch | None = None
        self._output: AsyncGenerator[Pcm, None] | None = None

    def extend(self, plan: Sequence[ChunkShape], *, more: bool) -> None:
        """Say how further chunks are to sound, before their frames come.

        Args:
            more: whether the plan still goes on.
        """
        self._plan.extend(plan)
        self._more = more
        # Pauses pass through the filter with the speech, so they go in as much longer as they
        # come out shorter.
        self._joiner.extend([each.pause_after_seconds * each.prosody.speed for each in plan])

    def end_after_chunk(self) -> None:
        """Let the chunk that is played now be the last."""
        self._ending = True

    async def __aenter__(self) -> Shaper:
        """Start FFmpeg if the first chunk needs it; raise FfmpegUnavailable if it does not."""
        if self._plan and not self._filter.is_plain:
            self._early = await self._start(self._filter)
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
            while await self._goes_on(arriving):
                chosen = self._filter
                self.heard.begin_run(chosen.speed)
                passed = self._through(chosen, arriving)
                filtered = passed if chosen.is_plain else self._stretched(passed, chosen)
                async with aclosing(filtered) as shaped:
                    async for pcm in shaped:
                        if len(pcm) or filtered is not passed:
                            yield pcm
            if self.ended_early:
                return
            async for surplus in arriving:
                self._joiner.feed(surplus)

    @property
    def _filter(self) -> _Filter:
        """Return what the chunk that comes next goes through."""
        prosody = self._plan[self._joiner.chunk_index].prosody
        return _Filter(prosody.speed, prosody.pitch_semitones)

    async def _goes_on(self, arriving: AsyncIterator[Frames]) -> bool:
        """Tell whether another chunk follows; where the plan does not say so yet, wait for it."""
        index = self._joiner.chunk_index
        if self._ending and index:
            self.ended_early = self._more or index < len(self._plan)
            return False
        if index == len(self._plan) and self._more:
            self._waiting = await self._next(arriving)
        return index < len(self._plan)

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

    async def _through(
        self, chosen: _Filter, arriving: AsyncIterator[Frames]
    ) -> AsyncGenerator[Pcm, None]:
        """Play the chunks that go through one filter."""
        while await self._goes_on(arriving) and self._filter == chosen:
            index = self._joiner.chunk_index
            while self._joiner.chunk_index == index:
                yield await self._played(arriving)

    async def _stretched(
        self, played: AsyncGenerator[Pcm, None], chosen: _Filter
    ) -> AsyncGenerator[Pcm, None]:
        stretch, self._early = self._early or await self._start(chosen), None
        try:
            async with aclosing(stretch.run(played)) as shaped:
                async for pcm in shaped:
                    yield pcm
        finally:
            await stretch.stop()

    async def _start(self, chosen: _Filter) -> Stretch:
        return await Stretch.start(
            speed=chosen.speed,
            pitch_semitones=chosen.pitch_semitones,
            sample_rate_hz=self._sample_rate_hz,
            ffmpeg=self._ffmpeg,
        )
