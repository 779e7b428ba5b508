"""Defines the commands of `keys` and their options."""

from __future__ import annotations

from typing import Annotated

import typer

from app.callers.caller import LIMIT_NAMES, SCOPES
from app.cli.exits import EXIT_CODES
from app.cli.program import PROGRAM

keys = typer.Typer(
    help="Who may call the server, each with a key of its own.\n\n"
    "The keys lie, as hashes, in the file that API_KEYS_FILE names. A running server reads it "
    "again when it changes.",
    epilog=EXIT_CODES,
    rich_markup_mode="rich",
)

NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", show_default=False, help="Who has the key.")
]


@keys.command("add", epilog=f"Example: {PROGRAM} keys add shop --limit requests_per_minute=60")
def add(
    name: NameArgument,
    scopes: Annotated[
        str,
        typer.Option(help=f"What it is for, comma-separated: {', '.join(SCOPES)}."),
    ] = "speech",
    limit: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=NUMBER",
            help=f"One of {', '.join(LIMIT_NAMES)}; may be given several times.",
        ),
    ] = None,
) -> None:
    """Make a key and print it: once, for it is nowhere kept."""
    from app.cli.keys import add_key  # noqa: PLC0415

    add_key(name, scopes, limit or [])


@keys.command("list", epilog=f"Example: {PROGRAM} keys list")
def list_keys() -> None:
    """Show who has a key, and what each may do."""
    from app.cli.keys import list_keys  # noqa: PLC0415

    list_keys()


@keys.command("revoke", epilog=f"Example: {PROGRAM} keys revoke shop")
def revoke(name: NameArgument) -> None:
    """Make a key worthless; a running server forgets it within a second."""
    from app.cli.keys import revoke_key  # noqa: PLC0415

    revoke_key(name)
