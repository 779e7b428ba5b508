"""GET /compatibility and docs/compatibility.md: what becomes of every field, told truly."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, get_args

import httpx
import pytest
from fastapi import APIRouter
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, APIWebSocketRoute
from pydantic import BaseModel, Field
from starlette.routing import BaseRoute

from app.api.dialects import DIALECTS
from app.api.http.dialect import FrontEnd
from app.wording.support import HONOURED, WITHOUT_EFFECT, Effect, How, Support, support_of
from app.wyoming import server as wyoming
from scripts.compatibility_page import page
from tests.conftest import ServeFake

ROOT = Path(__file__).parents[3]
COMMAND = "python -m scripts.compatibility_page > docs/compatibility.md"

each_dialect = pytest.mark.parametrize(
    "front_end", DIALECTS, ids=[each.DIALECT.name for each in DIALECTS]
)


def routes_in(router: APIRouter) -> Iterator[APIRoute | APIWebSocketRoute]:
    """The routes of a router and of those it includes."""
    for route in router.routes:
        if isinstance(route, (APIRoute, APIWebSocketRoute)):
            yield route
        else:
            included: BaseRoute = route
            inner = getattr(included, "original_router", None)
            assert isinstance(inner, APIRouter), route
            yield from routes_in(inner)


def calls_of(route: APIRoute | APIWebSocketRoute) -> set[str]:
    """What the lines of a dialect call a route, but for the names of its path parameters."""
    methods = ["WebSocket"] if isinstance(route, APIWebSocketRoute) else route.methods or ()
    return {f"{method} {without_names(route.path)}" for method in methods}


def without_names(call: str) -> str:
    return re.sub(r"{[^}]*}", "{}", call.removesuffix(" (query)"))


def body_fields_of(dependant: Dependant) -> set[str]:
    """The names of what a route reads from a body or a form, as its callers know them."""
    names: set[str] = set()
    for parameter in dependant.body_params:
        annotation = parameter.field_info.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            fields = annotation.model_fields.items()
            names |= {field.alias or name for name, field in fields}
        else:
            names.add(parameter.alias)
    return names


@each_dialect
def test_every_call_leads_somewhere(front_end: FrontEnd) -> None:
    """Each call that is listed is a route that the dialect has."""
    existing = {call for route in routes_in(front_end.router) for call in calls_of(route)}
    listed = {row.call for row in front_end.SUPPORT}
    assert listed
    assert not {call for call in listed if without_names(call) not in existing}


@each_dialect
def test_every_field_is_covered(front_end: FrontEnd) -> None:
    """Whatever a route reads from a body or a form is listed under that route.

    Other paths of the same call are left out, as in the OpenAPI document.
    """
    listed = {(without_names(row.call), row.field) for row in front_end.SUPPORT}
    read = {
        (call, name)
        for route in routes_in(front_end.router)
        if isinstance(route, APIWebSocketRoute) or route.include_in_schema
        for name in body_fields_of(route.dependant)
        for call in calls_of(route)
    }
    assert not read - listed


@each_dialect
def test_every_line_is_sound(front_end: FrontEnd) -> None:
    """Each line has a method and a path, and is sound."""
    for row in front_end.SUPPORT:
        assert re.fullmatch(r"(GET|POST|PUT|PATCH|DELETE|WebSocket) /\S*( \(query\))?", row.call), (
            row
        )
    assert_sound(front_end.SUPPORT)


def test_events_are_sound() -> None:
    """So are the lines of Wyoming, whose calls are events."""
    assert_sound(wyoming.SUPPORT)


def assert_sound(rows: Sequence[Support]) -> None:
    """No field is listed twice, each says one of four things, and a deviation says why."""
    assert len({(row.call, row.field) for row in rows}) == len(rows)
    for row in rows:
        assert row.how in get_args(How), row
        assert row.field.strip() == row.field != "", row
        assert "\n" not in row.note, row
        assert row.note or row.how not in ("approximated", "refused"), row


def test_answer(client: httpx.Client) -> None:
    """The answer has every dialect with its calls, and every call with its fields."""
    dialects = client.get("/compatibility").json()["dialects"]
    assert [each["name"] for each in dialects] == [each.DIALECT.name for each in DIALECTS]
    for shown, front_end in zip(dialects, DIALECTS, strict=True):
        assert shown["title"] == front_end.DIALECT.title
        assert shown["prefix"] == f"/{shown['name']}"
        told = [
            Support(call["call"], field["field"], field["how"], field.get("note", ""))
            for call in shown["calls"]
            for field in call["fields"]
        ]
        assert sorted(told) == sorted(front_end.SUPPORT)


def test_only_what_is_served(fake_app: ServeFake) -> None:
    """What DIALECTS leaves out is not told; a caller needs no key to ask."""
    served = fake_app(dialects="openai")
    dialects = served.client.get("/compatibility", headers={"X-API-Key": ""}).json()["dialects"]
    assert [each["name"] for each in dialects] == ["openai"]
    calls = {each["call"]: each["fields"] for each in dialects[0]["calls"]}
    speech = {each["field"]: each for each in calls["POST /v1/audio/speech"]}
    assert speech["input"] == {"field": "input", "how": "honoured"}
    assert speech["instructions"]["how"] == "without effect"
    assert "note" in speech["model"]


def test_page() -> None:
    """The page in docs/ says what the code says."""
    written = (ROOT / "docs" / "compatibility.md").read_text("utf-8")
    assert written == page(), f"docs/compatibility.md is out of date; run: {COMMAND}"


def test_page_command() -> None:
    """The command that writes the page prints it; it has a table for each dialect."""
    arguments = [sys.executable, *COMMAND.partition(" > ")[0].split()[1:]]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, timeout=60, check=True)
    printed = done.stdout.decode()
    assert printed == page()
    assert COMMAND in printed
    titles = [*(each.DIALECT.title for each in DIALECTS), wyoming.TITLE]
    assert re.findall(r"^## (.*)$", printed, re.MULTILINE) == titles
    assert printed.count("| call | field | how | note |") == len(titles)


class Noted(BaseModel):
    text: Annotated[str, HONOURED]
    top_p: Annotated[float, WITHOUT_EFFECT] = 0.7
    pitch: Annotated[str | None, Effect("approximated", "in steps")] = Field(None, alias="Pitch")


class Silent(BaseModel):
    text: Annotated[str, HONOURED]
    mystery: Annotated[float, Field(ge=0)] = 0


def test_support_of() -> None:
    """The lines of a body are what stands beside its fields, under the names callers send."""
    assert support_of("POST /x", Noted) == (
        ("POST /x", "text", "honoured", ""),
        ("POST /x", "top_p", "without effect", ""),
        ("POST /x", "Pitch", "approximated", "in steps"),
    )


def test_a_field_that_says_nothing() -> None:
    """It stops the import of its dialect, unless the dialect says what such fields are."""
    with pytest.raises(TypeError, match=r"Silent\.mystery does not say"):
        support_of("POST /x", Silent)
    (_, mystery) = support_of("POST /x", Silent, unmarked=Effect("refused", "for now"))
    assert mystery == ("POST /x", "mystery", "refused", "for now")
