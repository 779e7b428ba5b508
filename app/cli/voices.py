"""Runs the commands of `voices`: list, add, remove, export, preview."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from app.cli.backend import Backend, NewVoice
from app.cli.exits import Refused
from app.cli.outputs import check_takes_bytes, standard_output, whole_file
from app.cli.player import Player
from app.cli.progress import ProgressLine
from app.cli.targets import STANDARD_OUTPUT, extension_of, named_files
from app.cli.work import run_work
from app.voices.listing import STATE_SUFFIX

COLUMNS = ("name", "kind", "language", "description")


def list_voices(*, as_json: bool, server: str | None, quiet: bool) -> None:
    """Print every voice: as a table on a terminal, as lines with tabs in a pipe, or as JSON.

    Raises:
        Refused: the voices cannot be listed.
    """

    async def work(backend: Backend, progress: ProgressLine) -> None:
        voices = await backend.voices()
        if as_json:
            progress.result(json.dumps(voices, ensure_ascii=False, indent=2))
        elif sys.stdout.isatty():
            progress.stop()
            Console().print(_table(voices))
        else:
            for voice in voices:
                progress.result("\t".join(_cell(voice, name) for name in COLUMNS))

    run_work(work, server=server, quiet=quiet)


def add_voice(voice: NewVoice, *, server: str | None, quiet: bool) -> None:
    """Make a voice, and print its name.

    Raises:
        Refused: it cannot be made.
    """

    async def work(backend: Backend, progress: ProgressLine) -> None:
        progress.result(str((await backend.add_voice(voice))["name"]))

    run_work(work, server=server, quiet=quiet)


def remove_voices(names: Sequence[str], *, server: str | None, quiet: bool) -> None:
    """Delete voices, and print their names.

    Raises:
        Refused: a voice cannot be deleted; those after it stay.
    """

    async def work(backend: Backend, progress: ProgressLine) -> None:
        for name in names:
            progress.result(await backend.remove_voice(name))

    run_work(work, server=server, quiet=quiet)


def export_voice(name: str, output: str | None, *, server: str | None, quiet: bool) -> None:
    """Write a voice into a file or the standard output.

    Raises:
        Refused: the voice cannot be exported, or the file cannot be written.
    """
    if extension_of(output) not in ("", STATE_SUFFIX):
        raise Refused(f"-o {output}: a voice is exported as {STATE_SUFFIX}")
    target = _target(output, name, STATE_SUFFIX)

    async def work(backend: Backend, progress: ProgressLine) -> None:
        await _deliver(await backend.export_voice(name), target, progress)

    run_work(work, server=server, quiet=quiet)


def preview_voice(
    name: str,
    output: str | None,
    audio_format: str,
    player: Player | None,
    *,
    server: str | None,
    quiet: bool,
) -> None:
    """Speak a few words in a voice, and write or play them.

    Args:
        player: plays the words; None plays nothing, and the words are written.

    Raises:
        Refused: the words cannot be spoken, written or played.
    """
    keeps = output is not None or player is None
    target = _target(output, name, f".{audio_format}") if keeps else None

    async def work(backend: Backend, progress: ProgressLine) -> None:
        data = await backend.preview_voice(name, audio_format)
        if keeps:
            await _deliver(data, target, progress)
        if player is not None:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / f"preview.{audio_format}"
                path.write_bytes(data)
                await player.play(path)

    run_work(work, server=server, quiet=quiet)


def preview_format(name: str | None, output: str | None, *, play: bool) -> str:
    """Choose mp3 or wav: by `--format`, else by the extension of `-o`, else wav to play it.

    Args:
        name: the value of `--format`.

    Raises:
        Refused: `-o` has another extension.
    """
    if name is not None:
        return name
    extension = extension_of(output)
    if extension not in ("", ".mp3", ".wav"):
        raise Refused(f"-o {output}: previews are .mp3 or .wav")
    return extension.removeprefix(".") or ("wav" if play else "mp3")


def _target(output: str | None, name: str, extension: str) -> Path | None:
    """Return the file to write; None for the standard output.

    Raises:
        Refused: the file cannot be written.
    """
    if output == STANDARD_OUTPUT:
        check_takes_bytes()
        return None
    (path,) = named_files(output, [name], extension)
    return path


async def _deliver(data: bytes, target: Path | None, progress: ProgressLine) -> None:
    async with standard_output() if target is None else whole_file(target) as write:
        await write(data)
    if target is not None:
        progress.result(str(target))


def _table(voices: Sequence[dict[str, Any]]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in COLUMNS:
        table.add_column(name, overflow="fold", no_wrap=name == "name")
    for voice in voices:
        table.add_row(*(_cell(voice, name) for name in COLUMNS))
    return table


def _cell(voice: dict[str, Any], name: str) -> str:
    return " ".join(str(voice[name] or "").split())
