"""Serves GET /compatibility, which says what becomes of every field that clients may send."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fastapi import APIRouter

from app.api.http.dialect import FrontEnd
from app.wording.support import Support


def router_about(entries: Sequence[Mapping[str, Any]]) -> APIRouter:
    """Make the router that serves these entries, one for each kind of client."""
    router = APIRouter(tags=["server"])

    @router.get("/compatibility")
    async def compatibility() -> dict[str, Any]:
        """List what becomes of each field that clients may send, by dialect and call."""
        return {"dialects": entries}

    return router


def dialect_entry(front_end: FrontEnd) -> dict[str, Any]:
    """List what becomes of each field that a dialect's clients send."""
    dialect = front_end.DIALECT
    place = {"name": dialect.name, "title": dialect.title, "prefix": dialect.prefix}
    return {**place, "calls": _calls(front_end.SUPPORT)}


def wyoming_entry(title: str, port: int, support: Iterable[Support]) -> dict[str, Any]:
    """List what becomes of each field of Wyoming's events; it has a port in place of a prefix."""
    place = {"name": "wyoming", "title": title, "port": port}
    return {**place, "calls": _calls(support)}


def _calls(support: Iterable[Support]) -> list[dict[str, Any]]:
    calls: dict[str, list[dict[str, str]]] = {}
    for row in support:
        shown = {"field": row.field, "how": row.how}
        calls.setdefault(row.call, []).append({**shown, "note": row.note} if row.note else shown)
    return [{"call": call, "fields": fields} for call, fields in calls.items()]
