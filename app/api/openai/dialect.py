"""How OpenAI's clients name things and are told no."""

from __future__ import annotations

from collections.abc import Mapping

from app.api.http.dialect import Dialect
from app.errors import Parameter
from app.wording.problems import Problem

_ERROR_TYPES = {401: "authentication_error", 429: "rate_limit_error"}


def error_body(problem: Problem) -> Mapping[str, object]:
    """OpenAI's shape; its SDK turns it into the exception class of the status."""
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
    owns=("/v1/",),
)
