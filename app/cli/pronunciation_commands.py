"""Defines the commands of `pronunciations` and their options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.cli.exits import EXIT_CODES
from app.cli.options import LanguageOption
from app.cli.program import PROGRAM

pronunciations = typer.Typer(
    help="How words and names are spoken, everywhere.\n\n"
    "They lie in the file that PRONUNCIATIONS_FILE names (models/pronunciations.txt), which may be "
    "edited as well. A running server reads it again when it changes.",
    epilog=EXIT_CODES,
    rich_markup_mode="rich",
)
ReplaceOption = Annotated[
    bool, typer.Option("--replace", help="Replace what is there for the same word.")
]


@pronunciations.command("list", epilog=f"Example: {PROGRAM} pronunciations list")
def list_pronunciations() -> None:
    """Show them, one a line, as they stand in the file."""
    from app.cli.pronunciations import list_pronunciations  # noqa: PLC0415

    list_pronunciations()


@pronunciations.command(epilog=f'Example: {PROGRAM} pronunciations add "Nginx = engine X"')
def add(
    lines: Annotated[
        list[str],
        typer.Argument(
            metavar="WORD=HOW",
            show_default=False,
            help="A word or phrase, and how to write it so that it is spoken right; in front may "
            "stand \\[en] or \\[case].",
        ),
    ],
    replace: ReplaceOption = False,
) -> None:
    """Add pronunciations."""
    from app.cli.pronunciations import add_pronunciations  # noqa: PLC0415

    add_pronunciations(lines, replace=replace)


@pronunciations.command(epilog=f"Example: {PROGRAM} pronunciations remove Nginx")
def remove(
    words: Annotated[list[str], typer.Argument(metavar="WORD", show_default=False)],
    language: LanguageOption = None,
) -> None:
    """Take out what is there for words, whatever their case; with --language for that one alone."""
    from app.cli.pronunciations import remove_pronunciations  # noqa: PLC0415

    remove_pronunciations(words, language)


@pronunciations.command("import", epilog=f"Example: {PROGRAM} pronunciations import words.pls")
def import_file(
    path: Annotated[
        Path,
        typer.Argument(metavar="FILE", show_default=False, help="PLS, CSV, or lines in a .txt."),
    ],
    replace: ReplaceOption = False,
) -> None:
    """Take in a file; all of it, or nothing if a line is wrong."""
    from app.cli.pronunciations import import_pronunciations  # noqa: PLC0415

    import_pronunciations(path, replace=replace)


@pronunciations.command("export", epilog=f"Example: {PROGRAM} pronunciations export words.pls")
def export_file(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", show_default=False, help="Its ending says how: .pls, .csv or .txt."
        ),
    ],
) -> None:
    """Write them into a file, replacing what is there."""
    from app.cli.pronunciations import export_pronunciations  # noqa: PLC0415

    export_pronunciations(path)
