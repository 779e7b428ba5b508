"""`say --captions` writes caption files beside the audio."""

from __future__ import annotations

from pathlib import Path

import pysubs2
import pytest
import webvtt

from app.cli.exits import ExitCode
from app.cli.main import outcome
from tests.cli.command import files_in, run_command
from tests.serving import KEY, Served


def shown_in(path: Path) -> str:
    return " ".join(event.plaintext for event in pysubs2.load(str(path)))


def test_at_a_server(tmp_path: Path, server: Served) -> None:
    """A server makes audio and captions in one call; each text has files of its own name."""
    (tmp_path / "page.txt").write_text("It costs $3.50.", "utf-8")
    ended = run_command(
        *(tmp_path, "say", "Hello there.", "page.txt", "--captions", "srt,VTT", "-f", "wav"),
        *("-o", "./", "--server", server.url),
        variables={"API_KEY": KEY},
    )
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert ended.stdout.split() == [b"speech_1.wav", b"page.wav"]
    names = ("speech_1", "page")
    expected = [f"{name}.{kind}" for name in names for kind in ("srt", "vtt", "wav")]
    assert files_in(tmp_path) == sorted([*expected, "page.txt"])
    assert shown_in(tmp_path / "page.srt") == "It costs $3.50."
    (cue,) = webvtt.read(str(tmp_path / "speech_1.vtt")).captions
    assert cue.text == "Hello there."


def test_here(tmp_path: Path, local: dict[str, str]) -> None:
    """The same without a server."""
    ended = run_command(
        *(tmp_path, "say", "Hello there, you.", "--captions", "srt", "-o", "hello.mp3"),
        variables=local,
    )
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert files_in(tmp_path) == ["hello.mp3", "hello.srt"]
    assert shown_in(tmp_path / "hello.srt") == "Hello there, you."


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--captions", "ass"], "--captions takes srt, vtt, json, lrc; it is 'ass'"),
        (["--captions", ""], "--captions takes srt"),
        (["--captions", "srt", "--stream", "-o", "a.mp3"], "--captions and --stream"),
        (["--captions", "srt", "-o", "-"], "-o"),
    ],
)
def test_what_is_refused(options: list[str], words: str) -> None:
    """What cannot be done is said before anything is loaded."""
    code, line = outcome(["say", "Hello.", *options])
    assert code == ExitCode.USAGE
    assert words in line
