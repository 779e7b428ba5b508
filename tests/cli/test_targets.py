"""Where the audio goes, and that files are whole."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from app.audio.formats import format_named
from app.cli.exits import ExitCode, Refused
from app.cli.targets import chosen_format, named_files
from app.cli.texts import Text
from app.cli.whole_file import WholeFile
from tests.cli.command import files_in

MP3 = format_named("mp3")
ONE = [Text("speech", "hi", "TEXT")]
TWO = [Text("a", "hi", "a.txt"), Text("b", "ho", "b.txt")]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("there").mkdir()


@pytest.mark.parametrize(
    ("output", "texts", "names"),
    [
        (None, ONE, ["speech.mp3"]),
        ("hello", ONE, ["hello"]),
        ("there", ONE, ["there/speech.mp3"]),
        ("made/here/", TWO, ["made/here/a.mp3", "made/here/b.mp3"]),
        ("out.mp3", TWO, ["out_1.mp3", "out_2.mp3"]),
        ("there/{n:3}.mp3", TWO, ["there/001.mp3", "there/002.mp3"]),
        ("{name}-{n}.mp3", TWO, ["a-1.mp3", "b-2.mp3"]),
        ("{other}.mp3", ONE, ["{other}.mp3"]),
    ],
)
def test_names(output: str | None, texts: list[Text], names: list[str]) -> None:
    """A file, a folder, or a pattern; several texts into one name are numbered."""
    assert [str(path) for path in named_files(output, texts, MP3)] == names


def test_refused_names() -> None:
    """Two texts never share a file, and what -o does not name is not replaced."""
    with pytest.raises(Refused, match="several texts would go into"):
        named_files("there/", [TWO[0], TWO[0]], MP3)
    Path("speech.mp3").write_bytes(b"dear")
    with pytest.raises(Refused, match=r"speech\.mp3 exists already"):
        named_files(None, ONE, MP3)
    assert named_files("speech.mp3", ONE, MP3) == [Path("speech.mp3")]


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


def test_whole(tmp_path: Path) -> None:
    """A file takes its place at the end; what was there before lives until then."""
    path = tmp_path / "there" / "x"
    path.write_bytes(b"old")
    with WholeFile(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert files_in(path.parent) == ["x"]


def test_broken(tmp_path: Path) -> None:
    """An error leaves the old file and nothing else."""
    path = tmp_path / "there" / "x"
    path.write_bytes(b"old")

    def interrupted() -> None:
        with WholeFile(path) as file:
            file.write(b"new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_bytes() == b"old"
    assert files_in(path.parent) == ["x"]


def test_links_and_devices(tmp_path: Path) -> None:
    """A link stays a link, and a device is written into, not replaced."""
    link = tmp_path / "link"
    link.symlink_to("there/x")
    with WholeFile(link) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert (tmp_path / "there" / "x").read_bytes() == b"new"
    with WholeFile(Path("/dev/null")) as file:
        file.write(b"gone")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_full_disk() -> None:
    """A disk that refuses is no wrong usage."""
    words = "/dev/full cannot be written: No space"
    with pytest.raises(Refused, match=words) as refused, WholeFile(Path("/dev/full")) as file:
        file.write(b"x" * 100_000)
    assert refused.value.code == ExitCode.FAILED
