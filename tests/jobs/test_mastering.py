"""The finished file has whatever length the job has."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from app.jobs.job import NewChapter, NewJob, NewSegment
from app.jobs.mastering import Mastering
from app.jobs.store import JobStore
from app.jobs.takes import JobFiles
from app.jobs.wish import JobControls
from app.marks import Marks
from app.speech import SPEECH_RATE_HZ
from app.work import make_pools
from tests.programs import program

BYTES_PER_SECOND = 2 * SPEECH_RATE_HZ


def job_of(store: JobStore, files: JobFiles, *, start_seconds: float, **asked: str) -> str:
    """A job whose only segment, a second long, is spoken, and begins so late."""
    segment = NewSegment("Hello.", start_seconds=start_seconds)
    job_id, _ = store.add(NewJob(None, asked, 1, (NewChapter(None, (segment,)),)))
    (unspoken,) = store.unspoken(job_id, most=2)
    files.write_take(job_id, unspoken, np.full(SPEECH_RATE_HZ, 1000, dtype="<i2"))
    store.spoken(job_id, unspoken, SPEECH_RATE_HZ, Marks(), 0)
    return job_id


@pytest.mark.soak
def test_a_wav_beyond_four_gigabytes(store: JobStore, ffmpeg: Path, tmp_path: Path) -> None:
    """It becomes RF64, whose sizes have 64 bits, so that players see all of it."""
    files, pools = JobFiles(tmp_path / "files"), make_pools()
    start_seconds = (1 << 32) / BYTES_PER_SECOND + 10
    job_id = job_of(store, files, start_seconds=start_seconds, format="wav", loudness="off")
    job = store.get(job_id)
    mastering = Mastering(store, files, ffmpeg, pools.mastering)
    name, size_bytes = asyncio.run(mastering.make(job, JobControls.model_validate(job.asked)))
    pools.close()
    assert size_bytes > (1 << 32)
    path = files.output_path(job_id, name)
    with path.open("rb") as file:
        head = file.read(16)
        file.seek(-BYTES_PER_SECOND, 2)
        end = np.frombuffer(file.read(), "<i2")
    assert (head[:4], head[8:16]) == (b"RF64", b"WAVEds64")
    assert set(end) == {1000}
    command = [program("ffprobe"), "-v", "error", "-of", "json", "-show_format", str(path)]
    found = json.loads(subprocess.check_output(command))["format"]
    assert float(found["duration"]) == pytest.approx(start_seconds + 1, abs=0.01)
