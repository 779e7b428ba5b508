"""Turns every exception into an HTTP answer: status, headers and body."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.types import Scope

from app.api.http.access import time_to_tell
from app.api.http.dialect import Dialect
from app.api.http.middleware import request_id_of
from app.api.http.near_paths import path_meant
from app.api.http.security_headers import SECURITY_HEADERS
from app.connections import ClientLeft
from app.errors import (
    Conflict,
    ModelUnavailable,
    NotSupported,
    Overloaded,
    SpeechError,
    StorageFailed,
    Unauthorized,
    shortened,
)
from app.wording.problems import Problem, problem_of
from app.wording.validation import invalid_body, model_in

logger = logging.getLogger(__name__)

CLIENT_CLOSED_REQUEST = 499

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

    async def _speech_error(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, SpeechError)
        await time_to_tell(error)
        words = self._dialect_of(request.scope).words
        problem = problem_of(error, request_id_of(request.scope), words)
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
        message = error.detail
        dialect = self._dialect_of(request.scope)
        if error.status_code == 404:
            message, dialect = self._nothing_there(request)
        problem = _problem(request, error.status_code, kind, message)
        return self._answer(request, problem, error.headers, dialect)

    def _nothing_there(self, request: Request) -> tuple[str, Dialect]:
        """Return what to say of a path that leads nowhere, and the dialect to say it in."""
        scope = request.scope
        # In a mounted app the whole path is what was asked for, and the whole app is searched.
        whole = {**scope, "root_path": scope.get("app_root_path", "")}
        meant = path_meant(request.app.routes, whole)
        nothing = f"there is nothing at {shortened(scope['path'], 200)}"
        if meant is None:
            return f"{nothing}; see /docs", self._dialect_of(scope)
        dialect = self._dialect_of({**whole, "path": meant, "route": None})
        return f"{nothing}; did you mean {meant}? See /docs", dialect

    async def _client_left(self, _request: Request, _error: Exception) -> Response:
        return Response(status_code=CLIENT_CLOSED_REQUEST)

    async def _unforeseen(self, request: Request, _error: Exception) -> Response:
        # Starlette raises the exception again after this answer, so that the log has the trace.
        message = "something went wrong in the server"
        return self._answer(request, _problem(request, 500, "internal_error", message))

    def _answer(
        self,
        request: Request,
        problem: Problem,
        headers: Mapping[str, str] | None = None,
        dialect: Dialect | None = None,
    ) -> JSONResponse:
        body = (dialect or self._dialect_of(request.scope)).error_body(problem)
        # An answer to what was unforeseen passes no middleware.
        headers = {**dict(SECURITY_HEADERS), **(headers or {}), "x-request-id": problem.request_id}
        return JSONResponse(body, problem.status, headers)


def _problem(request: Request, status: int, kind: str, message: str) -> Problem:
    return Problem(status, kind, message, None, request_id_of(request.scope))


def _headers_of(error: SpeechError) -> dict[str, str]:
    """Return headers about retries: the standard ones, and those that OpenAI's SDK looks at."""
    if isinstance(error, Unauthorized):
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, (Overloaded, ModelUnavailable)) and error.retry_after_seconds is not None:
        seconds = error.retry_after_seconds
        return {
            "Retry-After": str(math.ceil(seconds)),
            "retry-after-ms": str(math.ceil(1000 * seconds)),
        }
    if isinstance(error, (ModelUnavailable, Conflict, StorageFailed, NotSupported)):
        return {"x-should-retry": "false"}
    return {}


def _body_model(request: Request) -> type[BaseModel] | None:
    body_field = getattr(request.scope.get("route"), "body_field", None)
    return model_in(getattr(getattr(body_field, "field_info", None), "annotation", None))
