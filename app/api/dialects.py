"""The dialects there are, and which of them a request is spoken in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fastapi import FastAPI
from starlette.routing import Router
from starlette.types import Scope

from app.api import chattts, elevenlabs, fish, flash, openai, pocket
from app.api.http.dialect import NATIVE, Dialect, FrontEnd
from app.api.http.routes import KeyedRoute
from app.api.native import health

DIALECTS: tuple[FrontEnd, ...] = (pocket, elevenlabs, openai, fish, flash, chattts)
"""Where two have a path in common, it belongs to the first one; the other has its prefix."""


def chosen_dialects(names: Sequence[str]) -> tuple[FrontEnd, ...]:
    """The dialects that DIALECTS names, in the order of precedence.

    Raises:
        ValueError: one line that says which exist.
    """
    known = [each.DIALECT.name for each in DIALECTS]
    allowed = f"allowed: all, or some of {', '.join(known)}"
    if not names:
        raise ValueError(f"it names no dialect; {allowed}")
    for name in names:
        if name not in ("all", *known):
            raise ValueError(f"there is no dialect {name!r}; {allowed}")
    if set(names) == {"all"}:
        return DIALECTS
    if "all" in names:
        raise ValueError(f"'all' stands alone; {allowed}")
    return tuple(each for each in DIALECTS if each.DIALECT.name in names)


def mount(app: FastAPI, dialects: Iterable[FrontEnd]) -> None:
    """Serve each dialect under its prefix, and at the plain paths that nobody before it has.

    Must come before this server's own routes, for some dialects share a path with them and know
    their own requests.

    Routes are added as they are. FastAPI's `include_router` makes each of them anew, and does so
    during the first request: half a second for all, with the warnings of the whole process turned
    off while the model is being loaded on another thread.
    """
    for each in dialects:
        app.router.routes.extend(each.router.routes)
        # Clients look for the server's health below the address they were given.
        routes = [*each.router.routes, *health.router.routes]
        app.mount(each.DIALECT.prefix, Router(routes, redirect_slashes=False))


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
