"""What an argument of `say` means."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from app.cli.exits import Refused
from app.cli.texts import Reading, read_texts


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
    (text,) = read_texts([argument], Reading())
    assert (text.name, text.script) == (name, script)


@pytest.mark.parametrize("name", ["book.pdf", "song.mp3", "My book.docx", "sub/page"])
def test_names_of_other_files(name: str) -> None:
    """The name of a file that is there is not spoken, unless it can be a plain word."""
    path = Path(name)
    path.parent.mkdir(exist_ok=True)
    assert [text.script for text in read_texts([name], Reading())] == [name]
    path.write_text("What it holds.")
    with pytest.raises(Refused) as refused:
        read_texts([name], Reading())
    assert f"{name!r} is a file here" in refused.value.line
    assert f"write @{name} to speak what it holds" in refused.value.line
    (text,) = read_texts([f"@{name}"], Reading())
    assert text.script == "What it holds."


def test_long_words() -> None:
    """More words than a file name can have are words, whatever they end in."""
    words = "and then " * 40 + "I wrote it in one.txt"
    assert [text.script for text in read_texts([words], Reading())] == [words]
    tilde = "~nobody wrote one.txt"
    assert [text.script for text in read_texts([tilde], Reading())] == [tilde]


@pytest.mark.parametrize(
    ("argument", "words"),
    [("@", "TEXT @ names no file"), ("half \udcff", "TEXT is not UTF-8 text (byte 5")],
)
def test_no_words(argument: str, words: str) -> None:
    """What nobody can have meant is not spoken."""
    with pytest.raises(Refused) as refused:
        read_texts([argument], Reading())
    assert words in refused.value.line


def test_closed_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """A standard input that was closed (`<&-`) is told."""
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(Refused, match="the standard input is closed"):
        read_texts(["-"], Reading())


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` is what comes in through a pipe."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("Größe".encode())))
    assert [text.script for text in read_texts(["-"], Reading())] == ["Größe"]


def test_lines() -> None:
    """Each line that says something is a text; files keep their names, words get numbers."""
    texts = read_texts(["one.txt", "Third.", "Fourth."], Reading(lines=True))
    assert [text.script for text in texts] == ["First.", "Second.", "Third.", "Fourth."]
    assert [text.name for text in texts] == ["one_1", "one_2", "speech_3", "speech_4"]


@pytest.mark.parametrize(
    ("argument", "data", "words"),
    [
        ("none.txt", None, "there is no file 'none.txt'"),
        ("dos.txt", "Grüße".encode("cp850"), "dos.txt is not UTF-8 (byte 2 is 0x81)"),
        ("dos.txt", "Grüße".encode("cp850"), "--encoding, such as cp850"),
        ("packed.txt", b"\x1f\x8b\x08", "packed.txt is compressed (gzip)"),
        ("blank.txt", b" \n", "blank.txt is empty"),
    ],
)
def test_unreadable(argument: str, data: bytes | None, words: str) -> None:
    """What is meant as a file and is none is not spoken."""
    if data is not None:
        Path(argument).write_bytes(data)
    with pytest.raises(Refused) as refused:
        read_texts([argument], Reading())
    assert words in refused.value.line


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_encodings(encoding: str) -> None:
    """What editors of Windows write is read, and a guess is said to be one."""
    Path("notes.txt").write_bytes("“Grüße” für 5 €.".encode(encoding))
    (text,) = read_texts(["notes.txt"], Reading())
    assert text.script == "“Grüße” für 5 €."
    assert text.guessed_encoding is (encoding == "cp1252")


def test_named_encoding() -> None:
    """--encoding is believed, and words on the command line are not touched by it."""
    Path("dos.txt").write_bytes("Grüße".encode("cp850"))
    texts = read_texts(["dos.txt", "Grüße"], Reading(encoding="cp850"))
    assert [text.script for text in texts] == ["Grüße", "Grüße"]
    with pytest.raises(Refused, match=r"dos\.txt is not ASCII text"):
        read_texts(["dos.txt"], Reading(encoding="ascii"))


def test_names_of_lines() -> None:
    """With --names each line brings the name of its file."""
    Path("named.tsv").write_text("intro\tGood evening.\n\n two.mp3 \tA\ttab.\n")
    texts = read_texts(["named.tsv"], Reading(lines=True, names=True))
    assert [(text.name, text.script) for text in texts] == [
        ("intro", "Good evening."),
        ("two.mp3", "A\ttab."),
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("no tab", "named.tsv line 1: --names wants a name, a tab and a text"),
        ("\ttext", "wants a name"),
        ("name\t ", "wants a name"),
        ("../up\ttext", "cannot be the name of a file; a folder goes into -o"),
        (".hidden\ttext", "cannot be the name of a file"),
    ],
)
def test_wrong_names(line: str, words: str) -> None:
    """A line without a name, or with one that leads elsewhere, is told with its number."""
    Path("named.tsv").write_text(line)
    with pytest.raises(Refused) as refused:
        read_texts(["named.tsv"], Reading(lines=True, names=True))
    assert words in refused.value.line
    with pytest.raises(Refused, match="--names needs --lines"):
        read_texts(["named.tsv"], Reading(names=True))
