"""Runs the commands of `pronunciations`: list, add, remove, import, export."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import typer

from app.bounds import DICTIONARY_BYTES
from app.cli.exits import ExitCode, Refused
from app.cli.paths import expanded
from app.errors import SpeechError, StorageFailed
from app.files import write_whole
from app.lexicon import Pronunciation
from app.pronunciations.changes import with_added, without
from app.pronunciations.formats import FORMATS, read_file
from app.pronunciations.lines import Line, read_pronunciation, written_pronunciation
from app.pronunciations.own import OwnPronunciations, PronunciationsFileError
from app.settings import SettingsError, load_settings


def list_pronunciations() -> None:
    """Print each on a line."""
    for each in _own().pronunciations:
        typer.echo(written_pronunciation(each))


def add_pronunciations(lines: Sequence[str], *, replace: bool) -> None:
    """Add pronunciations such as `Nginx = engine X`.

    Raises:
        Refused: one is none, or is there already.
    """
    _change(partial(with_added, added=list(map(read_option, lines)), replace=replace))


def remove_pronunciations(words: Sequence[str], language: str | None) -> None:
    """Take out what is there for words.

    Raises:
        Refused: for one of them there is nothing.
    """
    _change(partial(without, written=words, language=language))


def import_pronunciations(path: Path, *, replace: bool) -> None:
    """Take in a file.

    Raises:
        Refused: it cannot be read, or something in it is wrong or there already.
    """
    try:
        with expanded(path).open("rb") as file:
            data = file.read(DICTIONARY_BYTES + 1)
    except OSError as error:
        raise Refused(f"FILE: {path} cannot be read: {error.strerror}") from None
    if len(data) > DICTIONARY_BYTES:
        raise Refused(f"FILE: {path} has more than the {DICTIONARY_BYTES} bytes allowed")

    def edit(lines: Sequence[Line]) -> list[Line]:
        return with_added(lines, read_file(data, path.name, field="FILE"), replace=replace)

    _change(edit)


def export_pronunciations(path: Path) -> None:
    """Write all of them into a file.

    Raises:
        Refused: its ending is none that is known, or it cannot be written.
    """
    kind = FORMATS.get(path.suffix.removeprefix(".").lower())
    if kind is None:
        raise Refused(f"FILE: {path} must end in {', '.join(f'.{each}' for each in FORMATS)}")
    try:
        write_whole(expanded(path), kind.write(_own().pronunciations))
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror}", ExitCode.FAILED) from None
    typer.echo(path)


def read_option(text: str) -> Pronunciation:
    """Read a pronunciation from the command line.

    Raises:
        Refused: it is none.
    """
    try:
        return read_pronunciation(text)
    except ValueError as wrong:
        raise Refused(str(wrong)) from None


def _own() -> OwnPronunciations:
    try:
        return OwnPronunciations(load_settings(for_command=True).pronunciations_file)
    except (SettingsError, PronunciationsFileError) as error:
        raise Refused(str(error)) from None


def _change(edit: Callable[[list[Line]], list[Line]]) -> None:
    try:
        _own().change(edit)
    except SpeechError as error:
        code = ExitCode.FAILED if isinstance(error, StorageFailed) else ExitCode.USAGE
        message = error.message.replace("send replace=true to replace", "use --replace to replace")
        raise Refused(message, code) from None
