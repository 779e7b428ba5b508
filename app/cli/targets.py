"""Chooses the files that audio goes into, and its format."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from app.audio.formats import FORMATS, AudioFormat, format_with_extension
from app.audio.output import output_format
from app.cli.exits import SPEECH_WORDS, Refused
from app.cli.paths import expanded
from app.errors import InvalidRequest

STANDARD_OUTPUT = "-"
DEFAULT_FORMAT = "mp3"

_FIELD = re.compile(r"\{(n|name)(?::(\d{1,2}))?\}")
_LIKE_A_FIELD = re.compile(r"\{[^{}]*\}")


def chosen_format(
    name: str | None,
    output: str | None,
    *,
    sample_rate_hz: int | None,
    bitrate_kbps: int | None,
    speech_rate_hz: int,
    default: str = DEFAULT_FORMAT,
) -> AudioFormat:
    """Choose the format: that of `--format`, else of the extension of `-o`, else the default.

    Args:
        name: the value of `--format`.
        output: the value of `-o`.

    Raises:
        Refused: there is no such format, or not at that rate or bitrate.
    """
    if name is None:
        name = _format_of_extension(output)
    try:
        return output_format(
            name or default,
            speech_rate_hz=speech_rate_hz,
            sample_rate_hz=sample_rate_hz,
            bitrate_kbps=bitrate_kbps,
        )
    except InvalidRequest as error:
        raise Refused(error.told(SPEECH_WORDS)) from None


def extension_of(output: str | None) -> str:
    """Return the extension of the file that `-o` names, in lower case.

    It is empty where the name has none, and for a folder or the standard output.
    """
    if output is None or output == STANDARD_OUTPUT or _is_folder(output):
        return ""
    return Path(output).suffix.lower()


def _format_of_extension(output: str | None) -> str | None:
    extension = extension_of(output)
    if not extension:
        return None
    found = format_with_extension(extension)
    if found is None:
        known = ", ".join(dict.fromkeys(each.extension for each in FORMATS.values()))
        raise Refused(
            f"-o {output}: no format has the extension {extension}; "
            f"use one of {known}, or name it with --format"
        )
    return found.name


def check_takes_names(output: str | None) -> None:
    """Check that `-o` leaves room for the names that texts bring along.

    Raises:
        Refused: it names a file, so that their names would be lost.
    """
    if output is None or "{name}" in output or _is_folder(output):
        return
    raise Refused(f"-o {output}: --names names the files; give a folder, or put {{name}} into it")


def name_without_extension(name: str, audio: AudioFormat, origin: str) -> str:
    """Return the name that a line gives to its file, without the extension of its format.

    Raises:
        Refused: it ends in the extension of another format.
    """
    extension = Path(name).suffix.lower()
    found = format_with_extension(extension) if extension else None
    if found is None:
        return name
    if found.extension != audio.extension:
        raise Refused(
            f"{origin}: {name} is no {audio.name}; write --format {found.name}, or leave the "
            f"{extension} out"
        )
    return name[: -len(extension)]


def named_files(output: str | None, names: Sequence[str], extension: str) -> list[Path]:
    """Choose a file for each of `names`.

    Args:
        output: a file, a folder, or a pattern with {n} (1, 2, …; {n:3} is 001) or {name}. Where
            one file is named for several names, it becomes NAME_1, NAME_2, …
        names: fill in {name}, and name the files in a folder.
        extension: for files that `output` does not name.

    Raises:
        Refused: a file cannot be written, or two would be the same.
    """
    pattern = _pattern(output, extension, several=len(names) > 1)
    paths = [_filled(pattern, number, name) for number, name in enumerate(names, 1)]
    for path in paths:
        if paths.count(path) > 1:
            raise Refused(f"-o: several texts would go into {path}; put {{n}} into the name")
        _check(path, may_replace=output is not None)
    return paths


def _pattern(output: str | None, extension: str, *, several: bool) -> str:
    if output is None:
        return f"{{name}}{extension}"
    if _is_folder(output):
        folder = expanded(output)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Refused(f"-o {output} cannot be made: {error.strerror}") from None
        return str(folder / f"{{name}}{extension}")
    for field in _LIKE_A_FIELD.findall(Path(output).name):
        if not _FIELD.fullmatch(field):
            raise Refused(f"-o {output}: {field} is none of {{n}}, {{n:3}} and {{name}}")
    if several and not _FIELD.search(output):
        path = Path(output)
        return str(path.with_name(f"{path.stem}_{{n}}{path.suffix}"))
    return output


def _is_folder(output: str) -> bool:
    if output.endswith(("/", "\\")):
        return True
    try:
        return expanded(output).is_dir()
    except OSError:
        return False


def _filled(pattern: str, number: int, name: str) -> Path:
    def value(match: re.Match[str]) -> str:
        return name if match[1] == "name" else str(number).zfill(int(match[2] or 1))

    return expanded(_FIELD.sub(value, pattern))


def _check(path: Path, *, may_replace: bool) -> None:
    try:
        # From Python 3.14 on, Path.exists() is False for a name that the system refuses.
        path.stat()
        exists = True
    except (FileNotFoundError, NotADirectoryError):
        exists = False
    except OSError as error:
        raise Refused(f"-o {path} cannot be written: {error.strerror}") from None
    if path.is_dir():
        raise Refused(f"-o {path} is a folder")
    if not path.parent.is_dir():
        raise Refused(f"-o {path}: there is no folder {path.parent}")
    if exists and not may_replace:
        raise Refused(f"{path} exists already; name the file with -o to replace it")
