"""GET /compatibility: what becomes of every field that the clients of other systems send."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fastapi import APIRouter

from app.api.http.dialect import FrontEnd
from app.wording.support import Support


def router_about(entries: Sequence[Mapping[str, Any]]) -> APIRouter:
    """Make the router that tells of these kinds of clients."""
    router = APIRouter(tags=["server"])

    @router.get("/compatibility")
    async def compatibility() -> dict[str, Any]:
        """By dialect and call: honoured, approximated, without effect, or refused."""
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
