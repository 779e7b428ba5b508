"""Where the audio goes, and in which format."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from app.audio.formats import FORMATS, AudioFormat, format_with_extension
from app.audio.output import OutputFields, output_format
from app.cli.exits import Refused
from app.cli.texts import Text
from app.errors import InvalidRequest

STANDARD_OUTPUT = "-"
DEFAULT_FORMAT = "mp3"

_FIELD = re.compile(r"\{(n|name)(?::(\d{1,2}))?\}")
_OPTIONS = OutputFields(format="--format", sample_rate="--sample-rate", bitrate="--bitrate")


def chosen_format(
    name: str | None,
    output: str | None,
    *,
    sample_rate_hz: int | None,
    bitrate_kbps: int | None,
    speech_rate_hz: int,
    default: str = DEFAULT_FORMAT,
) -> AudioFormat:
    """The format of `--format`, else of the extension of `-o`, else the default.

    Raises:
        Refused: there is no such format, or not at that rate or bitrate.
    """
    if name is None and output not in (None, STANDARD_OUTPUT):
        name = _format_of_extension(str(output))
    try:
        return output_format(
            name or default,
            speech_rate_hz=speech_rate_hz,
            sample_rate_hz=sample_rate_hz,
            bitrate_kbps=bitrate_kbps,
            fields=_OPTIONS,
        )
    except InvalidRequest as error:
        raise Refused(error.message) from None


def _format_of_extension(output: str) -> str | None:
    if _is_folder(output) or not Path(output).suffix:
        return None
    found = format_with_extension(Path(output).suffix.lower())
    if found is None:
        known = ", ".join(each.extension for each in FORMATS.values())
        raise Refused(
            f"-o {output}: no format has the extension {Path(output).suffix}; "
            f"use one of {known}, or name it with --format"
        )
    return found.name


def named_files(output: str | None, texts: Sequence[Text], audio: AudioFormat) -> list[Path]:
    """One file for each text.

    `output` is a file, a folder, or a pattern with {n} (1, 2, …; {n:3} is 001) or {name} (of the
    text's file). Several texts into one file name become NAME_1, NAME_2, …

    Raises:
        Refused: the files cannot be written, or two would be the same.
    """
    pattern = _pattern(output, audio, several=len(texts) > 1)
    paths = [_filled(pattern, number, text.name) for number, text in enumerate(texts, 1)]
    for path in paths:
        if paths.count(path) > 1:
            raise Refused(f"-o: several texts would go into {path}; put {{n}} into the name")
        _check(path, may_replace=output is not None)
    return paths


def _pattern(output: str | None, audio: AudioFormat, *, several: bool) -> str:
    if output is None:
        return f"{{name}}{audio.extension}"
    if _is_folder(output):
        try:
            Path(output).expanduser().mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Refused(f"-o {output} cannot be made: {error.strerror}") from None
        return str(Path(output).expanduser() / f"{{name}}{audio.extension}")
    if several and not _FIELD.search(output):
        path = Path(output)
        return str(path.with_name(f"{path.stem}_{{n}}{path.suffix}"))
    return output


def _is_folder(output: str) -> bool:
    return output.endswith(("/", "\\")) or Path(output).expanduser().is_dir()


def _filled(pattern: str, number: int, name: str) -> Path:
    def value(match: re.Match[str]) -> str:
        return name if match[1] == "name" else str(number).zfill(int(match[2] or 1))

    return Path(_FIELD.sub(value, pattern)).expanduser()


def _check(path: Path, *, may_replace: bool) -> None:
    if path.is_dir():
        raise Refused(f"-o {path} is a folder")
    if not path.parent.is_dir():
        raise Refused(f"-o {path}: there is no folder {path.parent}")
    if not may_replace and path.exists():
        raise Refused(f"{path} exists already; name the file with -o to replace it")
