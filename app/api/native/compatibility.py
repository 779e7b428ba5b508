"""GET /compatibility: what becomes of every field that the clients of other systems send."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fastapi import APIRouter

from app.api.http.dialect import FrontEnd
from app.wording.support import Support
from app.wyoming import server as wyoming


def router_about(dialects: Iterable[FrontEnd], wyoming_port: int | None) -> APIRouter:
    """The router that tells of these dialects.

    Args:
        wyoming_port: where Home Assistant is served; None where it is not.
    """
    router = APIRouter(tags=["server"])
    shown: list[dict[str, Any]] = [
        {
            "name": each.DIALECT.name,
            "title": each.DIALECT.title,
            "prefix": each.DIALECT.prefix,
            "calls": _calls(each.SUPPORT),
        }
        for each in dialects
    ]
    if wyoming_port is not None:
        # No HTTP, so there is no prefix.
        place = {"name": wyoming.NAME, "title": wyoming.TITLE, "port": wyoming_port}
        shown.append({**place, "calls": _calls(wyoming.SUPPORT)})

    @router.get("/compatibility")
    async def compatibility() -> dict[str, Any]:
        """By dialect and call: honoured, approximated, without effect, or refused."""
        return {"dialects": shown}

    return router


def _calls(support: Iterable[Support]) -> list[dict[str, Any]]:
    calls: dict[str, list[dict[str, str]]] = {}
    for row in support:
        shown = {"field": row.field, "how": row.how}
        calls.setdefault(row.call, []).append({**shown, "note": row.note} if row.note else shown)
    return [{"call": call, "fields": fields} for call, fields in calls.items()]
