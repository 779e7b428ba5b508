"""Defines how ElevenLabs' clients name things and how errors are worded for them."""

from __future__ import annotations

from collections.abc import Mapping

from app.api.http.dialect import Dialect
from app.errors import Parameter
from app.wording.problems import Problem

# ElevenLabs has its own words for these kinds of problems.
_STATUS_WORDS = {"unauthorized": "invalid_api_key", "overloaded": "system_busy"}


def status_word(problem: Problem) -> str:
    """Return the word by which clients tell one error from another."""
    return _STATUS_WORDS.get(problem.kind, problem.kind)


def error_body(problem: Problem) -> Mapping[str, object]:
    """Make ElevenLabs' error body, which its SDK hands out as `ApiError.body`."""
    return {"detail": {"status": status_word(problem), "message": problem.message}}


DIALECT = Dialect(
    name="elevenlabs",
    title="ElevenLabs",
    words={
        Parameter.TEXT: "text",
        Parameter.VOICE: "voice_id",
        Parameter.LANGUAGE: "language_code",
        Parameter.SPEED: "voice_settings.speed",
        Parameter.FORMAT: "output_format",
    },
    error_body=error_body,
    key_header="xi-api-key",
    owns=(
        "/v1/text-to-speech",
        "/v1/voices",
        "/v1/user",
        "/v1/history",
        "/v1/pronunciation-dictionaries",
        "/v1/shared-voices",
        "/v2/",
    ),
)
