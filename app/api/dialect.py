"""What differs between the dialects: names of fields and the shape of an error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.synthesizer import FieldNames


@dataclass(frozen=True, slots=True)
class Problem:
    """A refusal on its way out, before a dialect gives it a shape."""

    status: int
    kind: str
    message: str
    field: str | None
    request_id: str


@dataclass(frozen=True, slots=True)
class Dialect:
    """A front end: the paths it owns, its words, and how it says no."""

    prefix: str
    fields: FieldNames
    error_body: Callable[[Problem], Mapping[str, object]]


def native_error_body(problem: Problem) -> Mapping[str, object]:
    return {
        "error": {
            "type": problem.kind,
            "message": problem.message,
            "field": problem.field,
            "request_id": problem.request_id,
        }
    }


NATIVE = Dialect(prefix="", fields=FieldNames(), error_body=native_error_body)


def dialect_of(path: str, dialects: tuple[Dialect, ...]) -> Dialect:
    """The dialect that owns `path`; the native one owns what nobody else does."""
    return next((d for d in dialects if d.prefix and path.startswith(d.prefix)), NATIVE)
