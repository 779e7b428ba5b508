"""Reads and writes the file of keys: TOML that an operator may also edit by hand.

    [keys.alice]
    hash = "sha256:9f86d0…"
    scopes = ["speech", "voices"]
    requests_per_minute = 60

A key is 32 random bytes, which nobody guesses, so that a plain hash of it tells nothing.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tomlkit

from app.callers.caller import (
    ANYBODY,
    HOME_ASSISTANT,
    LIMIT_NAMES,
    OPERATOR,
    SCOPES,
    Caller,
    CallerLimits,
    Scope,
)
from app.files import changing, write_whole

KEY_PREFIX = "ps_"
_HASH = re.compile(r"sha256:[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_OUR_OWN = {OPERATOR.name, ANYBODY.name, HOME_ASSISTANT.name}
_HEADER = """# Who may call this server; made by `python -m app keys`, read again when it changes.
# Each key is here as a hash: who lost one gets a new one.
"""


class KeysFileError(Exception):
    """Says in one line what is wrong with the file of keys."""


def hash_of(key: str) -> str:
    """Return what the file holds of a key."""
    return f"sha256:{hashlib.sha256(key.encode(errors='surrogatepass')).hexdigest()}"


def read_keys(path: Path) -> Mapping[str, Caller]:
    """Read who has which key: callers by the hash of their key. Blocks.

    Raises:
        KeysFileError: the file cannot be read, or something in it cannot be meant so.
    """
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise KeysFileError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # not UTF-8, or not TOML
        raise KeysFileError(f"{path} is not TOML: {error}") from None
    keys = content.pop("keys", {})
    if content or not isinstance(keys, dict):
        raise KeysFileError(f"{path} may hold tables [keys.NAME] only")
    callers: dict[str, Caller] = {}
    for name, entry in keys.items():
        try:
            hashed, caller = _caller_of(name, entry)
        except ValueError as error:
            raise KeysFileError(f"{path}, keys.{name}: {error}") from None
        if hashed in callers:
            raise KeysFileError(f"{path}: {callers[hashed].name} and {name} have the same key")
        callers[hashed] = caller
    return callers


def add_key(path: Path, name: str, scopes: Sequence[Scope], limits: Mapping[str, int]) -> str:
    """Make a key for a new caller, add it to the file, and return the key. Blocks.

    The file is made if there is none, for its owner's eyes only; comments in it stay.

    Args:
        limits: values of `CallerLimits` by name.

    Raises:
        KeysFileError: there is such a caller, something is not allowed, or the file is broken.
        OSError: the disk refuses.
    """
    key = KEY_PREFIX + secrets.token_urlsafe(32)
    entry = tomlkit.table()
    entry.update({"hash": hash_of(key), "scopes": list(dict.fromkeys(scopes)), **limits})
    try:
        _caller_of(name, entry.unwrap())
    except ValueError as error:
        raise KeysFileError(str(error)) from None
    path.parent.mkdir(parents=True, exist_ok=True)
    with changing(path):
        document = _document(path)
        keys = document.setdefault("keys", tomlkit.table(is_super_table=True))
        if name in keys:
            raise KeysFileError(f"there is a key for {name} already; revoke it first")
        keys[name] = entry
        _write(path, document)
    return key


def revoke_key(path: Path, name: str) -> None:
    """Take a caller's key out of the file. Blocks.

    Raises:
        KeysFileError: there is no such caller, or the file is broken.
        OSError: the disk refuses.
    """
    with changing(path):
        document = _document(path)
        names = list(document.get("keys", {}))
        if name not in names:
            known = ", ".join(names) or "none"
            raise KeysFileError(f"there is no key for {name}; there are {known}")
        del document["keys"][name]
        _write(path, document)


def _document(path: Path) -> tomlkit.TOMLDocument:
    if not path.exists():
        return tomlkit.parse(_HEADER)
    read_keys(path)  # nothing is added to what cannot be read
    return tomlkit.parse(path.read_text("utf-8"))


def _write(path: Path, document: tomlkit.TOMLDocument) -> None:
    write_whole(path, tomlkit.dumps(document).encode(), mode=0o600)


def _caller_of(name: str, entry: Any) -> tuple[str, Caller]:
    """Return the hash of a key, and the caller who has it.

    Raises:
        ValueError: the entry says something that is not allowed.
    """
    if _NAME.fullmatch(name) is None:
        raise ValueError(
            f"{name!r} cannot be a name: letters, digits, '.', '_' and '-', at most 64"
        )
    if name in _OUR_OWN:
        raise ValueError(f"{name} is what this server calls a caller of its own; choose another")
    if not isinstance(entry, dict):
        raise ValueError("must be a table")  # noqa: TRY004 - told like the others
    if unknown := set(entry) - {"hash", "scopes", *LIMIT_NAMES}:
        raise ValueError(
            f"{min(unknown)} is not known; there are hash, scopes, {', '.join(LIMIT_NAMES)}"
        )
    hashed = entry.get("hash")
    if not isinstance(hashed, str) or _HASH.fullmatch(hashed) is None:
        raise ValueError("hash must be 'sha256:' and 64 hex digits")
    scopes = entry.get("scopes", ["speech"])
    if not isinstance(scopes, list) or not scopes or not all(each in SCOPES for each in scopes):
        raise ValueError(f"scopes must be some of {', '.join(SCOPES)}")
    limits = {limit: _limit(limit, entry[limit]) for limit in LIMIT_NAMES if limit in entry}
    if "admin" in scopes and (kept := {"stored_voices", "stored_bytes"} & limits.keys()):
        raise ValueError(f"{min(kept)} does not go with admin: what that makes is the operator's")
    return hashed, Caller(name, frozenset(scopes), CallerLimits(**limits))


def _limit(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{name} must be a whole number from 0 on")
    return value
