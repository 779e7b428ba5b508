"""The dialects there are, and which of them a request is spoken in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fastapi import FastAPI
from starlette.types import Scope

from app.api import chattts, elevenlabs, fish, flash, health, openai, pocket
from app.api.dialect import NATIVE, Dialect, FrontEnd
from app.api.routes import KeyedRoute

DIALECTS: tuple[FrontEnd, ...] = (pocket, elevenlabs, openai, fish, flash, chattts)
"""Where two have a path in common, it belongs to the first one; the other has its prefix."""


def chosen_dialects(names: Sequence[str]) -> tuple[FrontEnd, ...]:
    """The dialects that DIALECTS names, in the order of precedence.

    Raises:
        ValueError: one line that says which exist.
    """
    known = [each.DIALECT.name for each in DIALECTS]
    if tuple(names) == ("all",):
        return DIALECTS
    for name in names:
        if name not in known:
            raise ValueError(
                f"there is no dialect {name!r}; allowed: all, or some of {', '.join(known)}"
            )
    return tuple(each for each in DIALECTS if each.DIALECT.name in names)


def mount(app: FastAPI, dialects: Iterable[FrontEnd]) -> None:
    """Serve each dialect under its prefix, and at the plain paths that nobody before it has.

    Must come before this server's own routes, for some dialects share a path with them and know
    their own requests.
    """
    for each in dialects:
        prefix = each.DIALECT.prefix
        app.include_router(each.router)
        app.include_router(each.router, prefix=prefix, include_in_schema=False)
        # Clients look for the server's health below the address they were given.
        app.include_router(health.router, prefix=prefix, include_in_schema=False)


def dialect_of(scope: Scope, dialects: Iterable[FrontEnd]) -> Dialect:
    """The dialect that a request was spoken in; what belongs to nobody is this server's own."""
    route = scope.get("route")
    if isinstance(route, KeyedRoute):
        return route.dialect
    path = scope["path"]
    known = [each.DIALECT for each in dialects]
    for dialect in known:
        if path.startswith(f"{dialect.prefix}/"):
            return dialect
    return next((each for each in known if path.startswith(each.owns or ("\0",))), NATIVE)
