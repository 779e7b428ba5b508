"""Defines how OpenAI's clients name things and how errors are worded for them."""

from __future__ import annotations

from collections.abc import Mapping

from app.api.http.dialect import Dialect
from app.errors import Parameter
from app.wording.problems import Problem

_ERROR_TYPES = {401: "authentication_error", 429: "rate_limit_error"}


def error_body(problem: Problem) -> Mapping[str, object]:
    """Make OpenAI's error body, of which its SDK makes the exception for the status."""
    kind = _ERROR_TYPES.get(
        problem.status, "server_error" if problem.status >= 500 else "invalid_request_error"
    )
    return {
        "error": {
            "message": problem.message,
            "type": kind,
            "param": problem.field,
            "code": "invalid_api_key" if problem.status == 401 else problem.kind,
        }
    }


DIALECT = Dialect(
    name="openai",
    title="OpenAI",
    words={Parameter.TEXT: "input", Parameter.FORMAT: "response_format"},
    error_body=error_body,
    owns=("/v1/", "/dev/"),
)
