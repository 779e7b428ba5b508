"""Sounds for a moment without a word, in the place of an engine, for a script that has none."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

import numpy as np

from app.audio.pcm import samples_in
from app.speech import Frames, Pcm
from app.speech_engine import Alignment, JobTimings, SpokenChunk

SILENCE_SECONDS = 0.2
"""Clients take an answer without any sound for a failure."""


def silence(sample_rate_hz: int, seconds: float = SILENCE_SECONDS) -> Pcm:
    """Return silence, as that of a script without words: mono, shape [samples]."""
    return np.zeros(samples_in(seconds, sample_rate_hz), dtype=np.float32)


class SilentStream:
    """Gives out a short silence as the one chunk of a job that no engine has."""

    def __init__(self, sample_rate_hz: int) -> None:
        self._sample_rate_hz = sample_rate_hz

    @property
    def timings(self) -> JobTimings:
        """Return that nothing was waited for."""
        return JobTimings(queued_seconds=0.0, prefill_seconds=0.0, first_audio_seconds=0.0)

    @property
    def alignment(self) -> Alignment | None:
        """Return None: there are no words."""
        return None

    def hold_back(self, needed_at_seconds: Callable[[], float]) -> None:
        """Do nothing: silence is as good as it will be."""

    async def __aiter__(self) -> AsyncIterator[Frames]:
        yield Frames(0, silence(self._sample_rate_hz), chunk_last=True)

    def extend(self, chunks: Sequence[SpokenChunk], *, more: bool) -> None:
        """Refuse more chunks: the script has come to its end.

        Raises:
            ValueError: always.
        """
        raise ValueError(f"{len(chunks)} chunks follow a script without words (more={more})")

    def abort(self) -> None:
        """Do nothing: there is no work to stop."""
