"""Defines how Fish Audio's clients name things and how errors are worded for them."""

from __future__ import annotations

from collections.abc import Mapping

from app.api.http.dialect import Dialect
from app.errors import Parameter
from app.wording.problems import Problem


def error_body(problem: Problem) -> Mapping[str, object]:
    """Make Fish Audio's error body.

    It may have no other fields: the older SDK passes them all to its exception.
    """
    return {"status": problem.status, "message": problem.message}


DIALECT = Dialect(
    name="fish",
    title="Fish Audio",
    words={
        Parameter.TEXT: "text",
        Parameter.VOICE: "reference_id",
        Parameter.SPEED: "prosody.speed",
        Parameter.VOLUME: "prosody.volume",
    },
    error_body=error_body,
    owns=("/model/", "/wallet/", "/v1/tts/", "/v1/references/"),
)
