"""Defines how clients of `pocket-tts serve` name things and how errors are worded for them."""

from __future__ import annotations

from collections.abc import Mapping

from app.api.http.dialect import Dialect
from app.errors import Parameter
from app.wording.problems import Problem


def error_body(problem: Problem) -> Mapping[str, object]:
    """Make FastAPI's own error body, which `pocket-tts serve` sends."""
    return {"detail": problem.message}


DIALECT = Dialect(
    name="pocket",
    title="pocket-tts serve",
    words={Parameter.TEXT: "text", Parameter.VOICE: "voice_url", Parameter.CLIP: "voice_wav"},
    error_body=error_body,
)
