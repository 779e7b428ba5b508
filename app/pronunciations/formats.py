"""Lists the file formats in which pronunciations are taken in and given out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from app.errors import InvalidRequest, shortened
from app.lexicon import MAX_PRONUNCIATIONS, Pronunciation
from app.pronunciations.lines import (
    LineError,
    pronunciations_of,
    read_lines,
    text_of,
    written_pronunciation,
)
from app.pronunciations.pls import read_pls, write_pls
from app.pronunciations.tables import read_csv, write_csv


class FileFormat(NamedTuple):
    """Says how a file is read and written, and what it is called."""

    read: Callable[[bytes], list[Pronunciation]]
    write: Callable[[Iterable[Pronunciation]], bytes]
    media_type: str


FORMATS: Mapping[str, FileFormat] = {
    "pls": FileFormat(read_pls, write_pls, "application/pls+xml"),
    "csv": FileFormat(
        lambda data: read_csv(text_of(data)),
        lambda found: write_csv(found).encode(),
        "text/csv; charset=utf-8",
    ),
    "txt": FileFormat(
        lambda data: pronunciations_of(read_lines(text_of(data))),
        lambda found: "".join(f"{written_pronunciation(each)}\n" for each in found).encode(),
        "text/plain; charset=utf-8",
    ),
}


def read_file(data: bytes, filename: str, *, field: str = "file") -> Sequence[Pronunciation]:
    """Read a file in the format that its name ends in, or else its contents look like. Blocks.

    Args:
        field: where in the request the file stood, for errors.

    Raises:
        InvalidRequest: something in it is wrong; the message names the lines.
    """
    name = filename.rpartition(".")[2].lower()
    if name == "xml" or (name not in FORMATS and data.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] == b"<"):
        name = "pls"
    if name not in FORMATS:
        raise InvalidRequest(
            f"{field} must end in {', '.join(f'.{each}' for each in FORMATS)}, which says how it "
            f"is read; it is called {shortened(filename)!r}",
            field=field,
        )
    try:
        found = FORMATS[name].read(data)
    except LineError as wrong:
        raise InvalidRequest(f"{field} cannot be read as {name}: {wrong}", field=field) from None
    if not found:
        raise InvalidRequest(f"{field} holds no pronunciation", field=field)
    if len(found) > MAX_PRONUNCIATIONS:
        raise InvalidRequest(
            f"{field} has {len(found)} pronunciations; at most {MAX_PRONUNCIATIONS} are allowed",
            field=field,
        )
    return found
