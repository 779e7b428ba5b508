"""Keeps the takes of a job, and its other files, in a folder of its own. Blocks."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from app.audio.pcm import S16, S16_BYTES, S16_MAX, wav_header
from app.errors import StorageFailed
from app.files import storage_failed, sweep, write_whole
from app.jobs.job import Segment
from app.speech import SPEECH_RATE_HZ, Pcm
from app.stores.bucket import Bucket

HEADER_BYTES = 44
TAKE_BYTES_PER_SECOND = SPEECH_RATE_HZ * S16_BYTES
ORPHAN_SECONDS = 3600.0
"""Files of no job go once they are so old: younger ones may be those of a job that is being made,
for its row comes after them."""
_BLOCK_SAMPLES = 1 << 18
_CANNOT_KEEP = "the speech cannot be kept"


class TakeLost(StorageFailed):
    """Says that a take is not there as it was written."""


class JobFiles:
    """Knows where the files of the jobs lie.

    A take is a WAV of 16 bits at the rate of speech, and is never changed: one that is spoken anew
    has another number.

    Args:
        bucket: has all files for several servers, of which `folder` has copies; None for one.
    """

    def __init__(self, folder: Path, bucket: Bucket | None = None) -> None:
        self.folder = folder
        self._bucket = bucket

    def folder_of(self, job_id: str) -> Path:
        """Return where the files of a job lie."""
        return self.folder / job_id

    def take_path(self, job_id: str, segment: Segment) -> Path:
        """Return where the take of a segment lies."""
        return self.folder_of(job_id) / "takes" / f"{segment.number:06}.{segment.take}.wav"

    def cover_path(self, job_id: str) -> Path:
        """Return where the picture on the cover lies."""
        return self.folder_of(job_id) / "cover.jpg"

    def output_path(self, job_id: str, name: str) -> Path:
        """Return where a finished file lies."""
        return self.folder_of(job_id) / "output" / name

    def write(self, path: Path, data: bytes) -> None:
        """Write a file of a job, whole or not at all.

        Raises:
            StorageFailed: the disk refuses.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, data)
        except OSError as error:
            raise storage_failed(_CANNOT_KEEP, error) from error
        self.share(path)

    def share(self, path: Path) -> None:
        """Give a file that is finished to the other servers, if there are any.

        Raises:
            StoreUnreachable.
        """
        if self._bucket is not None:
            self._bucket.put(self._key(path), path)

    def fetched(self, path: Path, *, size_bytes: int | None = None) -> Path:
        """Return a file that may have been written by another server, whether or not it is there.

        Args:
            size_bytes: what lies here counts only if it has so many; None takes any. This server
                may have spoken a take itself, but too late.

        Raises:
            StorageFailed: it is there, and cannot be fetched.
        """
        if self._bucket is not None and not _is_here(path, size_bytes):
            try:
                self._bucket.fetch(self._key(path), path)
            except FileNotFoundError:
                return path
            except OSError as error:
                raise storage_failed(_CANNOT_KEEP, error) from error
        return path

    def _key(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()

    def take_bytes(self, samples: int) -> int:
        """Return how many bytes a take of so many samples has."""
        return HEADER_BYTES + samples * S16_BYTES

    def write_take(self, job_id: str, segment: Segment, samples: S16) -> None:
        """Keep a take; raises StorageFailed as `write`."""
        header = wav_header(SPEECH_RATE_HZ, len(samples))
        self.write(self.take_path(job_id, segment), header + samples.tobytes())

    def read_take(self, job_id: str, segment: Segment) -> Iterator[S16]:
        """Yield the samples of a take in pieces.

        Raises:
            TakeLost: it is not there as it was written.
        """
        left = segment.samples or 0
        try:
            path = self.take_path(job_id, segment)
            with self.fetched(path, size_bytes=self.take_bytes(left)).open("rb") as file:
                file.seek(HEADER_BYTES)
                while left:
                    data = file.read(min(left, _BLOCK_SAMPLES) * S16_BYTES)
                    if len(data) < min(left, _BLOCK_SAMPLES) * S16_BYTES:
                        raise _lost(segment, "damaged")
                    left -= len(data) // S16_BYTES
                    yield np.frombuffer(data, dtype="<i2")
        except OSError as error:
            raise _lost(segment, f"lost ({error.strerror})") from error

    def remove(self, job_id: str) -> None:
        """Remove all files of a job."""
        shutil.rmtree(self.folder_of(job_id), ignore_errors=True)
        if self._bucket is not None:
            self._bucket.remove(*[each.key for each in self._bucket.objects(job_id)])

    def remove_output(self, job_id: str, name: str) -> None:
        """Remove a finished file that came too late."""
        path = self.output_path(job_id, name)
        path.unlink(missing_ok=True)
        if self._bucket is not None:
            self._bucket.remove(self._key(path))

    def remove_outputs(self, job_id: str, *, but: str | None) -> None:
        """Remove finished files that are no longer those of the job."""
        folder = self.folder_of(job_id) / "output"
        for path in folder.glob("*") if folder.is_dir() else ():
            if path.name != but and not path.name.startswith("."):
                path.unlink(missing_ok=True)
        if self._bucket is not None:
            kept = self._key(folder / (but or ""))
            there = self._bucket.objects(self._key(folder))
            self._bucket.remove(*[each.key for each in there if each.key != kept])

    def tidy(self, job_ids: Callable[[], set[str]]) -> None:
        """Remove what a crash left: unfinished files, and all files of jobs that are not there.

        Args:
            job_ids: lists the jobs that are there.
        """
        here = [each for each in self.folder.glob("*") if each.is_dir() and _is_job(each.name)]
        shared = [] if self._bucket is None else [*filter(_is_job, self._bucket.folders())]
        there = job_ids()  # after the files, so that none of a new job seem to be nobody's
        for folder in here:
            if folder.name in there:
                for inside in (folder, folder / "takes", folder / "output"):
                    sweep(inside)
            elif time.time() - folder.stat().st_mtime > ORPHAN_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
        self._remove_shared([job_id for job_id in shared if job_id not in there])

    def _remove_shared(self, job_ids: Sequence[str]) -> None:
        """Remove what the store has of jobs, unless some of it is young."""
        if self._bucket is None or not job_ids:
            return
        now_seconds = self._bucket.now_seconds()
        for job_id in job_ids:
            found = list(self._bucket.objects(job_id))
            if all(now_seconds - each.modified_seconds > ORPHAN_SECONDS for each in found):
                self._bucket.remove(*[each.key for each in found])


def _is_job(name: str) -> bool:
    return len(name) == 32


def _is_here(path: Path, size_bytes: int | None) -> bool:
    try:
        return size_bytes in (None, path.stat().st_size)
    except FileNotFoundError:
        return False


def _lost(segment: Segment, how: str) -> TakeLost:
    return TakeLost(
        f"the take of segment {segment.number} is {how}: PATCH the segment, with {{}} as the body, "
        "to have it spoken anew"
    )


def floats(samples: S16) -> Pcm:
    """Turn samples of 16 bits into those that speech is made of."""
    return samples.astype(np.float32) / np.float32(S16_MAX)
