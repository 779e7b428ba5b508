"""Defines how Flash-TTS's clients name things and how errors are worded for them."""

from __future__ import annotations

from collections.abc import Mapping

from app.api.http.dialect import Dialect
from app.errors import Parameter
from app.wording.problems import Problem


def error_body(problem: Problem) -> Mapping[str, object]:
    """Make Flash-TTS's error body, which has a shape of its own for a wrong key."""
    if problem.status == 401:
        return {"error": "Unauthorized"}
    return {"detail": problem.message}


DIALECT = Dialect(
    name="flash",
    title="Flash-TTS",
    words={
        Parameter.TEXT: "text",
        Parameter.VOICE: "name",
        Parameter.FORMAT: "response_format",
    },
    error_body=error_body,
)
