"""Runs the command `narrate`: makes a recording of a book, which may be interrupted and goes on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.cli.backend import Backend, BookToNarrate
from app.cli.exits import Refused
from app.cli.outputs import whole_file
from app.cli.paths import expanded
from app.cli.progress import CHARS_PER_SECOND, ProgressLine
from app.cli.work import run_work

_FORMATS = ("m4b", "mp3", "opus", "flac", "wav")


def narrate(
    book: Path, output: Path, fields: Mapping[str, Any], *, server: str | None, quiet: bool
) -> None:
    """Narrate a book into a file. The same command goes on where it was interrupted.

    Args:
        fields: by the names of `POST /jobs`.

    Raises:
        Refused: an option is wrong, the book cannot be read or spoken.
    """
    audio_format = output.suffix.removeprefix(".").lower()
    if audio_format not in _FORMATS:
        raise Refused(f"-o must end in one of {', '.join(_FORMATS)}; it is {output.name!r}")
    try:
        data = expanded(book).read_bytes()
    except OSError as error:
        raise Refused(f"BOOK: {book} cannot be read: {error.strerror}") from None
    asked = {**fields, "format": audio_format}
    key = hashlib.sha256(json.dumps(asked, sort_keys=True).encode() + data).hexdigest()
    wanted = BookToNarrate(data, book.name, asked, key)

    async def work(backend: Backend, progress: ProgressLine) -> None:
        began = False

        def told(job: Mapping[str, Any]) -> None:
            nonlocal began
            characters = int(job["characters"])
            if not began:
                began = True
                progress.expect(["x" * characters])
            progress.spoken(0, job["percent"] / 100 * characters / CHARS_PER_SECOND)

        job_id = await backend.narrate(wanted, told)
        async with whole_file(output) as write:
            async for piece in backend.narrated(job_id):
                await write(piece)
        progress.result(str(output))

    run_work(work, server=server, quiet=quiet)
