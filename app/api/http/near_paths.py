"""Guesses the path that was meant by one that leads nowhere.

Base URLs are easily given a part too many, or one too few.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence

from starlette.routing import BaseRoute, Match, Mount, Route
from starlette.types import Scope

_MAX_SEGMENTS = 12
_ALIKE = 0.8
_VERSION = "v1"

Segments = tuple[str, ...]


def path_meant(routes: Sequence[BaseRoute], scope: Scope) -> str | None:
    """Return the path of the app that a request most likely meant; None if no path is near.

    It first leaves out empty parts, then tries small letters, one `v1` more or less, and no part
    that is repeated or stands in front. Misspellings come last.

    Args:
        routes: the routes of the app.
        scope: the scope of a request whose path leads nowhere.
    """
    sent = tuple(part for part in scope["path"].split("/") if part)
    if not sent or len(sent) > _MAX_SEGMENTS:
        return None
    tried: set[Segments] = set()
    nearest: list[Segments] = [sent]
    for _ in range(3):
        fresh = [each for each in dict.fromkeys(nearest) if each and each not in tried]
        tried.update(fresh)
        served = [(each, _match(routes, {**scope, "path": _joined(each)})) for each in fresh]
        for wanted in (Match.FULL, Match.PARTIAL):
            for each, match in served:
                if match is wanted:
                    return _joined(each)
        nearest = [edited for each in fresh for edited in _edited(each)]
    close = difflib.get_close_matches(_joined(sent).lower(), _plain_paths(routes), 1, _ALIKE)
    return close[0] if close else None


def _edited(parts: Segments) -> Iterator[Segments]:
    """Yield the path with one thing changed that clients often get wrong."""
    for length in range(len(parts) // 2, 0, -1):
        for start in range(len(parts) - 2 * length + 1):
            middle = start + length
            if parts[start:middle] == parts[middle : middle + length]:
                yield parts[:middle] + parts[middle + length :]
    lowered = tuple(part.lower() for part in parts)
    if lowered != parts:
        yield lowered
    yield (_VERSION, *parts)
    yield (parts[0], _VERSION, *parts[1:])
    if _VERSION in parts:
        place = parts.index(_VERSION)
        yield parts[:place] + parts[place + 1 :]
    yield parts[1:]


def _match(routes: Iterable[BaseRoute], scope: Scope) -> Match:
    """Tell how the best of the routes fits: wholly, but for the method, or not at all."""
    best = Match.NONE
    for route in routes:
        match, child_scope = route.matches(scope)
        if match is not Match.NONE and isinstance(route, Mount):
            match = _match(route.routes, {**scope, **child_scope})
        if match.value > best.value:
            best = match
    return best


def _plain_paths(routes: Iterable[BaseRoute], prefix: str = "") -> list[str]:
    """List every path without a parameter, such as the name of a voice."""
    found = []
    for route in routes:
        if isinstance(route, Mount):
            found += _plain_paths(route.routes, prefix + route.path)
        elif isinstance(route, Route) and "{" not in route.path:
            found.append(prefix + route.path)
    return found


def _joined(parts: Segments) -> str:
    return "/" + "/".join(parts)
