"""GET /compatibility: what becomes of every field that the clients of other systems send."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from app.api.dialect import FrontEnd

router = APIRouter(tags=["server"])


@router.get("/compatibility")
async def compatibility(request: Request) -> dict[str, Any]:
    """By dialect and call: honoured, approximated, without effect, or refused."""
    dialects: tuple[FrontEnd, ...] = request.app.state.dialects
    return {"dialects": [_shown(each) for each in dialects]}


def _shown(front_end: FrontEnd) -> dict[str, Any]:
    dialect = front_end.DIALECT
    calls: dict[str, list[dict[str, str]]] = {}
    for row in front_end.SUPPORT:
        shown = {"field": row.field, "how": row.how}
        calls.setdefault(row.call, []).append({**shown, "note": row.note} if row.note else shown)
    return {
        "name": dialect.name,
        "title": dialect.title,
        "prefix": dialect.prefix,
        "calls": [{"call": call, "fields": fields} for call, fields in calls.items()],
    }
