"""Each key is for what its scopes say, and tokens stand for keys for a while."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from fastapi.routing import APIRoute, APIWebSocketRoute
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from app.api.dialects import DIALECTS
from app.api.native import live
from app.callers.caller import SCOPES, Scope
from app.callers.keys_file import add_key, revoke_key
from app.main import NATIVE_ROUTERS
from tests.conftest import ServeFake
from tests.serving import Served, error_of

SPEECH = {"script": "Hello there.", "format": "wav"}
STATE = {"file": ("voice.safetensors", b"no state", "application/octet-stream")}


class Keys:
    """Holds a key for each scope alone."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.of = {scope: add_key(path, f"{scope}-only", [scope], {}) for scope in SCOPES}

    def __getitem__(self, scope: str) -> dict[str, str]:
        return {"X-API-Key": self.of[scope]}  # type: ignore[index]


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path / "keys.toml")


@pytest.fixture
def served(fake_app: ServeFake, keys: Keys) -> Served:
    return fake_app(api_keys_file=keys.path)


def test_speech_needs_a_key_for_speech(served: Served, keys: Keys) -> None:
    """Other keys are refused by name of what they are for; an administrator may do everything."""
    for scope in ("speech", "admin"):
        assert served.client.post("/tts", json=SPEECH, headers=keys[scope]).status_code == 200
    error = error_of(served.client.post("/tts", json=SPEECH, headers=keys["voices"]), 403)
    assert error["type"] == "forbidden"
    assert error["message"] == "this key is for voices; this call needs one for speech"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/voices"),
        ("DELETE", "/voices/emily"),
        ("POST", "/v1/voices/add"),
        ("POST", "/model"),
        ("DELETE", "/model/emily"),
        ("POST", "/v1/audio/voices"),
        ("POST", "/pronunciations"),
        ("POST", "/v1/pronunciation-dictionaries/add-from-rules"),
    ],
)
def test_changing_voices_needs_a_key_for_voices(
    served: Served, keys: Keys, method: str, path: str
) -> None:
    """In every dialect a key for speech may look at voices, and may not change them."""
    refused = served.client.request(method, path, headers=keys["speech"])
    assert refused.status_code == 403, refused.text
    allowed = served.client.request(method, path, headers=keys["voices"])
    assert allowed.status_code not in (401, 403), allowed.text


FOR_EVERY_KEY = {
    "GET": (
        "/audio_roles",
        "/languages",
        "/model",
        "/model/{voice_id}",
        "/pronunciations",
        "/pronunciations/dictionaries",
        "/pronunciations/export",
        "/server",
        "/server/events",
        "/server_info",
        "/speakers",
        "/speakers_list",
        "/v1/audio/models",
        "/v1/audio/voice_consents",
        "/v1/audio/voice_consents/{consent_id}",
        "/v1/audio/voices",
        "/v1/models",
        "/v1/models/{model}",
        "/v1/pronunciation-dictionaries",
        "/v1/pronunciation-dictionaries/{pronunciation_dictionary_id}",
        "/v1/pronunciation-dictionaries/{pronunciation_dictionary_id}/{version_id}/download",
        "/v1/references/list",
        "/v1/voices",
        "/v1/voices/settings/default",
        "/v1/voices/{voice_id}",
        "/v1/voices/{voice_id}/settings",
        "/v2/voices",
        "/voices",
        "/voices/{name}",
        "/voices/{name}/export",
        "/voices/{name}/preview",
    ),
    "POST": (
        "/session",
        "/tokens",
    ),
}
"""These look at voices, or at what the server is, or pass on what a key may; every key may."""
FOR_EVERYBODY = {
    "GET": (
        "/",
        "/compatibility",
        "/health",
        "/ready",
        "/session",
        "/v1/health",
        "/voice/{filename}",
    ),
    "DELETE": ("/session",),
    "POST": ("/v1/health",),
}
FOR_ONE_SCOPE: dict[Scope, tuple[str, ...]] = {
    "jobs": ("/jobs",),
    "metrics": ("/metrics",),
    "admin": ("/server/reload",),
    "voices": (
        "/voices",
        "/model",
        "/pronunciations",
        "/v1/pronunciation-dictionaries",
        "/v1/references",
        "/v1/voices",
        "/v1/audio/voice",
        "/add_speaker",
        "/delete_speaker",
    ),
}
"""All other calls are for speech."""


def test_every_call_is_for_one_scope(served: Served, keys: Keys) -> None:
    """Each call of each dialect refuses whoever is not known, and keys that are not for it."""
    every, everybody = (
        {(method, path) for method, paths in known.items() for path in paths}
        for known in (FOR_EVERY_KEY, FOR_EVERYBODY)
    )
    paths = served.client.get("/openapi.json").json()["paths"]
    described = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    calls = described | {
        (method, route.path)
        for router in (*NATIVE_ROUTERS, *(each.router for each in DIALECTS))
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in (route.methods or set()) - {"HEAD"}
    }
    wrong = []
    for method, path in sorted(calls):
        if (method, path) in everybody or path == "/server/events":
            continue
        at = path.replace("{", "").replace("}", "")
        served.client.cookies.clear()  # a session counts where no key is sent
        stranger = served.client.request(method, at, headers={"X-API-Key": ""})
        if stranger.status_code == 404 and (method, path) not in described:
            continue  # it is below the prefix of its dialect only
        if stranger.status_code != 401:
            wrong.append((method, path, "nobody"))
        if (method, path) in every:
            allowed = set(SCOPES)
        else:
            meant = (each for each, starts in FOR_ONE_SCOPE.items() if path.startswith(starts))
            allowed = {next(meant, "speech"), "admin"}
        for scope in SCOPES:
            answer = served.client.request(method, at, headers=keys[scope])
            refused = answer.status_code == 403
            if refused != (scope not in allowed):
                wrong.append((method, path, scope))
    assert wrong == []
    assert every <= calls
    assert everybody <= calls


SOCKETS = [
    route.path
    for router in (live.router, *(each.router for each in DIALECTS))
    for route in router.routes
    if isinstance(route, APIWebSocketRoute)
]


@pytest.mark.parametrize("path", SOCKETS)
def test_sockets_are_for_speech(fake_server: ServeFake, keys: Keys, path: str) -> None:
    """A key that is not for speech is refused by name of what it is for."""
    served = fake_server(api_keys_file=keys.path)
    url = f"{served.url}{path.format(voice_id='alba')}".replace("http", "ws", 1)
    told: list[str] = []
    try:
        with connect(url, additional_headers=keys["jobs"], proxy=None) as socket:
            socket.send('{"text": " "}')  # some look at the key with the first frame only
            while True:
                told.append(str(socket.recv(10)))
    except ConnectionClosed as closed:
        told.append(str(closed.rcvd))
    assert any("this key is for jobs; this call needs one for speech" in each for each in told)
    assert told[-1].startswith("1008")


def test_every_key_may_look_at_voices(served: Served, keys: Keys) -> None:
    """The list of voices is there for whoever has a key, and for nobody else."""
    for scope in SCOPES:
        assert served.client.get("/voices", headers=keys[scope]).status_code == 200
    assert served.client.get("/voices", headers={"X-API-Key": "wrong"}).status_code == 401


def test_a_file_of_keys_is_enough(fake_app: ServeFake, keys: Keys) -> None:
    """API_KEY is not needed beside it."""
    served = fake_app(api_key=None, api_keys_file=keys.path)
    assert served.client.post("/tts", json=SPEECH).status_code == 401
    assert served.client.post("/tts", json=SPEECH, headers=keys["speech"]).status_code == 200


def test_revoked_while_the_server_runs(served: Served, keys: Keys) -> None:
    """A key that was revoked is wrong a second later."""
    revoke_key(keys.path, "speech-only")
    deadline = time.monotonic() + 5
    while served.client.get("/voices", headers=keys["speech"]).status_code != 401:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def token_of(served: Served, headers: dict[str, str], **body: Any) -> str:
    answer = served.client.post("/tokens", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["token"]
    return token


def test_a_token_speaks_for_its_key(served: Served, keys: Keys) -> None:
    """A page with a token can speak, by header or in an address, and can do nothing else."""
    token = token_of(served, keys["admin"], minutes=1)
    by_header = {"X-API-Key": token}
    assert served.client.post("/tts", json=SPEECH, headers=by_header).status_code == 200
    bearer = {"X-API-Key": "", "Authorization": f"Bearer {token}"}
    assert served.client.post("/tts", json=SPEECH, headers=bearer).status_code == 200
    address = f"/tts?{urlencode({**SPEECH, 'token': token})}"
    heard = served.client.get(address, headers={"X-API-Key": ""})
    assert heard.status_code == 200
    assert heard.headers["content-type"] == "audio/wav"
    assert served.client.delete("/voices/emily", headers=by_header).status_code == 403
    error = error_of(served.client.post("/tokens", json={}, headers=by_header), 403)
    assert error["message"] == "a token cannot make tokens; use a key"


def test_tokens_have_bounds(served: Served, keys: Keys) -> None:
    """A token is for no more than its key, and for a day at most."""
    error = error_of(
        served.client.post("/tokens", json={"scopes": ["voices"]}, headers=keys["speech"]), 403
    )
    assert "not for voices" in error["message"]
    for body, field in (({"minutes": 1441}, "minutes"), ({"scopes": []}, "scopes")):
        assert error_of(served.client.post("/tokens", json=body), 400)["field"] == field
    ends = served.client.post("/tokens", json={"minutes": 2}).json()["expires_at"]
    assert ends - time.time() == pytest.approx(120, abs=3)


def test_a_key_is_not_taken_in_an_address(served: Served, keys: Keys) -> None:
    """Addresses are logged and kept in histories, so that a key in one is as good as none."""
    for name in ("token", "key", "api_key"):
        address = f"/tts?{urlencode({**SPEECH, name: keys.of['speech']})}"
        answer = served.client.get(address, headers={"X-API-Key": ""})
        assert error_of(answer, 401)["type"] == "unauthorized"


def test_get_says_what_it_cannot(served: Served) -> None:
    """The address has the same fields as the body, with the same errors."""
    answer = served.client.get("/tts", params={**SPEECH, "type": "url"})
    assert error_of(answer, 400)["field"] == "type"
    answer = served.client.get("/tts", params={**SPEECH, "sped": "2"})
    assert error_of(answer, 400)["field"] == "sped"
    answer = served.client.get("/tts", params={**SPEECH, "speed": "9"})
    assert error_of(answer, 400)["field"] == "speed"
