"""Serves /server: what the server does now and did lately, once or live; reloads its model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from app.api.http.access import caller_of, documented_key
from app.api.http.dependencies import ServicesDep
from app.api.http.live_events import EVENT_STREAM, event
from app.api.http.routes import REFUSALS, KeyedRoute
from app.api.native.health import state_of, why_not_ready
from app.callers.caller import Caller
from app.services import Services

PATH = "/server"
LOOK_SECONDS = 1.0
"""Who watches is told anew after so long."""


class _AnyKeyRoute(KeyedRoute):
    scope = None


class _AdminRoute(KeyedRoute):
    scope = "admin"


make_router = partial(APIRouter, dependencies=documented_key, tags=["server"], responses=REFUSALS)
router = make_router(route_class=_AnyKeyRoute)
_admin = make_router(route_class=_AdminRoute)


@router.get(PATH)
async def look_at_server(request: Request, services: ServicesDep) -> dict[str, Any]:
    """Tell how the server is: model, load, memory, and the last requests that wanted speech.

    Whoever does not administer it sees their own requests only.
    """
    return _now(services, caller_of(request))


@router.get(f"{PATH}/events", response_class=StreamingResponse)
async def watch_server(request: Request, services: ServicesDep) -> StreamingResponse:
    """Tell the same each second, as server-sent events named `server`."""
    events = _events(services, caller_of(request))
    return StreamingResponse(events, media_type=EVENT_STREAM, headers={"X-Accel-Buffering": "no"})


@_admin.post(f"{PATH}/reload", status_code=202)
async def reload_model(services: ServicesDep) -> dict[str, Any]:
    """Load the model anew from its files; refused with 409 while speech is being made."""
    services.cast.reload()
    status = services.cast.default.supervisor.status()
    return {"model": services.cast.default.model, "state": status.state, "detail": status.detail}


async def _events(services: Services, caller: Caller) -> AsyncGenerator[bytes, None]:
    while not services.lifetime.is_stopping:
        yield event("server", **_now(services, caller))
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                await services.lifetime.stopping()


def _now(services: Services, caller: Caller) -> dict[str, Any]:
    recent = services.requests.recent.of(None if caller.may("admin") else caller.name)
    refusal = why_not_ready(services)
    return {
        "speaking": refusal is None,
        "reason": None if refusal is None else refusal.message,
        **state_of(services),
        "requests_in_flight": len(services.lifetime.at_work),
        "memory_bytes": services.meter.resident_bytes,
        "spoken_seconds": round(services.meter.spoken_seconds, 2),
        "requests": [asdict(each) for each in recent],
    }


router.routes.extend(_admin.routes)
