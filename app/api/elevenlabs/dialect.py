"""How ElevenLabs' clients name things and are told no."""

from __future__ import annotations

from collections.abc import Mapping

from app.api.http.dialect import Dialect
from app.errors import Parameter
from app.wording.problems import Problem

# Where ElevenLabs has a word of its own for what happened.
_STATUS_WORDS = {"unauthorized": "invalid_api_key", "overloaded": "system_busy"}


def status_word(problem: Problem) -> str:
    """What clients tell one refusal from another by."""
    return _STATUS_WORDS.get(problem.kind, problem.kind)


def error_body(problem: Problem) -> Mapping[str, object]:
    """ElevenLabs' shape; its SDK hands it out as `ApiError.body`."""
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
    owns=(
        "/v1/text-to-speech",
        "/v1/voices",
        "/v1/user",
        "/v1/history",
        "/v1/shared-voices",
        "/v2/",
    ),
)
