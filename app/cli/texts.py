"""Reads the texts to speak: words on the command line, files, the standard input."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.cli.exits import Refused
from app.cli.paths import expanded

TEXT_SUFFIXES = (".txt", ".md", ".ssml")
STANDARD_INPUT = "-"
DEFAULT_NAME = "speech"


@dataclass(frozen=True, slots=True)
class Text:
    """A text has a script, and a name for its audio where the user gives none."""

    name: str
    script: str
    origin: str
    """It says where the script came from, for error messages."""


def read_texts(arguments: Sequence[str], *, lines: bool) -> list[Text]:
    """Read the texts that the arguments name, in their order.

    `-` is the standard input, `@PATH` a file. An argument that ends in .txt, .md or .ssml is a file
    if there is one, or if it is a single word; everything else is spoken as it stands.

    Args:
        lines: each line that is not blank is a text of its own.

    Raises:
        Refused: a file cannot be read, or there is nothing to speak.
    """
    found = [each for argument in arguments for each in _texts_of(argument, lines=lines)]
    if len(found) == 1:
        return found
    return [
        Text(f"{text.name}_{number}", text.script, f"text {number}")
        if text.name == DEFAULT_NAME
        else text
        for number, text in enumerate(found, 1)
    ]


def _texts_of(argument: str, *, lines: bool) -> Iterator[Text]:
    path = _file_of(argument)
    if argument == STANDARD_INPUT:
        name, origin, script = DEFAULT_NAME, "the standard input", _decoded(_read_input(), "-")
    elif path is not None:
        name, origin, script = path.stem, str(path), _decoded(_read(path), str(path))
    else:
        # Bytes that are not UTF-8 arrive as half characters, which nothing can speak or send.
        data = argument.encode("utf-8", "surrogatepass")
        name, origin, script = DEFAULT_NAME, "TEXT", _decoded(data, "TEXT")
    if not script.strip():
        raise Refused(f"{origin} is empty: there is nothing to speak")
    if not lines:
        yield Text(name, script, origin)
        return
    spoken = [line.strip() for line in script.splitlines() if line.strip()]
    for number, line in enumerate(spoken, 1):
        own = name if name == DEFAULT_NAME or len(spoken) == 1 else f"{name}_{number}"
        yield Text(own, line, f"{origin} line {number}")


def _file_of(argument: str) -> Path | None:
    if argument.startswith("@"):
        if argument == "@":
            raise Refused("TEXT @ names no file: write @PATH; words can come from - instead")
        return expanded(argument[1:])
    if not argument.lower().endswith(TEXT_SUFFIXES) or "\n" in argument:
        return None
    path = expanded(argument)
    if len(argument.split()) == 1:
        return path
    try:
        return path if path.is_file() else None
    except OSError:
        # The system refuses the name as too long: it is a text.
        return None


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


def _decoded(data: bytes, origin: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused(f"{origin} is not UTF-8 text (byte {error.start} cannot be read)") from None
