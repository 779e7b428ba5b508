"""Defines the commands of `voices` and their options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from app.cli.backend import NewVoice, Recording
from app.cli.exits import EXIT_CODES
from app.cli.options import (
    LanguageOption,
    PlayOption,
    QuietOption,
    ServerOption,
    file_name,
    output_option,
)
from app.cli.program import PROGRAM

voices = typer.Typer(
    help="The voices there are, and those you make.\n\n"
    "They lie in VOICES_DIR (models/voices), which a server in the same folder shares; with "
    "--server, in that of the server.",
    epilog=EXIT_CODES,
    rich_markup_mode="rich",
)


def _name(value: str) -> str:
    # Such a name would lead to another URL of a server, or to another folder here.
    leads_elsewhere = not value.strip(" .") or "/" in value or "\\" in value
    if leads_elsewhere or not value.isprintable():
        raise typer.BadParameter(f"{value!r} cannot be the name of a voice")
    return value


NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", parser=_name, show_default=False, help="Its name.")
]
OneFileOption = Annotated[
    str | None,
    output_option(
        "--output",
        "-o",
        metavar="FILE|FOLDER/|-",
        parser=file_name,
        help="File to write, replacing what is there; a folder; or - for the standard output.",
    ),
]


@voices.command("list", epilog=f"Example: {PROGRAM} voices list --json | jq '.\\[].name'")
def list_voices(
    json: Annotated[bool, typer.Option("--json", help="All that is known, for programs.")] = False,
    server: ServerOption = None,
    quiet: QuietOption = False,
) -> None:
    """Show every voice, the built-in ones first.

    In a pipe: a line for each, tabs between name, kind, language, description.
    """
    from app.cli.voices import list_voices  # noqa: PLC0415

    list_voices(as_json=json, server=server, quiet=quiet)


@voices.command(
    epilog=f"Example: {PROGRAM} voices add tess one.wav two.mp3 --description 'Warm and calm'"
)
def add(
    name: NameArgument,
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE",
            show_default=False,
            help="Recordings of one person, or one voice state (.safetensors).",
        ),
    ],
    description: Annotated[str | None, typer.Option(help="A few words about it.")] = None,
    tag: Annotated[
        list[str] | None, typer.Option(metavar="WORD", help="Can be given several times.")
    ] = None,
    language: LanguageOption = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace the voice of this name, if there is one.")
    ] = False,
    server: ServerOption = None,
    quiet: QuietOption = False,
) -> None:
    """Make a voice of recordings.

    They are trimmed, levelled and joined.
    Clone a voice only with its owner's consent.
    """
    from app.cli.voices import add_voice  # noqa: PLC0415

    recordings = [Recording.read(path, "FILE") for path in files]
    voice = NewVoice(name, recordings, description, tag or (), language, replace)
    add_voice(voice, server=server, quiet=quiet)


@voices.command(epilog=f"Example: {PROGRAM} voices remove tess")
def remove(
    names: Annotated[list[str], typer.Argument(metavar="NAME", parser=_name, show_default=False)],
    server: ServerOption = None,
    quiet: QuietOption = False,
) -> None:
    """Take voices away that people made; built-in ones stay."""
    from app.cli.voices import remove_voices  # noqa: PLC0415

    remove_voices(names, server=server, quiet=quiet)


@voices.command(epilog=f"Example: {PROGRAM} voices export tess -o tess.safetensors")
def export(
    name: NameArgument,
    output: OneFileOption = None,
    server: ServerOption = None,
    quiet: QuietOption = False,
) -> None:
    """Write a voice as NAME.safetensors, which pocket-tts reads as well.

    It fits the model it was made with.
    Take it in again with: voices add NAME FILE
    """
    from app.cli.voices import export_voice  # noqa: PLC0415

    export_voice(name, output, server=server, quiet=quiet)


@voices.command(epilog=f"Example: {PROGRAM} voices preview tess --play")
def preview(
    name: NameArgument,
    output: OneFileOption = None,
    format: Annotated[  # noqa: A002
        Literal["mp3", "wav"] | None,
        output_option("--format", "-f", help="Audio format."),
    ] = None,
    play: PlayOption = False,
    server: ServerOption = None,
    quiet: QuietOption = False,
) -> None:
    """Hear a few words in a voice: NAME.mp3, unless -o or --play is given."""
    from app.cli.player import find_player  # noqa: PLC0415
    from app.cli.voices import preview_format, preview_voice  # noqa: PLC0415

    chosen = preview_format(format, output, play=play)
    player = find_player(chosen, live=False) if play else None
    preview_voice(name, output, chosen, player, server=server, quiet=quiet)
