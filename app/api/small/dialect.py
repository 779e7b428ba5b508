"""Defines how errors are worded for clients of small protocols, whose servers answer in WAV."""

from __future__ import annotations

from collections.abc import Mapping

from app.api.http.dialect import Dialect
from app.errors import Parameter
from app.wording.problems import Problem


def error_body(problem: Problem) -> Mapping[str, object]:
    """Make FastAPI's own error body; most of these clients look at the status alone."""
    return {"detail": problem.message}


DIALECT = Dialect(
    name="small",
    title="OVOS, Piper, MaryTTS, XTTS",
    words={Parameter.TEXT: "text", Parameter.VOICE: "speaker_wav"},
    error_body=error_body,
)
OVOS = DIALECT.with_words(
    {Parameter.TEXT: "utterance", Parameter.VOICE: "voice", Parameter.LANGUAGE: "lang"}
)
PIPER = DIALECT.with_words({Parameter.VOICE: "voice", Parameter.SPEED: "length_scale"})
MARY = DIALECT.with_words(
    {Parameter.TEXT: "INPUT_TEXT", Parameter.VOICE: "VOICE", Parameter.LANGUAGE: "LOCALE"}
)
