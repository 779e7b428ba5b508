"""Gives out the sound of a job as one WAV, also while the rest of it is made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from app.audio.pcm import S16, S16_BYTES, live_wav_header, wav_header
from app.jobs.takes import HEADER_BYTES, JobFiles
from app.jobs.timeline import Placed
from app.speech import SPEECH_RATE_HZ

_SILENT_SAMPLES = 1 << 18


class HeardSoFar:
    """Reads bytes of what is finished, from anywhere to anywhere. Blocks.

    While the job goes on the header says that the sound goes on, so that the bytes that were read
    stay as they are while more come.

    Args:
        complete: whether the job is spoken to its end.
    """

    def __init__(
        self, files: JobFiles, job_id: str, placed: Sequence[Placed], *, complete: bool
    ) -> None:
        self._files = files
        self._job_id = job_id
        self._placed = placed
        self.complete = complete
        self.samples = placed[-1].end if placed else 0

    @property
    def size_bytes(self) -> int:
        """Return how many bytes there are now."""
        return HEADER_BYTES + self.samples * S16_BYTES

    def read(self, start: int, end: int) -> Iterator[bytes]:
        """Yield the bytes from one place up to another."""
        if start < HEADER_BYTES:
            header = (
                wav_header(SPEECH_RATE_HZ, self.samples)
                if self.complete
                else live_wav_header(SPEECH_RATE_HZ)
            )
            yield header[start:end]
        position = HEADER_BYTES
        for piece in self._pieces():
            size = len(piece) * S16_BYTES
            if position + size > start and position < end:
                yield piece.tobytes()[max(0, start - position) : max(0, end - position)]
            position += size
            if position >= end:
                return

    def _pieces(self) -> Iterator[S16]:
        for each in self._placed:
            yield from silence(each.silence)
            yield from self._files.read_take(self._job_id, each.segment)


def silence(samples: int) -> Iterator[S16]:
    """Yield so many samples of silence."""
    while samples > 0:
        yield np.zeros(min(samples, _SILENT_SAMPLES), dtype="<i2")
        samples -= _SILENT_SAMPLES
