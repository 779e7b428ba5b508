"""What an argument of `say` means."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from app.cli.exits import Refused
from app.cli.texts import read_texts


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("one.txt").write_text("First.\n\n  Second.  \n", "utf-8")
    Path("my notes.md").write_bytes("\ufeffGrüße.".encode())
    Path("page").write_text("A page.", "utf-8")


@pytest.mark.parametrize(
    ("argument", "name", "script"),
    [
        ("one.txt", "one", "First.\n\n  Second.  \n"),
        ("my notes.md", "my notes", "Grüße."),
        ("@page", "page", "A page."),
        ("page", "speech", "page"),
        ("I wrote it in one.txt", "speech", "I wrote it in one.txt"),
        ("anna@example.com", "speech", "anna@example.com"),
    ],
)
def test_one(argument: str, name: str, script: str) -> None:
    """A file by its ending or by @, without its byte order mark; everything else is spoken."""
    (text,) = read_texts([argument], lines=False)
    assert (text.name, text.script) == (name, script)


def test_long_words() -> None:
    """More words than a file name can have are words, whatever they end in."""
    words = "and then " * 40 + "I wrote it in one.txt"
    assert [text.script for text in read_texts([words], lines=False)] == [words]
    tilde = "~nobody wrote one.txt"
    assert [text.script for text in read_texts([tilde], lines=False)] == [tilde]


@pytest.mark.parametrize(
    ("argument", "words"),
    [("@", "TEXT @ names no file"), ("half \udcff", "TEXT is not UTF-8 text (byte 5")],
)
def test_no_words(argument: str, words: str) -> None:
    """What nobody can have meant is not spoken."""
    with pytest.raises(Refused) as refused:
        read_texts([argument], lines=False)
    assert words in refused.value.line


def test_closed_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """A standard input that was closed (`<&-`) is told."""
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(Refused, match="the standard input is closed"):
        read_texts(["-"], lines=False)


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` is what comes in through a pipe."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("Größe".encode())))
    assert [text.script for text in read_texts(["-"], lines=False)] == ["Größe"]


def test_lines() -> None:
    """Each line that says something is a text; files keep their names, words get numbers."""
    texts = read_texts(["one.txt", "Third.", "Fourth."], lines=True)
    assert [text.script for text in texts] == ["First.", "Second.", "Third.", "Fourth."]
    assert [text.name for text in texts] == ["one_1", "one_2", "speech_3", "speech_4"]


@pytest.mark.parametrize(
    ("argument", "data", "words"),
    [
        ("none.txt", None, "there is no file 'none.txt'"),
        ("latin.txt", "Grüße".encode("latin-1"), "latin.txt is not UTF-8 text (byte 2"),
        ("blank.txt", b" \n", "blank.txt is empty"),
    ],
)
def test_unreadable(argument: str, data: bytes | None, words: str) -> None:
    """What is meant as a file and is none is not spoken."""
    if data is not None:
        Path(argument).write_bytes(data)
    with pytest.raises(Refused) as refused:
        read_texts([argument], lines=False)
    assert words in refused.value.line
