"""Joins the chunks of a script into one piece of speech, without clicks."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

import numpy as np

from app.audio.pcm import samples_in
from app.errors import SynthesisFailed
from app.speech import Boundary, Frames, Pcm

CHUNK_FADE_SECONDS = 0.005
"""Each chunk fades out over this time."""

PAUSE_SECONDS = MappingProxyType(
    {
        Boundary.WORD: 0.0,
        Boundary.CLAUSE: 0.12,
        Boundary.SENTENCE: 0.25,
        Boundary.PARAGRAPH: 0.6,
        Boundary.END: 0.0,
    }
)
"""Silence of this length follows a chunk, beside the short one in which the model ends it."""


def pause_seconds(boundary: Boundary, *, scale: float = 1.0) -> float:
    """Return how much silence to add at a boundary, where all pauses are `scale` times as long."""
    return PAUSE_SECONDS[boundary] * scale


class ChunkJoiner:
    """Fades out the end of each chunk and puts a pause after it, as frames come in.

    The engine fades the start of a chunk in; its end is cut wherever the model stopped, which
    clicks. So the last 5 ms that were fed are held back until it is known whether they are the
    chunk's last. How a chunk is cut into frames makes no difference to the result.
    """

    def __init__(self, pauses: Sequence[Boundary | float], sample_rate_hz: int) -> None:
        """Expect one chunk for each of `pauses`.

        Args:
            pauses: what stands after each chunk, in order: a boundary, for the pause that is
                natural there, or seconds of silence.
        """
        self._sample_rate_hz = sample_rate_hz
        self._pause_samples: list[int] = []
        self.extend(pauses)
        self._fade_samples = samples_in(CHUNK_FADE_SECONDS, sample_rate_hz)
        self._held: Pcm = np.zeros(0, dtype=np.float32)
        self._chunk_index = 0

    def extend(self, pauses: Sequence[Boundary | float]) -> None:
        """Expect further chunks, one for each of `pauses`."""
        for pause in pauses:
            seconds = pause_seconds(pause) if isinstance(pause, Boundary) else pause
            self._pause_samples.append(samples_in(seconds, self._sample_rate_hz))

    @property
    def chunk_index(self) -> int:
        """Return the index of the chunk whose frames come next, after the last one their number."""
        return self._chunk_index

    @property
    def finished(self) -> bool:
        """Tell whether every chunk has been fed to its end."""
        return self._chunk_index == len(self._pause_samples)

    def feed(self, frames: Frames) -> Pcm:
        """Take frames and return what can be played now, shape [samples], possibly empty.

        Raises:
            SynthesisFailed: the frames are not those that come next.
        """
        if self.finished or frames.chunk_index != self._chunk_index:
            raise SynthesisFailed(
                f"audio of chunk {frames.chunk_index} came in the place of {self._chunk_index}"
            )
        pcm = np.concatenate([self._held, frames.pcm]) if len(self._held) else frames.pcm
        if frames.chunk_last:
            return self._end_chunk(pcm)
        ready = max(0, len(pcm) - self._fade_samples)
        self._held = pcm[ready:].copy()
        return pcm[:ready]

    def _end_chunk(self, rest: Pcm) -> Pcm:
        pause = self._pause_samples[self._chunk_index]
        ended = np.concatenate([rest, np.zeros(pause, dtype=np.float32)], dtype=np.float32)
        fade = min(self._fade_samples, len(rest))
        # The fade ends at exactly 0, so that silence or a faded-in start can follow.
        ended[len(rest) - fade : len(rest)] *= np.arange(fade - 1, -1, -1, dtype=np.float32) / max(
            1, fade
        )
        self._held = self._held[:0]
        self._chunk_index += 1
        return ended
