"""What differs between the dialects: paths, names of fields, the shape of an error, what works."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from fastapi import APIRouter

from app.errors import Parameter
from app.wording.problems import Problem
from app.wording.support import Support


@dataclass(frozen=True, slots=True)
class Dialect:
    """The words of a kind of client, and how it is told no.

    Attributes:
        name: what DIALECTS calls it; its paths always work under `/name`.
        title: what people call it.
        words: what it calls the parameters; those left out have this server's own names. A call
            that has others needs a router of its own, made `with_words`.
        error_body: the JSON of a refusal.
        owns: beginnings of paths where a call that leads nowhere is its own.
    """

    name: str
    title: str
    words: Mapping[Parameter, str]
    error_body: Callable[[Problem], Mapping[str, object]]
    owns: tuple[str, ...] = ()

    @property
    def prefix(self) -> str:
        return f"/{self.name}"

    def with_words(self, words: Mapping[Parameter, str]) -> Dialect:
        """The same dialect where some parameters have other names, as in one call among several."""
        return replace(self, words={**self.words, **words})


class FrontEnd(Protocol):
    """What the file of a dialect has to offer."""

    DIALECT: Dialect
    SUPPORT: tuple[Support, ...]
    router: APIRouter
    """made by `app.api.http.routes.dialect_router`"""


def native_error_body(problem: Problem) -> Mapping[str, object]:
    return {
        "error": {
            "type": problem.kind,
            "message": problem.message,
            "field": problem.field,
            "request_id": problem.request_id,
        }
    }


NATIVE = Dialect(name="", title="Pocket Speech", words={}, error_body=native_error_body)
