"""Lists the dialects, mounts their routes, and tells which of them a request is spoken in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.routing import Router
from starlette.types import Scope

from app.api import chattts, elevenlabs, fish, flash, openai, pocket, small
from app.api.http.dialect import NATIVE, SPOKEN_DIALECT, Dialect, FrontEnd
from app.api.http.routes import KeyedRoute
from app.api.native import health

DIALECTS: tuple[FrontEnd, ...] = (pocket, elevenlabs, openai, fish, flash, chattts, small)
"""A path that two dialects share belongs to the first; the other serves it under its prefix."""


def chosen_dialects(names: Sequence[str]) -> tuple[FrontEnd, ...]:
    """Return the dialects that the setting DIALECTS names, in the order of precedence.

    Raises:
        ValueError: a name is unknown or misplaced; one line that says which names are allowed.
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
    """Serve each dialect under its prefix, and at plain paths that no earlier dialect has taken.

    Call it before this server's own routes are added: some dialects share a path with them, and
    match their own requests only.

    The routes are added as they are. FastAPI's `include_router` would make each of them anew, and
    would do so during the first request: that takes half a second, and turns off the warnings of
    the whole process while the model is being loaded on another thread.
    """
    for each in dialects:
        app.router.routes.extend(each.router.routes)
        # Clients look for the server's health below the base URL that they were given.
        routes = [*each.router.routes, *health.router.routes]
        app.mount(each.DIALECT.prefix, Router(routes, redirect_slashes=False))


def dialect_of(scope: Scope, dialects: Iterable[FrontEnd]) -> Dialect:
    """Return the dialect that a request was spoken in; the native one where no other claims it."""
    if (spoken := scope.get("state", {}).get(SPOKEN_DIALECT)) is not None:
        dialect: Dialect = spoken
        return dialect
    route = scope.get("route")
    if isinstance(route, KeyedRoute):
        return route.dialect
    path = scope["path"]
    known = [each.DIALECT for each in dialects]
    for dialect in known:
        if path.startswith(f"{dialect.prefix}/"):
            return dialect
    headers = Headers(scope=scope)
    for dialect in known:
        if dialect.key_header is not None and dialect.key_header in headers and route is None:
            return dialect
    owned = [(len(start), each) for each in known for start in each.owns if path.startswith(start)]
    return max(owned, key=lambda found: found[0])[1] if owned else NATIVE
