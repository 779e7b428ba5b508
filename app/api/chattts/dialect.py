"""Defines how ChatTTS's clients name things and how errors are worded for them."""

from __future__ import annotations

from collections.abc import Mapping

from app.api.http.dialect import Dialect
from app.errors import Parameter
from app.wording.problems import Problem


def error_body(problem: Problem) -> Mapping[str, object]:
    """Make an error body that has both of the shapes in which ChatTTS sends errors."""
    error = {"message": problem.message, "type": problem.kind}
    return {"detail": problem.message, "error": error}


DIALECT = Dialect(
    name="chattts",
    title="ChatTTS",
    words={Parameter.TEXT: "input", Parameter.FORMAT: "response_format"},
    error_body=error_body,
)
