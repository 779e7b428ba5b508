"""Defines a caller: a name, what it may do, and how much of it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Literal, TypeAlias, get_args

Scope: TypeAlias = Literal["speech", "voices", "jobs", "metrics", "admin"]
"""A caller may speak, change voices, run jobs, read metrics, or do what is the operator's."""

SCOPES: tuple[Scope, ...] = get_args(Scope)


@dataclass(frozen=True, slots=True)
class CallerLimits:
    """Says how much a caller may have; where a limit is None, there is none."""

    requests_per_minute: int | None = None
    characters_per_minute: int | None = None
    concurrent_streams: int | None = None
    """So many requests for speech may be answered at the same time."""
    stored_voices: int | None = None
    """So many voices may be kept."""
    stored_bytes: int | None = None
    """The files of these voices and saved audio may take so many bytes together."""


LIMIT_NAMES: tuple[str, ...] = tuple(each.name for each in fields(CallerLimits))


@dataclass(frozen=True, slots=True)
class Caller:
    """Says who calls. The log names callers; a key appears nowhere."""

    name: str
    scopes: frozenset[Scope] = field(default=frozenset(SCOPES))
    limits: CallerLimits = field(default_factory=CallerLimits)
    by_token: bool = False
    """It came with a token that its key made."""
    for_operator: bool = False
    """It came with a token that an administrator's key made: what it keeps is the operator's."""
    address: str | None = None
    """Where no key is asked for, callers are told apart by where they come from."""

    @property
    def party(self) -> str:
        """Return whose turn it is when this caller's is."""
        return self.address or self.name

    def may(self, scope: Scope) -> bool:
        """Tell whether the caller may do such things; an administrator may do everything."""
        return scope in self.scopes or "admin" in self.scopes


OPERATOR = Caller("operator")
"""Whoever has API_KEY is the operator."""
ANYBODY = Caller("anybody")
"""All are the same caller where no key is asked for."""
HOME_ASSISTANT = Caller("wyoming", frozenset({"speech"}))
"""The Wyoming protocol has no keys, so that all its clients are this one."""
