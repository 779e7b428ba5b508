"""Runs the command `narrate`: makes a recording of a book, which may be interrupted and goes on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from app.captions.files import caption_formats
from app.cli.backend import Backend, BookToNarrate
from app.cli.exits import Refused
from app.cli.outputs import whole_file
from app.cli.paths import expanded
from app.cli.progress import CHARS_PER_SECOND, ProgressLine
from app.cli.work import run_work

_FORMATS = ("m4b", "mp3", "opus", "flac", "wav")


def pairs_in(option: str, values: Sequence[str]) -> dict[str, str]:
    """Read the values of an option that are like `NAME=VALUE`.

    Raises:
        Refused: one is not, or two have the same name.
    """
    found: dict[str, str] = {}
    for value in values:
        name, mark, meant = (part.strip() for part in value.partition("="))
        if not name or not mark or not meant:
            raise Refused(f"{option} is like NAME=VOICE; it is {value!r}")
        if name in found:
            raise Refused(f"{option}: {name!r} is there twice")
        found[name] = meant
    return found


def narrate(
    book: Path,
    output: Path,
    fields: Mapping[str, Any],
    read: Mapping[str, bool],
    *,
    audio_format: str | None,
    captions: str | None,
    server: str | None,
    quiet: bool,
) -> None:
    """Narrate a book into a file. The same command goes on where it was interrupted.

    Args:
        fields: by the names of `POST /jobs`.
        read: what is read besides the running text, by the names of `POST /documents`.
        audio_format: of the files in a zip.
        captions: the formats of caption files, with commas between.

    Raises:
        Refused: an option is wrong, the book cannot be read or spoken.
    """
    wanted_captions = _captions_in(captions)
    asked = {**fields, **_form_of(output, audio_format), "captions": ",".join(wanted_captions)}
    try:
        data = expanded(book).read_bytes()
    except OSError as error:
        raise Refused(f"BOOK: {book} cannot be read: {error.strerror}") from None
    said = json.dumps([asked, read], sort_keys=True).encode()
    wanted = BookToNarrate(data, book.name, asked, read, hashlib.sha256(said + data).hexdigest())
    files = {output: "output"}
    if asked["files"] == "one":
        files |= {output.with_suffix(f".{name}"): f"captions.{name}" for name in wanted_captions}

    async def work(backend: Backend, progress: ProgressLine) -> None:
        job_id = await backend.narrate(wanted, _Shown(progress).show)
        for path, part in files.items():
            async with whole_file(path) as write:
                async for piece in backend.narrated(job_id, part):
                    await write(piece)
            progress.result(str(path))

    run_work(work, server=server, quiet=quiet)


def _captions_in(option: str | None) -> tuple[str, ...]:
    try:
        return () if option is None else caption_formats(option)
    except ValueError as wrong:
        raise Refused(f"--captions {wrong}") from None


def _form_of(output: Path, audio_format: str | None) -> dict[str, str]:
    """Return what `-o` and `--format` say of the recording.

    Raises:
        Refused: they do not go together, or there is no such format.
    """
    ending = output.suffix.removeprefix(".").lower()
    if ending == "zip":
        chosen = (audio_format or "m4b").lower().removeprefix(".")
        if chosen not in _FORMATS:
            raise Refused(f"--format must be one of {', '.join(_FORMATS)}; it is {audio_format!r}")
        return {"format": chosen, "files": "chapters"}
    if ending not in _FORMATS:
        raise Refused(f"-o must end in one of {', '.join(_FORMATS)}, zip; it is {output.name!r}")
    if audio_format not in (None, ending):
        raise Refused("--format is for the files in a .zip; else the ending of -o says it")
    return {"format": ending, "files": "one"}


class _Shown:
    """Shows a job on a progress line, and why it waits once for each reason."""

    def __init__(self, progress: ProgressLine) -> None:
        self._progress = progress
        self._began = False
        self._reason: str | None = None

    def show(self, job: Mapping[str, Any]) -> None:
        """Take a job as `GET /jobs/{id}` has it."""
        characters = int(job["characters"])
        if not self._began:
            self._began = True
            self._progress.expect(["x" * characters])
        self._progress.spoken(0, job["percent"] / 100 * characters / CHARS_PER_SECOND)
        if job["reason"] != self._reason:
            self._reason = job["reason"]
            if self._reason is not None:
                self._progress.say(f"{job['state']}: {self._reason}")
