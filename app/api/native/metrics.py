"""Serves GET /metrics, which Prometheus reads."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, Response

from app.api.http.access import documented_key
from app.api.http.dependencies import ServicesDep
from app.api.http.routes import REFUSALS, KeyedRoute
from app.telemetry.meter import CONTENT_TYPE


class _MetricsRoute(KeyedRoute):
    scope = "metrics"


def router_for(readers: Literal["key", "open"]) -> APIRouter:
    """Make the router, for whoever has a key for metrics or for everybody."""
    if readers == "open":
        router = APIRouter(tags=["server"])
    else:
        router = APIRouter(
            route_class=_MetricsRoute,
            dependencies=documented_key,
            tags=["server"],
            responses=REFUSALS,
        )
    router.add_api_route("/metrics", metrics, response_class=PlainTextResponse)
    return router


async def metrics(services: ServicesDep) -> Response:
    """Tell what the server does and has done, as Prometheus reads it.

    docs/operating.md lists the metrics.
    """
    exposition = await services.pools.files.run(services.meter.exposition)
    return Response(exposition, media_type=CONTENT_TYPE)
