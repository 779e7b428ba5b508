"""What reads strangers' files is limited by the system, and ends when nobody waits for it."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pytest

from app.audio.decode import decode_clip
from app.bounds import DECODER
from app.child_limits import _script, start_limited
from app.errors import FfmpegUnavailable, InvalidClip, StorageFailed
from app.speech import Clip
from app.work import CancelToken, WorkCancelled
from tests.audio.probe import RATE_HZ
from tests.audio.processes import children
from tests.full_disk import full_disk
from tests.serving import LogRecords

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limits")
CLIP = Clip(b"RIFF" + bytes(5000), "voice")


def program(folder: Path, script: str) -> Path:
    path = folder / "ffmpeg"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def limits_of(command: list[str], folder: Path) -> list[str]:
    """What a shell under the limits says of them: CPU, memory, size of files, core dumps."""
    (folder / "in").write_bytes(b"")
    script = "sleep 0.2; ulimit -t; ulimit -v; ulimit -f; ulimit -c"
    with (
        (folder / "in").open("rb") as file,
        start_limited([*command, "sh", "-c", script], DECODER, stdin=file) as child,
    ):
        said, _ = child.communicate(timeout=10)
    return said.decode().split()


def test_a_child_has_limits(tmp_path: Path) -> None:
    """CPU, memory and files are limited, whichever way the system sets that."""
    expected = [str(DECODER.cpu_seconds), str(DECODER.memory_bytes // 1024), "0", "0"]
    assert limits_of([], tmp_path) == expected
    # Where there is no prlimit, a shell sets them.
    assert limits_of(["sh", "-c", _script(DECODER)], tmp_path) == expected


def test_one_that_computes_for_ever_is_ended(tmp_path: Path) -> None:
    """The system ends it once its seconds of CPU are used up, however long it may last."""
    busy = program(tmp_path, "while :; do :; done")
    with pytest.raises(InvalidClip, match="takes too long to decode"):
        decode_clip(
            CLIP,
            ffmpeg=busy,
            max_seconds=5,
            sample_rate_hz=RATE_HZ,
            limits=DECODER._replace(cpu_seconds=1, wall_seconds=60),
        )


@pytest.mark.skipif(sys.platform != "linux", reason="children are counted on Linux")
@pytest.mark.parametrize("script", ["exec sleep 60", "exec yes complaint >&2"])
def test_it_ends_when_nobody_waits(tmp_path: Path, script: str) -> None:
    """Decoding is over, and its process gone, within a tenth of a second."""
    slow, before, token = program(tmp_path, script), children(), CancelToken()
    left_seconds: list[float] = []

    def leave() -> None:
        left_seconds.append(time.monotonic())
        token.cancel()

    threading.Timer(0.3, leave).start()
    with pytest.raises(WorkCancelled):
        decode_clip(CLIP, ffmpeg=slow, max_seconds=600, sample_rate_hz=RATE_HZ, cancel=token)
    assert time.monotonic() - left_seconds[0] < 0.1
    assert children() <= before


def test_ffmpeg_has_vanished(tmp_path: Path, log_records: LogRecords) -> None:
    """That is an error of its own, with one line in the log."""
    with pytest.raises(FfmpegUnavailable):
        decode_clip(CLIP, ffmpeg=tmp_path / "gone", max_seconds=5, sample_rate_hz=RATE_HZ)
    assert [each.levelname for each in log_records.kept] == ["ERROR"]


def test_the_disk_is_full(ffmpeg: Path, log_records: LogRecords) -> None:
    """So is a recording that does not fit among the temporary files."""
    with full_disk(), pytest.raises(StorageFailed, match="cannot write temporary files"):
        decode_clip(CLIP, ffmpeg=ffmpeg, max_seconds=5, sample_rate_hz=RATE_HZ)
    assert [each.levelname for each in log_records.kept] == ["ERROR"]
