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
        for each in self._placed:
            position = HEADER_BYTES + (each.start - each.silence) * S16_BYTES
            if position >= end:
                return
            if HEADER_BYTES + each.end * S16_BYTES <= start:
                continue
            for piece in self._pieces(each):
                size = len(piece) * S16_BYTES
                if position + size > start and position < end:
                    yield piece.tobytes()[max(0, start - position) : end - position]
                position += size

    def _pieces(self, placed: Placed) -> Iterator[S16]:
        yield from silence(placed.silence)
        yield from self._files.read_take(self._job_id, placed.segment)


def silence(samples: int) -> Iterator[S16]:
    """Yield so many samples of silence."""
    while samples > 0:
        yield np.zeros(min(samples, _SILENT_SAMPLES), dtype="<i2")
        samples -= _SILENT_SAMPLES
