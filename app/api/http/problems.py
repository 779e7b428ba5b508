"""Turns every exception into an HTTP answer: status, headers and body."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Mapping

from fastapi import FastAPI, Request, WebSocket
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.routing import Mount, Router
from starlette.types import Receive, Scope, Send

from app.api.http.access import time_to_tell
from app.api.http.dialect import Dialect
from app.api.http.middleware import CLIENT_CLOSED_REQUEST, request_id_of
from app.api.http.near_paths import is_served, methods_at, path_meant
from app.api.http.security_headers import SECURITY_HEADERS
from app.api.http.sockets import refuse_socket
from app.errors import (
    Conflict,
    FfmpegUnavailable,
    ModelUnavailable,
    NeedsNewerHttp,
    NotSupported,
    Overloaded,
    SpeechError,
    StorageFailed,
    StoreUnreachable,
    Unauthorized,
    shortened,
)
from app.network.connections import ClientLeft
from app.request_record import current_record
from app.wording.problems import Problem, problem_of
from app.wording.validation import invalid_body, model_in

logger = logging.getLogger(__name__)

_LASTING = (ModelUnavailable, FfmpegUnavailable, Conflict, StorageFailed, NotSupported)
"""These stay as they are until somebody does something about them."""

_HTTP_KINDS = {404: "not_found", 405: "method_not_allowed"}


class ErrorAnswers:
    """Answers every exception in the words of the dialect that the request was spoken in."""

    def __init__(self, dialect_of: Callable[[Scope], Dialect]) -> None:
        self._dialect_of = dialect_of

    def register(self, app: FastAPI) -> None:
        """Make these the app's exception handlers."""
        app.add_exception_handler(SpeechError, self._speech_error)
        app.add_exception_handler(RequestValidationError, self._validation_error)
        app.add_exception_handler(HTTPException, self._http_error)
        app.add_exception_handler(ClientLeft, self._client_left)
        app.add_exception_handler(Exception, self._unforeseen)
        for router in _routers(app.router):
            router.default = self.nowhere

    async def _speech_error(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, SpeechError)
        return await self.answer(request, error)

    async def answer(self, request: HTTPConnection, error: SpeechError) -> Response:
        """Make the answer to an error, also to one that was raised outside of all routes."""
        await time_to_tell(error)
        words = self._dialect_of(request.scope).words
        problem = problem_of(error, request_id_of(request.scope), words)
        model = _body_model(request)
        known = () if model is None else model.model_fields
        current_record().refused(problem.kind, error.field, known)
        return self._answer(request, problem, _headers_of(error))

    async def _validation_error(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return await self._speech_error(request, invalid_body(error.errors(), _body_model(request)))

    async def _http_error(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if isinstance(error.__cause__, SpeechError):
            # FastAPI wraps every exception that is raised while it reads the body.
            return await self._speech_error(request, error.__cause__)
        kind = _HTTP_KINDS.get(error.status_code, "invalid_request")
        message, headers = error.detail, dict(error.headers or {})
        dialect = self._dialect_of(request.scope)
        if error.status_code == 404:
            message, dialect = self._nothing_there(request.scope)
        if error.status_code == 405:
            allowed = ", ".join(sorted(methods_at(request.app.routes, _whole(request.scope))))
            headers["Allow"] = allowed
            message = f"{request.method} is not allowed at {request.url.path}; allowed: {allowed}"
        problem = _problem(request, error.status_code, kind, message)
        current_record().refused(kind)
        return self._answer(request, problem, headers, dialect)

    async def nowhere(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what is sent to a path that leads nowhere; a router's default."""
        if scope["type"] != "websocket":
            raise HTTPException(404)
        message, dialect = self._nothing_there(scope)
        problem = Problem(404, _HTTP_KINDS[404], message, None, request_id_of(scope))
        current_record().refused(problem.kind)
        await refuse_socket(WebSocket(scope, receive, send), dialect, problem)

    def _nothing_there(self, scope: Scope) -> tuple[str, Dialect]:
        """Return what to say of a path that leads nowhere, and the dialect to say it in."""
        whole, routes = _whole(scope), scope["app"].routes
        path = shortened(scope["path"], 200)
        is_socket = scope["type"] == "websocket"
        nothing = f"there is {'no WebSocket' if is_socket else 'nothing'} at {path}"
        others = {**whole, "type": "http" if is_socket else "websocket", "method": "POST"}
        if is_served(routes, others):
            what = "plain HTTP requests" if is_socket else "WebSockets"
            return f"{nothing}: it takes {what} only; see /docs", self._dialect_of(scope)
        meant = path_meant(routes, whole)
        if meant is None:
            return f"{nothing}; see /docs", self._dialect_of(scope)
        dialect = self._dialect_of({**whole, "path": meant, "route": None})
        return f"{nothing}; did you mean {meant}? See /docs", dialect

    async def _client_left(self, _request: Request, _error: Exception) -> Response:
        current_record().refused("client_left")
        return Response(status_code=CLIENT_CLOSED_REQUEST)

    async def _unforeseen(self, request: Request, _error: Exception) -> Response:
        # Starlette raises the exception again after this answer, so that the log has the trace.
        message = "something went wrong in the server"
        current_record().refused("internal_error")
        return self._answer(request, _problem(request, 500, "internal_error", message))

    def _answer(
        self,
        request: HTTPConnection,
        problem: Problem,
        headers: Mapping[str, str] | None = None,
        dialect: Dialect | None = None,
    ) -> JSONResponse:
        body = (dialect or self._dialect_of(request.scope)).error_body(problem)
        # An answer to what was unforeseen passes no middleware.
        headers = {**dict(SECURITY_HEADERS), **(headers or {}), "x-request-id": problem.request_id}
        return JSONResponse(body, problem.status, headers)


def _routers(router: Router) -> Iterator[Router]:
    yield router
    for route in router.routes:
        if isinstance(route, Mount) and isinstance(route.app, Router):
            yield from _routers(route.app)


def _whole(scope: Scope) -> Scope:
    """Return a scope in which the whole path counts, also where a mounted app is asked."""
    return {**scope, "root_path": scope.get("app_root_path", "")}


def _problem(request: HTTPConnection, status: int, kind: str, message: str) -> Problem:
    return Problem(status, kind, message, None, request_id_of(request.scope))


def _headers_of(error: SpeechError) -> dict[str, str]:
    """Return headers about retries: the standard ones, and those that OpenAI's SDK looks at."""
    if isinstance(error, Unauthorized):
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, NeedsNewerHttp):
        return {"Upgrade": "HTTP/1.1"}
    comes_back = (Overloaded, ModelUnavailable, StoreUnreachable)
    if isinstance(error, comes_back) and error.retry_after_seconds is not None:
        seconds = error.retry_after_seconds
        return {
            "Retry-After": str(math.ceil(seconds)),
            "retry-after-ms": str(math.ceil(1000 * seconds)),
        }
    if isinstance(error, _LASTING):
        return {"x-should-retry": "false"}
    return {}


def _body_model(request: HTTPConnection) -> type[BaseModel] | None:
    body_field = getattr(request.scope.get("route"), "body_field", None)
    return model_in(getattr(getattr(body_field, "field_info", None), "annotation", None))
