"""GET /compatibility: what becomes of every field that the clients of other systems send."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fastapi import APIRouter, Request

from app.api.http.dialect import FrontEnd
from app.wording.support import Support
from app.wyoming import server as wyoming

router = APIRouter(tags=["server"])


@router.get("/compatibility")
async def compatibility(request: Request) -> dict[str, Any]:
    """By dialect and call: honoured, approximated, without effect, or refused."""
    dialects: tuple[FrontEnd, ...] = request.app.state.dialects
    shown = [
        {
            "name": each.DIALECT.name,
            "title": each.DIALECT.title,
            "prefix": each.DIALECT.prefix,
            "calls": _calls(each.SUPPORT),
        }
        for each in dialects
    ]
    if (address := request.app.state.wyoming_address) is not None:
        # No HTTP, so there is no prefix.
        place = {"name": wyoming.NAME, "title": wyoming.TITLE, "port": address[1]}
        shown.append({**place, "calls": _calls(wyoming.SUPPORT)})
    return {"dialects": shown}


def _calls(support: Iterable[Support]) -> list[dict[str, Any]]:
    calls: dict[str, list[dict[str, str]]] = {}
    for row in support:
        shown = {"field": row.field, "how": row.how}
        calls.setdefault(row.call, []).append({**shown, "note": row.note} if row.note else shown)
    return [{"call": call, "fields": fields} for call, fields in calls.items()]
