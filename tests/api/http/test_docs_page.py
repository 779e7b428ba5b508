"""The page at /docs: its own files, this server's calls first, and examples that work."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.api.http.docs_page import ASSETS, DOCS_PATH, NATIVE_TAGS
from tests.conftest import ServeFake
from tests.serving import Served

ROOT = Path(__file__).parents[3]

# Their recordings are bytes in MessagePack and base64 in JSON: no example of a sensible length.
OF_RECORDINGS = {("post", "/v1/references/add"), ("post", "/model")}


@pytest.fixture
def served(fake_app: ServeFake) -> Served:
    return fake_app()


@pytest.fixture
def described(served: Served) -> dict[str, Any]:
    answer: dict[str, Any] = served.client.get("/openapi.json").json()
    return answer


def operations(described: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def schema_of(
    described: dict[str, Any], operation: dict[str, Any], kind: str
) -> dict[str, Any] | None:
    """What a body of that kind is made of; None where there is no such body."""
    body = operation.get("requestBody", {}).get("content", {}).get(kind)
    if body is None:
        return None
    name = body["schema"].get("$ref", "").rpartition("/")[2]
    schema: dict[str, Any] = described["components"]["schemas"][name] if name else body["schema"]
    return schema


def test_everything_comes_from_here(served: Served) -> None:
    """Whatever the page loads lies on this server, and the browser is told to load nothing else."""
    page = served.client.get(DOCS_PATH)
    assert page.status_code == 200
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(loaded) == 4
    for address in loaded:
        assert address.startswith("/")
        assert served.client.get(address).status_code == 200
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    assert "://" not in page.text


def test_one_version() -> None:
    """NOTICE.md names the version that is there, and the licences lie beside it."""
    notice = (ROOT / "NOTICE.md").read_text("utf-8")
    found = re.search(r"\(https://github\.com/swagger-api/swagger-ui\) ([\d.]+),", notice)
    assert found is not None
    assert found[1] in (ASSETS / "swagger-ui-bundle.js").read_text("utf-8")
    assert "Apache License" in (ASSETS / "LICENSE").read_text("utf-8")


def test_ours_come_first(described: dict[str, Any]) -> None:
    """This server's own calls stand above those of other services' clients, /tts on top."""
    order = [each["name"] for each in described["tags"]]
    assert order == [each["name"] for each in NATIVE_TAGS]
    tags = {path: operation["tags"] for _, path, operation in operations(described)}
    assert next(path for path, named in tags.items() if named == order[:1]) == "/tts"
    ours = {path for path, named in tags.items() if set(named) <= set(order)}
    assert {"/tts", "/tts/clone", "/voices", "/health", "/compatibility"} <= ours
    assert not any(path.startswith("/v1") for path in ours)
    assert not any(path.startswith("/v1/audio") for path in ours)


def test_every_json_body_has_an_example(described: dict[str, Any]) -> None:
    """It has all that is required and nothing that does not exist."""
    seen = 0
    for method, path, operation in operations(described):
        schema = schema_of(described, operation, "application/json")
        if schema is None or (method, path) in OF_RECORDINGS:
            continue
        (example,) = schema["examples"]
        assert set(schema.get("required", [])) <= set(example) <= set(schema["properties"]), path
        seen += 1
    assert seen > 12


def test_examples_speak(fake_app: ServeFake) -> None:
    """Each call that speaks does so with the example that the page shows."""
    served = fake_app()
    described = served.client.get("/openapi.json").json()
    spoken = []
    for method, path, operation in operations(described):
        schema = schema_of(described, operation, "application/json")
        if schema is None or not {"script", "input", "text"} & set(schema["properties"]):
            continue
        if (method, path) in OF_RECORDINGS or "{job_id}" in path:
            continue
        answer = served.client.post(path.format(voice_id="alba"), json=schema["examples"][0])
        assert answer.status_code in (200, 202), (path, answer.text)
        spoken.append(path)
    assert {"/tts", "/v1/audio/speech", "/v1/tts", "/speak", "/generate_voice"} <= set(spoken)


def test_forms(described: dict[str, Any]) -> None:
    """A form knows no null and no made-up values, and its files can be chosen on the page."""
    seen = 0
    for _, path, operation in operations(described):
        schema = schema_of(described, operation, "multipart/form-data")
        for name, field in (schema or {"properties": {}})["properties"].items():
            one = field.get("items", field)
            assert "null" not in str(field), (path, name)
            assert ("contentMediaType" in one) <= (one.get("format") == "binary"), (path, name)
            seen += 1
    assert seen > 50
    clone = described["components"]["schemas"]["CloneForm"]["properties"]
    assert (clone["seed"]["type"], clone["seed"]["examples"]) == ("integer", [""])
    assert clone["voice_file"]["format"] == "binary"
