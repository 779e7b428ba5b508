"""Holds sound that may be long: in memory while it is short, then in a temporary file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import IO, cast

import numpy as np

from app.audio.pcm import F32_BYTES
from app.bounds import SPOOL_BYTES
from app.files import scratch_failed
from app.speech import Pcm

_BLOCK_SAMPLES = 1 << 18


class _Spool(SpooledTemporaryFile[bytes]):
    """Closes itself at the latest when nothing refers to it any more.

    An answer can be dropped at the very moment when its client leaves, and then nobody is left who
    could close its clip.
    """

    def __del__(self) -> None:
        self.close()


def spool(expected_bytes: int = 0) -> IO[bytes]:
    """Open a file that is in memory up to `SPOOL_BYTES`; whoever opens it closes it.

    Args:
        expected_bytes: how much will be written, maybe in one piece; more than that goes to the
            disk from the beginning.
    """
    file = _Spool(max_size=SPOOL_BYTES)
    if expected_bytes > SPOOL_BYTES:
        file.rollover()
    return cast("IO[bytes]", file)  # only its annotations keep it from being one


class PcmSpool:
    """Holds consecutive pieces of mono PCM, which can be read any number of times. Blocks."""

    def __init__(self, pieces: Iterable[Pcm] = ()) -> None:
        """Hold some pieces; more may be added."""
        self._file = spool()
        try:
            self.extend(pieces)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> PcmSpool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def extend(self, pieces: Iterable[Pcm]) -> None:
        """Add pieces after those that are there.

        Raises:
            StorageFailed: the disk refuses them.
        """
        for piece in pieces:
            try:
                self._file.write(np.ascontiguousarray(piece, dtype="<f4").data)
            except OSError as error:
                raise scratch_failed(error) from error

    def __iter__(self) -> Iterator[Pcm]:
        self._file.seek(0)
        while data := self._file.read(_BLOCK_SAMPLES * F32_BYTES):
            yield np.frombuffer(data, dtype="<f4")

    def close(self) -> None:
        """Let go of the sound."""
        self._file.close()
