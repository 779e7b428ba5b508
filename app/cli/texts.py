"""Reads the texts to speak: words on the command line, files, the standard input."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from app.cli.exits import Refused
from app.cli.paths import expanded
from app.wording.encodings import DecodedText, NotText, decoded_text

TEXT_SUFFIXES = (".txt", ".md", ".ssml", ".tsv")
STANDARD_INPUT = "-"
DEFAULT_NAME = "speech"


@dataclass(frozen=True, slots=True)
class Text:
    """A text has a script, and a name for its audio where the user gives none."""

    name: str
    script: str
    origin: str
    """It says where the script came from, for error messages."""
    guessed_encoding: bool = False
    """It tells that the bytes are not UTF-8, and were taken for Windows-1252."""


@dataclass(frozen=True, slots=True)
class Reading:
    """This says how files and the standard input are read.

    Attributes:
        lines: each line that is not blank is a text of its own.
        names: each of these lines begins with the name of its audio file, and a tab.
        encoding: of them all; None finds it out.
    """

    lines: bool = False
    names: bool = False
    encoding: str | None = None


def read_texts(arguments: Sequence[str], reading: Reading) -> list[Text]:
    """Read the texts that the arguments name, in their order.

    `-` is the standard input, `@PATH` a file. An argument that ends in one of `TEXT_SUFFIXES` is a
    file if there is one, or if it is a single word. Other files are refused, for their names are
    hardly meant; everything else is spoken as it stands.

    Raises:
        Refused: a file cannot be read, or there is nothing to speak.
    """
    if reading.names and not reading.lines:
        raise Refused("--names needs --lines: each line is NAME, a tab, and the text")
    found = [each for argument in arguments for each in _texts_of(argument, reading)]
    if len(found) == 1 or reading.names:
        return found
    return [
        replace(text, name=f"{text.name}_{number}", origin=f"text {number}")
        if text.name == DEFAULT_NAME
        else text
        for number, text in enumerate(found, 1)
    ]


def _texts_of(argument: str, reading: Reading) -> Iterator[Text]:
    path = _file_of(argument)
    if argument == STANDARD_INPUT:
        name, origin, data = DEFAULT_NAME, "the standard input", _read_input()
    elif path is not None:
        name, origin, data = path.stem, str(path), _read(path)
    else:
        # Bytes that are not UTF-8 arrive as half characters, which nothing can speak or send.
        name, origin, data = DEFAULT_NAME, "TEXT", argument.encode("utf-8", "surrogatepass")
        reading = replace(reading, encoding="utf-8")
    script, encoding = _decoded(data, origin, reading.encoding)
    guessed = encoding == "cp1252" and reading.encoding is None
    if not script.strip():
        raise Refused(f"{origin} is empty: there is nothing to speak")
    if not reading.lines:
        yield Text(name, script, origin, guessed)
        return
    spoken = [line for line in script.splitlines() if line.strip()]
    for number, line in enumerate(spoken, 1):
        where = f"{origin} line {number}"
        if reading.names:
            yield _named(Text("", line, where, guessed))
        else:
            own = name if name == DEFAULT_NAME or len(spoken) == 1 else f"{name}_{number}"
            yield Text(own, line.strip(), where, guessed)


def _named(line: Text) -> Text:
    """Split a line into the name of its file and its text, which a tab parts."""
    name, _, script = line.script.partition("\t")
    name, script = name.strip(), script.strip()
    if not name or not script:
        raise Refused(f"{line.origin}: --names wants a name, a tab and a text there")
    if not name.isprintable() or name.startswith(".") or not {"/", "\\"}.isdisjoint(name):
        raise Refused(
            f"{line.origin}: {name!r} cannot be the name of a file; a folder goes into -o"
        )
    return replace(line, name=name, script=script)


def _file_of(argument: str) -> Path | None:
    if argument.startswith("@"):
        if argument == "@":
            raise Refused("TEXT @ names no file: write @PATH; words can come from - instead")
        return expanded(argument[1:])
    if "\n" in argument:
        return None
    path = expanded(argument)
    if not argument.lower().endswith(TEXT_SUFFIXES):
        if _looks_like_path(argument) and _is_file(path):
            raise Refused(
                f"TEXT {argument!r} is a file here, but its name does not end as that of a text "
                f"({', '.join(TEXT_SUFFIXES)}); write @{argument} to speak what it holds, or - and "
                "let words come through the standard input"
            )
        return None
    if len(argument.split()) == 1:
        return path
    return path if _is_file(path) else None


def _looks_like_path(argument: str) -> bool:
    """Tell whether words look like `book.pdf` or `notes/today`; a word like `notes` is one."""
    return "/" in argument or "\\" in argument or bool(Path(argument).suffix)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        # The system refuses the name as too long, or for what is in it: it is a text.
        return False


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise Refused(
            f"there is no file {str(path)!r}; words that look like a file can come from the "
            "standard input (TEXT is then -)"
        ) from None
    except OSError as error:
        raise Refused(f"{str(path)!r} cannot be read: {error.strerror}") from None


def _read_input() -> bytes:
    if sys.stdin is None:
        raise Refused("TEXT -: the standard input is closed")
    return sys.stdin.buffer.read()


def _decoded(data: bytes, origin: str, encoding: str | None) -> DecodedText:
    try:
        found = decoded_text(data, encoding)
    except NotText as error:
        hint = "" if encoding else "; name its encoding with --encoding, such as cp850"
        raise Refused(f"{origin} {error}{hint}") from None
    return found._replace(text=found.text.removeprefix("\ufeff"))
