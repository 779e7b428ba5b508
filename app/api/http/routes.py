"""Routes that need the key, each of which knows the dialect it is spoken to in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar

from fastapi import APIRouter, Request, Response
from fastapi.params import Form
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from app.api.http.access import check_key, documented_key
from app.api.http.bodies import refuse_compressed
from app.api.http.dialect import NATIVE, Dialect
from app.api.http.forms import BodyRequest
from app.engine.supervisor import RESTART_SECONDS
from app.errors import ModelUnavailable

REFUSALS: dict[int | str, dict[str, Any]] = {
    # Also keeps FastAPI from listing a 422, which is never sent.
    "4XX": {"description": "A refusal; the answer names the field and what is allowed."},
    503: {"description": "The model is not loaded; the answer says why."},
}


class EndingRoute(APIRoute):
    """A route that says so when the end of the server comes before its answer.

    Once SHUTDOWN_GRACE_SECONDS are over, uvicorn cancels the requests that are left; nobody else
    cancels a whole request.
    """

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().handle(scope, receive, send)
        except asyncio.CancelledError:
            raise ModelUnavailable(
                "the server is shutting down", retry_after_seconds=RESTART_SECONDS
            ) from None


class KeyedRoute(EndingRoute):
    """A route that needs the key.

    FastAPI reads the body before it solves dependencies, so that a check in a dependency would let
    a stranger upload whole files first.
    """

    dialect: ClassVar[Dialect] = NATIVE

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        reads_form = isinstance(getattr(self.body_field, "field_info", None), Form)

        async def handle_with_key(request: Request) -> Response:
            check_key(request)
            refuse_compressed(request.headers)
            request = BodyRequest(request.scope, request.receive)
            if reads_form:
                await request.form()
            return await handle(request)

        return handle_with_key


def dialect_router(
    dialect: Dialect, *, only_if: Callable[[Scope], bool] | None = None
) -> APIRouter:
    """A router for paths as the dialect's clients append them to their base URL.

    Args:
        only_if: tells this dialect's requests from those of another that has the same path. Under
            the dialect's own prefix every request is its own.
    """

    class Route(KeyedRoute):
        def matches(self, scope: Scope) -> tuple[Match, Scope]:
            match, child_scope = super().matches(scope)
            if only_if is None or match is Match.NONE:
                return match, child_scope
            if only_if(scope) or scope["path"].startswith(f"{dialect.prefix}/"):
                return match, child_scope
            return Match.NONE, {}

    Route.dialect = dialect
    return APIRouter(
        route_class=Route,
        dependencies=documented_key,
        tags=[dialect.title],
        responses=REFUSALS,
    )
