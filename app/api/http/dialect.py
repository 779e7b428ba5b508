"""Defines what differs between dialects: paths, names of fields, error bodies, supported fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from fastapi import APIRouter

from app.errors import Parameter
from app.wording.problems import Problem
from app.wording.support import Support

SPOKEN_DIALECT = "spoken_dialect"
"""Under this name the state of a WebSocket has its dialect, as no route of its own says it."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """A dialect says how one kind of client names things and how errors are worded for it.

    Attributes:
        name: its name in the setting DIALECTS; its paths always work under `/name`.
        title: its name for people.
        words: its names for parameters; those left out have this server's own names. A call with
            names of its own needs a router of its own, for the dialect made by `with_words`.
        error_body: makes the JSON body of an error.
        silent_without_words: a text in which there is nothing to say, such as "…", is answered
            with a short silence. Agents send such texts, and give up where they are refused.
        key_header: a header that this dialect's clients alone send; what they send to a path that
            leads nowhere is answered in this dialect.
        owns: beginnings of paths; a request below them that no route matches is answered in this
            dialect, if no other has a longer one.
    """

    name: str
    title: str
    words: Mapping[Parameter, str]
    error_body: Callable[[Problem], Mapping[str, object]]
    owns: tuple[str, ...] = ()
    key_header: str | None = None
    silent_without_words: bool = True

    @property
    def prefix(self) -> str:
        return f"/{self.name}"

    def with_words(self, words: Mapping[Parameter, str]) -> Dialect:
        """Return this dialect with other names for some parameters, for a call that has its own."""
        return replace(self, words={**self.words, **words})


class FrontEnd(Protocol):
    """A dialect's package offers these three names."""

    DIALECT: Dialect
    SUPPORT: tuple[Support, ...]
    router: APIRouter
    """It is made by `app.api.http.routes.dialect_router`."""


def native_error_body(problem: Problem) -> Mapping[str, object]:
    """Make this server's own error body."""
    return {
        "error": {
            "type": problem.kind,
            "message": problem.message,
            "field": problem.field,
            "request_id": problem.request_id,
        }
    }


NATIVE = Dialect(
    name="",
    title="Pocket Speech",
    words={},
    error_body=native_error_body,
    silent_without_words=False,
)
