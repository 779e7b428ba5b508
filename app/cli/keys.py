"""Makes, shows and revokes the keys of callers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar, cast

import typer

from app.callers import keys_file
from app.callers.caller import LIMIT_NAMES, Scope
from app.callers.keys_file import KeysFileError
from app.cli.exits import ExitCode, Refused
from app.settings import SettingsError, load_settings

T = TypeVar("T")


def add_key(name: str, scopes: str, limits: Iterable[str]) -> None:
    """Make a key for a new caller, and print it alone on the standard output."""
    asked = [scope.strip() for scope in scopes.split(",") if scope.strip()]
    numbers: dict[str, int] = {}
    for limit, number in map(_limit, limits):
        if limit in numbers:
            raise Refused(f"--limit {limit} is given twice")
        numbers[limit] = number
    path = _path()
    # What the file refuses is told as it is, scopes that do not exist included.
    key = _kept(lambda: keys_file.add_key(path, name, cast("list[Scope]", asked), numbers))
    typer.echo(f"{name} may call with this key, which is shown only now:", err=True)
    typer.echo(key)


def list_keys() -> None:
    """Print a line for each caller: name, scopes, limits."""
    path = _path()
    if not path.exists():
        return
    for caller in _kept(lambda: keys_file.read_keys(path)).values():
        limits = [
            f"{limit}={value}"
            for limit in LIMIT_NAMES
            if (value := getattr(caller.limits, limit)) is not None
        ]
        typer.echo("\t".join([caller.name, ",".join(sorted(caller.scopes)), *limits]))


def revoke_key(name: str) -> None:
    """Take a caller's key out of the file."""
    path = _path()
    if not path.exists():
        raise Refused(f"there is no {path} yet, so there is no key for {name}")
    _kept(lambda: keys_file.revoke_key(path, name))


def _path() -> Path:
    try:
        path = load_settings(for_command=True).api_keys_file
    except SettingsError as error:
        raise Refused(str(error)) from None
    if path is None:
        raise Refused("API_KEYS_FILE is not set: name a file in .env, such as keys.toml")
    return path


def _limit(text: str) -> tuple[str, int]:
    name, _, number = text.partition("=")
    if not number.isdecimal():
        raise Refused(f"--limit must be NAME=NUMBER; it is {text!r}")
    return name.strip().replace("-", "_"), int(number)


def _kept(work: Callable[[], T]) -> T:
    try:
        return work()
    except KeysFileError as error:
        raise Refused(str(error)) from None
    except OSError as error:
        raise Refused(f"API_KEYS_FILE: {error}", ExitCode.FAILED) from None
