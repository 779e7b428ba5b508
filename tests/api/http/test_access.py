"""The API key."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.serving import KEY, Served, error_of, send_raw, status_of

BODY = {"script": "Hello there.", "format": "wav"}
ROUTES = (
    ("POST", "/tts"),
    ("POST", "/tts/clone"),
    ("POST", "/v1/audio/speech"),
    ("GET", "/v1/models"),
    ("GET", "/v1/audio/voices"),
)


@pytest.fixture
def stranger(server: Served) -> Any:
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        yield client


@pytest.mark.parametrize(
    "headers",
    [
        {"API_KEY": KEY},
        {"X-API-Key": KEY},
        {"xi-api-key": KEY},
        {"api-key": KEY},
        {"Authorization": f"Bearer {KEY}"},
        {"Authorization": f"bearer {KEY}"},
        {"API_KEY": "wrong", "X-API-Key": KEY},
    ],
)
def test_headers(stranger: httpx.Client, headers: dict[str, str]) -> None:
    """The key is accepted in each of the four headers, whatever another one says."""
    assert stranger.get("/v1/models", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-API-Key": ""},
        {"X-API-Key": "wrong"},
        {"X-API-Key": KEY + "x"},
        {"X-API-Key": KEY.upper()},
        {"Authorization": KEY},
        {"Authorization": f"Basic {KEY}"},
        {"Authorization": "Bearer"},
    ],
)
def test_no_or_wrong_key(stranger: httpx.Client, headers: dict[str, str]) -> None:
    """Without the key there is a 401 that says how to send it."""
    answer = stranger.post("/tts", json=BODY, headers=headers)
    assert error_of(answer, 401)["type"] == "unauthorized"
    assert answer.headers["www-authenticate"] == "Bearer"


def test_key_that_is_not_ascii(server: Served) -> None:
    """Bytes that are no ASCII are a wrong key, not a fault."""
    request = b"GET /v1/models HTTP/1.1\r\nHost: x\r\nX-API-Key: cl\xc3\xa9\xff\r\n\r\n"
    assert status_of(send_raw(server.address, request)) == 401


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_route_needs_it(stranger: httpx.Client, method: str, path: str) -> None:
    """All that costs anything or tells anything needs the key."""
    assert stranger.request(method, path).status_code == 401


@pytest.mark.parametrize("path", ["/", "/health", "/ready", "/docs", "/openapi.json"])
def test_what_needs_none(stranger: httpx.Client, path: str) -> None:
    """What a monitor or a newcomer reads is open."""
    assert stranger.get(path).status_code == 200


@pytest.mark.parametrize(("method", "path"), ROUTES[:3])
def test_the_key_comes_before_the_body(server: Served, method: str, path: str) -> None:
    """A stranger is turned away before the first byte of the body, however large it would be."""
    request = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n"
    assert status_of(send_raw(server.address, request.encode())) == 401


def test_auth_disabled(fake_app: ServeFake) -> None:
    """With AUTH_DISABLED anybody may speak."""
    client = fake_app(FakeEngine(), auth_disabled=True, api_key=None).client
    assert client.post("/tts", json=BODY, headers={"X-API-Key": ""}).status_code == 200


def test_the_key_is_nowhere(client: httpx.Client, server: Served) -> None:
    """The key is in no description of the settings and in no open answer."""
    assert KEY not in repr(server.settings)
    for path in ("/", "/health", "/ready", "/docs", "/openapi.json"):
        assert KEY not in client.get(path).text
