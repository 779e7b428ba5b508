"""Which dialects there are, which paths each has, and in whose words a caller is told no."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Form
from pydantic import BaseModel
from starlette.types import Scope

from app.api import dialects
from app.api.dialects import DIALECTS, chosen_dialects, dialect_of
from app.api.http.dialect import NATIVE, Dialect
from app.api.http.routes import dialect_router
from app.errors import InvalidRequest
from app.main import create_app
from app.settings import SettingsError
from app.wording.problems import Problem
from app.wording.support import Support
from tests.conftest import ServeFake
from tests.serving import Served, make_settings

NO_KEY = {"X-API-Key": ""}
NAMES = [each.DIALECT.name for each in DIALECTS]


class Upload(BaseModel):
    recording: str


@dataclass
class Invented:
    """A front end with three routes; those of two of them collide at the plain paths."""

    DIALECT: Dialect
    router: APIRouter
    SUPPORT: tuple[Support, ...] = field(default=())


def invented(name: str, **fields: Any) -> Invented:
    def error_body(problem: Problem) -> Mapping[str, object]:
        return {"told_by": name, "words": problem.message}

    dialect = Dialect(name, name.title(), {}, error_body, **fields)
    router = dialect_router(dialect)

    @router.get("/say/{word}")
    async def say(word: str) -> dict[str, str]:
        if word == "no":
            raise InvalidRequest("it said no")
        return {"said_by": name, "word": word}

    @router.get(f"/only-{name}")
    async def only() -> str:
        return name

    @router.post("/upload")
    async def upload(body: Annotated[Upload, Form()]) -> int:
        return len(body.recording)

    return Invented(dialect, router)


@pytest.fixture
def served(fake_app: ServeFake, monkeypatch: pytest.MonkeyPatch) -> Served:
    """A server of two dialects that have never been heard of."""
    first = invented("first", owns=("/say/",))
    monkeypatch.setattr(dialects, "DIALECTS", (first, invented("second", owns=("/say/", "/sing/"))))
    return fake_app()


def test_precedence(served: Served) -> None:
    """A path that two have belongs to the first; each has all of its own under its prefix."""
    said_by = {
        path: served.client.get(path).json()["said_by"]
        for path in ("/say/hello", "/first/say/hello", "/second/say/hello")
    }
    assert said_by == {
        "/say/hello": "first",
        "/first/say/hello": "first",
        "/second/say/hello": "second",
    }
    for path in ("/only-first", "/only-second", "/first/only-first", "/second/only-second"):
        assert served.client.get(path).json() == path.rsplit("-")[-1]
    assert served.client.get("/first/only-second").status_code == 404


@pytest.mark.parametrize(
    ("path", "told_by"),
    [
        ("/say/no", "first"),
        ("/first/say/no", "first"),
        ("/second/say/no", "second"),
        ("/say/no/such", "first"),
        ("/sing/no/such", "second"),
        ("/second/no/such", "second"),
        ("/second", "second"),  # nearly /second/
        ("/secondary/no", None),
        ("/nowhere", None),
        ("/voices/nobody", None),
    ],
)
def test_who_tells_an_error(served: Served, path: str, told_by: str | None) -> None:
    """An error has the shape of the dialect it was made in; what is nobody's is this server's."""
    body = served.client.get(path).json()
    if told_by is None:
        assert set(body["error"]) == {"type", "message", "field", "request_id"}
    else:
        assert body["told_by"] == told_by


def test_every_route_needs_the_key(served: Served) -> None:
    """Plain or under a prefix, and the refusal too is in the dialect's shape."""
    for path, told_by in (("/say/x", "first"), ("/second/say/x", "second")):
        answer = served.client.get(path, headers=NO_KEY)
        assert answer.status_code == 401
        assert answer.json()["told_by"] == told_by


def test_health_under_each_prefix(served: Served) -> None:
    """Clients look for it below the address they were given; it needs no key."""
    for prefix in ("", "/first", "/second"):
        assert served.client.get(f"{prefix}/health", headers=NO_KEY).json()["status"] == "healthy"
        assert served.client.get(f"{prefix}/ready", headers=NO_KEY).json()["ready"] is True


@pytest.mark.parametrize("kind", ["urlencoded", "multipart"])
def test_a_large_form_field(served: Served, kind: str) -> None:
    """A recording of 3 MB may come as base64 in a field of a form, of either kind."""
    text = base64.b64encode(bytes(3_000_000)).decode()
    if kind == "urlencoded":
        answer = served.client.post("/upload", data={"recording": text})
    else:
        answer = served.client.post("/upload", files={"recording": (None, text)})
    assert answer.json() == len(text) == 4_000_000


def test_a_form_over_the_limit(fake_app: ServeFake, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole body is bounded, whatever its parts are."""
    monkeypatch.setattr(dialects, "DIALECTS", (invented("first"),))
    served = fake_app(max_upload_mb=1.0, max_script_chars=1000)
    answer = served.client.post("/upload", data={"recording": "A" * 2_000_000})
    assert answer.status_code == 413
    assert answer.json()["told_by"] == "first"


def test_only_if(fake_app: ServeFake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dialects that share a path tell their own requests; under the prefix all are their own."""
    shy = invented("shy")
    shy.router = dialect_router(shy.DIALECT, only_if=lambda scope: b"shy" in scope["query_string"])

    @shy.router.get("/say/{word}")
    async def say(word: str) -> dict[str, str]:
        return {"said_by": "shy", "word": word}

    monkeypatch.setattr(dialects, "DIALECTS", (shy, invented("bold")))
    client = fake_app().client
    assert client.get("/say/hello").json()["said_by"] == "bold"
    assert client.get("/say/hello?shy").json()["said_by"] == "shy"
    assert client.get("/shy/say/hello").json()["said_by"] == "shy"


def test_dialect_of() -> None:
    """Without a route the prefix decides, then who owns most of the beginning of the path."""
    one, two = invented("one", owns=("/v1/",)), invented("two", owns=("/v1/", "/v1/own/", "/v2/"))

    def found(path: str) -> Dialect:
        scope: Scope = {"type": "http", "path": path, "headers": []}
        return dialect_of(scope, (one, two))

    assert found("/two/v1/x") is two.DIALECT
    assert found("/v1/x") is one.DIALECT
    assert found("/v1/own/x") is two.DIALECT
    assert found("/v2/x") is two.DIALECT
    for path in ("/", "/v1", "/voices", "/onetwo/x"):
        assert found(path) is NATIVE


def test_chosen() -> None:
    """DIALECTS chooses some of them; their order stays that of precedence."""
    assert chosen_dialects(["all"]) == DIALECTS
    assert [each.DIALECT.name for each in chosen_dialects(list(reversed(NAMES)))] == NAMES
    assert [each.DIALECT.name for each in chosen_dialects(["openai", "openai"])] == ["openai"]


@pytest.mark.parametrize("names", ["opneai", "openai, fihs", "all, nonsense"])
def test_unknown_dialect(tmp_path: Path, names: str) -> None:
    """A name that means nothing stops the start, and the message says what exists."""
    with pytest.raises(SettingsError) as caught:
        create_app(make_settings(tmp_path, dialects=names))
    message = str(caught.value)
    assert message.startswith("DIALECTS: there is no dialect ")
    assert all(name in message for name in NAMES)
    assert "\n" not in message


def test_left_out(fake_app: ServeFake) -> None:
    """A dialect that was not chosen is not there: its paths are nobody's, in nobody's shape."""
    client = fake_app(dialects="fish").client
    for path in ("/v1/audio/speech", "/openai/v1/audio/speech"):
        answer = client.post(path, json={"input": "Hi."})
        assert answer.status_code == 404
        assert answer.json()["error"]["type"] == "not_found"
    listed = client.get("/compatibility").json()["dialects"]
    assert [each["name"] for each in listed] == ["fish"]


def test_names_are_fit_for_paths() -> None:
    """Names are unique, and none is the beginning of a path of this server's own."""
    assert len(set(NAMES)) == len(NAMES)
    assert all(name.isascii() and name.isalnum() and name.islower() for name in NAMES)
    assert not {"tts", "voices", "voice", "health", "ready", "docs", "v1"} & set(NAMES)
