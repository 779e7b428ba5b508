"""Defines routes that check the key first and know the dialect they belong to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar

from fastapi import APIRouter, Request, Response
from fastapi.params import Form
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Message, Receive, Send
from starlette.types import Scope as AsgiScope

from app.api.http.access import admit, admit_to_list, documented_key
from app.api.http.allowing import count_request
from app.api.http.asked import note_asked
from app.api.http.bodies import refuse_compressed
from app.api.http.dependencies import services_of
from app.api.http.dialect import NATIVE, Dialect
from app.api.http.forms import BodyRequest
from app.callers.caller import Scope
from app.lifetime import shutting_down
from app.network.connections import race

_READING = ("GET", "HEAD")

REFUSALS: dict[int | str, dict[str, Any]] = {
    # This also keeps FastAPI from listing a 422, which is never sent.
    "4XX": {"description": "A refusal; the answer names the field and what is allowed."},
    503: {"description": "The model is not loaded; the answer says why."},
    507: {"description": "The disk of the server is full, or refuses to be written to."},
}


class _HeadSent(Exception):
    """Ends the making of an answer whose body nobody wants."""


class EndingRoute(APIRoute):
    """Answers 503 if the server ends before the answer is ready, and HEAD where there is GET.

    JSON needs no Content-Type.

    A HEAD is answered as GET would be, up to the body, which is not made any further.

    Once SHUTDOWN_GRACE_SECONDS are over, uvicorn cancels the requests that are left; nothing else
    cancels a whole request.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **{**options, "strict_content_type": False})

    def matches(self, scope: AsgiScope) -> tuple[Match, AsgiScope]:
        return super().matches(self._as_get(scope))

    async def handle(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        async def head_only(message: Message) -> None:
            if message["type"] == "http.response.body":
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                raise _HeadSent
            await send(message)

        is_head = self._as_get(scope) is not scope
        try:
            await super().handle(self._as_get(scope), receive, head_only if is_head else send)
        except _HeadSent:
            return
        except asyncio.CancelledError:
            raise shutting_down() from None

    def _as_get(self, scope: AsgiScope) -> AsgiScope:
        methods = self.methods or set()
        asked = scope.get("method") == "HEAD" and "HEAD" not in methods
        return {**scope, "method": "GET"} if asked and "GET" in methods else scope


class KeyedRoute(EndingRoute):
    """Checks the key before it reads the body, and gives the work up if the client leaves.

    The check is no dependency, because FastAPI reads the body before it solves dependencies: a
    stranger could upload whole files first.

    Attributes:
        scope: what a key must be for; None takes any. Voices may be looked at with any key.
        is_list: whether it lists what clients show in menus, which PUBLIC_LISTS opens to all.
    """

    dialect: ClassVar[Dialect] = NATIVE
    scope: ClassVar[Scope | None] = "speech"
    is_list: ClassVar[bool] = False

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        reads_form = isinstance(getattr(self.body_field, "field_info", None), Form)

        async def handle_with_key(request: Request) -> Response:
            if self.is_list:
                admit_to_list(request)
            else:
                reads = request.method in _READING and self.scope == "voices"
                admit(request, None if reads else self.scope)
            words = self.dialect.words
            for address in (request.path_params, request.query_params):
                note_asked(address, words)
            await count_request(request)
            refuse_compressed(request.headers)
            services = services_of(request)
            with services.bodies.hold() as held:
                body = BodyRequest(
                    request.scope, request.receive, services=services, held=held, words=words
                )
                return await race(answered(body), body.client_left())

        async def answered(request: BodyRequest) -> Response:
            if reads_form:
                await request.form()
            return await handle(request)

        return handle_with_key


class VoicesRoute(KeyedRoute):
    """Asks for a key that may change voices, unless voices are only looked at."""

    scope = "voices"


def dialect_router(
    dialect: Dialect,
    *,
    only_if: Callable[[AsgiScope], bool] | None = None,
    scope: Scope = "speech",
    lists: bool = False,
) -> APIRouter:
    """Make a router whose paths are those that the dialect's clients append to their base URL.

    Args:
        only_if: returns whether a request is this dialect's, where others have the same path.
            Under the dialect's own prefix every request is.
        scope: what a key must be for, as in `KeyedRoute`.
        lists: whether its routes are lists, as in `KeyedRoute`.
    """

    class Route(KeyedRoute):
        def matches(self, scope: AsgiScope) -> tuple[Match, AsgiScope]:
            match, child_scope = super().matches(scope)
            if only_if is None or match is Match.NONE:
                return match, child_scope
            if only_if(scope) or scope["path"].startswith(f"{dialect.prefix}/"):
                return match, child_scope
            return Match.NONE, {}

    Route.dialect = dialect
    Route.scope = scope
    Route.is_list = lists
    return APIRouter(
        route_class=Route,
        dependencies=documented_key,
        tags=[dialect.title],
        responses=REFUSALS,
    )
