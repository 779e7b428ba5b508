"""Routes that need the key, each of which knows the dialect it is spoken to in."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar

from fastapi import APIRouter, Request, Response
from fastapi.params import Form
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect
from starlette.routing import Match
from starlette.types import Scope

from app.api.auth import check_key, documented_key
from app.api.dialect import NATIVE, Dialect
from app.api.error_handlers import ClientLeft

FORM_TYPES = ("multipart/", "application/x-www-form-urlencoded")
"""How the content type of a form begins"""

_REFUSAL: dict[int | str, dict[str, Any]] = {
    # Also keeps FastAPI from listing a 422, which is never sent.
    "4XX": {"description": "A refusal; the answer names the field and what is allowed."},
    503: {"description": "The model is not loaded; the answer says why."},
}


class KeyedRoute(APIRoute):
    """A route that needs the key.

    FastAPI reads the body before it solves dependencies, so that a check in a dependency would let
    a stranger upload whole files first. It also refuses any text of more than a megabyte in a form;
    here the whole body is bounded while it is read, so its parts need no bound of their own.
    """

    dialect: ClassVar[Dialect] = NATIVE

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        reads_form = isinstance(getattr(self.body_field, "field_info", None), Form)

        async def handle_with_key(request: Request) -> Response:
            check_key(request)
            if reads_form:
                try:
                    await request.form(max_part_size=sys.maxsize)
                except ClientDisconnect:
                    raise ClientLeft from None
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
        responses=_REFUSAL,
    )
