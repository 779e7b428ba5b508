"""Where the audio goes, and that files are whole."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path

import pytest

from app.cli.exits import ExitCode, Refused
from app.cli.outputs import whole_file
from app.cli.targets import chosen_format, named_files
from tests.cli.command import files_in
from tests.full_disk import full_disk

ONE = ["speech"]
TWO = ["a", "b"]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("there").mkdir()


@pytest.mark.parametrize(
    ("output", "names", "files"),
    [
        (None, ONE, ["speech.mp3"]),
        ("hello", ONE, ["hello"]),
        ("there", ONE, ["there/speech.mp3"]),
        ("made/here/", TWO, ["made/here/a.mp3", "made/here/b.mp3"]),
        ("out.mp3", TWO, ["out_1.mp3", "out_2.mp3"]),
        ("there/{n:3}.mp3", TWO, ["there/001.mp3", "there/002.mp3"]),
        ("{name}-{n}.mp3", TWO, ["a-1.mp3", "b-2.mp3"]),
        ("there{x}/out.mp3", ONE, ["there{x}/out.mp3"]),
        ("~nobody-has-this-name.mp3", ONE, ["~nobody-has-this-name.mp3"]),
    ],
)
def test_names(output: str | None, names: list[str], files: list[str]) -> None:
    """A file, a folder, or a pattern; several texts into one name are numbered."""
    Path("there{x}").mkdir()
    assert [str(path) for path in named_files(output, names, ".mp3")] == files


def test_refused_names() -> None:
    """Two texts never share a file, and what -o does not name is not replaced."""
    with pytest.raises(Refused, match="several texts would go into"):
        named_files("there/", ["a", "a"], ".mp3")
    Path("speech.mp3").write_bytes(b"dear")
    with pytest.raises(Refused, match=r"speech\.mp3 exists already"):
        named_files(None, ONE, ".mp3")
    assert named_files("speech.mp3", ONE, ".mp3") == [Path("speech.mp3")]
    with pytest.raises(Refused, match="cannot be written: File name too long"):
        named_files("x" * 300, ONE, ".mp3")


@pytest.mark.parametrize("field", ["{q}", "{}", "{n:}", "{n:333}", "{Name}"])
def test_unknown_fields(field: str) -> None:
    """What is meant to be filled in and cannot be is not taken for a part of the name."""
    with pytest.raises(Refused, match=r"is none of \{n\}, \{n:3\} and \{name\}") as refused:
        named_files(f"there/a{field}.mp3", TWO, ".mp3")
    assert field in refused.value.line


@pytest.mark.parametrize(
    ("name", "output", "chosen"),
    [
        (None, None, "mp3"),
        (None, "-", "mp3"),
        (None, "x.FLAC", "flac"),
        (None, "there/", "mp3"),
        (None, "hello", "mp3"),
        ("wav", "x.mp3", "wav"),
    ],
)
def test_format(name: str | None, output: str | None, chosen: str) -> None:
    """--format wins, else the extension says, else it is mp3."""
    audio = chosen_format(
        name, output, sample_rate_hz=None, bitrate_kbps=None, speech_rate_hz=24000
    )
    assert audio.name == chosen


async def test_whole(tmp_path: Path) -> None:
    """A file takes its place at the end; what was there before lives until then."""
    path = tmp_path / "there" / "x"
    path.write_bytes(b"old")
    async with whole_file(path) as write:
        await write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert files_in(path.parent) == ["x"]


async def test_broken(tmp_path: Path) -> None:
    """An error leaves the old file and nothing else."""
    path = tmp_path / "there" / "x"
    path.write_bytes(b"old")

    async def interrupted() -> None:
        async with whole_file(path) as write:
            await write(b"new")
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await interrupted()
    assert path.read_bytes() == b"old"
    assert files_in(path.parent) == ["x"]


async def test_longest_name(tmp_path: Path) -> None:
    """What a file may be called, it can be written as."""
    path = tmp_path / "there" / ("語" * 85)
    async with whole_file(path) as write:
        await write(b"new")
    assert path.read_bytes() == b"new"


async def test_links_and_devices(tmp_path: Path) -> None:
    """A link stays a link, and a device is written into, not replaced."""
    link = tmp_path / "link"
    link.symlink_to("there/x")
    async with whole_file(link) as write:
        await write(b"new")
    assert link.is_symlink()
    assert (tmp_path / "there" / "x").read_bytes() == b"new"
    async with whole_file(Path("/dev/null")) as write:
        await write(b"gone")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="not on Windows")
async def test_pipe_with_a_name() -> None:
    """/dev/stdout in a pipe is written into, though what it leads to has no path."""
    reader, writer = os.pipe()
    async with whole_file(Path(f"/dev/fd/{writer}")) as write:
        await write(b"new")
    os.close(writer)
    assert os.read(reader, 100) == b"new"
    os.close(reader)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
async def test_full_disk() -> None:
    """A disk that refuses is no wrong usage."""
    words = "/dev/full cannot be written: No space"
    with pytest.raises(Refused, match=words) as refused:
        async with whole_file(Path("/dev/full")) as write:
            await write(b"x" * 100_000)
    assert refused.value.code == ExitCode.FAILED


@pytest.mark.parametrize("pieces", [1, 1000])
async def test_disk_that_fills_up(tmp_path: Path, pieces: int) -> None:
    """A disk that fills up, before the end or at the end, leaves the old file and nothing else."""
    path = tmp_path / "there" / "x"
    path.write_bytes(b"old")

    async def fill() -> None:
        async with whole_file(path) as write:
            for _ in range(pieces):
                await write(b"x" * 2000)

    with full_disk(), pytest.raises(Refused, match="x cannot be written: File too large"):
        await fill()
    assert path.read_bytes() == b"old"
    assert files_in(path.parent) == ["x"]
