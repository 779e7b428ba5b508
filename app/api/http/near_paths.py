"""Looks at what is served at a path, and guesses the path meant by one that leads nowhere.

Base URLs are easily given a part too many, or one too few.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence

from starlette.routing import BaseRoute, Match, Mount, Route, WebSocketRoute
from starlette.types import Scope

_MAX_SEGMENTS = 12
_MAX_CHARS = 300
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
    # Likeness takes time that grows with the square of the length: seconds for a path of 50 kB.
    if not sent or len(sent) > _MAX_SEGMENTS or len(scope["path"]) > _MAX_CHARS:
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
    kind = WebSocketRoute if scope["type"] == "websocket" else Route
    templates = _templates(routes, kind)
    closest = max(templates, key=lambda template: _likeness(template, sent), default="")
    return _filled(closest, sent) if _likeness(closest, sent) >= _ALIKE else None


def is_served(routes: Sequence[BaseRoute], scope: Scope) -> bool:
    """Tell whether there is something at the path of a request, maybe for another method."""
    return _match(routes, scope) is not Match.NONE


def methods_at(routes: Iterable[BaseRoute], scope: Scope) -> set[str]:
    """Return the methods that the path of an HTTP request takes."""
    found: set[str] = set()
    for route in routes:
        match, child_scope = route.matches(scope)
        if match is Match.NONE:
            continue
        if isinstance(route, Mount):
            found |= methods_at(route.routes, {**scope, **child_scope})
        elif isinstance(route, Route):
            found |= route.methods or set()
    return found


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
        elif _VERSION in child_scope.get("path_params", {}).values():
            match = Match.NONE  # no file and no voice is called so
        if match.value > best.value:
            best = match
    return best


def _templates(
    routes: Iterable[BaseRoute], kind: type[Route | WebSocketRoute], prefix: str = ""
) -> list[str]:
    """List every path, with names in braces where a voice or a file is named."""
    found = []
    for route in routes:
        if isinstance(route, Mount):
            found += _templates(route.routes, kind, prefix + route.path)
        elif isinstance(route, kind):
            found.append(prefix + route.path)
    return found


def _likeness(template: str, sent: Segments) -> float:
    """Tell how much of what a path itself says was sent, from 0 to 1; names count for nothing."""
    parts = template.strip("/").split("/")
    if "{" in template and len(parts) == len(sent):
        fixed = [place for place, part in enumerate(parts) if not part.startswith("{")]
        parts, sent = [parts[place] for place in fixed], tuple(sent[place] for place in fixed)
    return difflib.SequenceMatcher(None, "/".join(sent).lower(), "/".join(parts)).ratio()


def _filled(template: str, sent: Segments) -> str:
    """Put what was sent in the places of a template's names, as far as it has such places."""
    parts = template.strip("/").split("/")
    if "{" not in template or len(parts) != len(sent):
        return template
    return _joined(
        tuple(own if part.startswith("{") else part for part, own in zip(parts, sent, strict=True))
    )


def _joined(parts: Segments) -> str:
    return "/" + "/".join(parts)
