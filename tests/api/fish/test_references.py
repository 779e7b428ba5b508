"""fish-speech's own routes, as those who run it themselves call them."""

from __future__ import annotations

from typing import Any

import httpx
import ormsgpack
import pytest

from tests.audio.probe import voice_like
from tests.conftest import ServeFake, wav_bytes
from tests.fakes import FakeEngine
from tests.serving import Served, make_settings, serve

CLIP = wav_bytes(voice_like(2.0))
JSON = {"Accept": "application/json"}


@pytest.mark.parametrize("path", ["/v1/health", "/fish/v1/health"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_health(server: Served, method: str, path: str) -> None:
    """It needs no key."""
    answer = httpx.request(method, server.url + path, trust_env=False)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_health_while_loading(tmp_path: Any) -> None:
    """A server that cannot speak yet is not well."""

    def build() -> FakeEngine:
        raise OSError("there is no model")

    with serve(make_settings(tmp_path), build) as served:
        served.wait_until(lambda health: health["model"]["state"] == "failed")
        assert served.client.get("/v1/health").status_code == 503


def test_life_of_a_reference(fake_server: ServeFake) -> None:
    """A reference is added, spoken with, renamed and deleted."""
    client = fake_server().client
    client.headers.update(JSON)
    added = client.post(
        "/v1/references/add", data={"id": "mine", "text": "as said"}, files={"audio": CLIP}
    )
    assert added.json() == {
        "success": True,
        "message": "the voice 'mine' was added",
        "reference_id": "mine",
    }
    assert "mine" in client.get("/v1/references/list").json()["reference_ids"]
    assert client.post("/v1/tts", json={"text": "Hi.", "reference_id": "mine"}).is_success
    renamed = client.post(
        "/v1/references/update", json={"old_reference_id": "mine", "new_reference_id": "ours"}
    ).json()
    assert renamed.pop("message")
    assert renamed == {"success": True, "old_reference_id": "mine", "new_reference_id": "ours"}
    gone = client.request("DELETE", "/v1/references/delete", json={"reference_id": "ours"})
    assert gone.json()["success"]
    assert "ours" not in client.get("/v1/references/list").json()["reference_ids"]


def test_msgpack_unless_json_is_asked_for(server: Served) -> None:
    """Answers are MessagePack, as there, unless the client says that it wants JSON."""
    cases: tuple[tuple[str, dict[str, Any]], ...] = (
        ("application/msgpack", {}),
        ("application/msgpack", {"params": {"format": "msgpack"}, "headers": JSON}),
        ("application/json", {"params": {"format": "json"}}),
        ("application/json", {"headers": JSON}),
    )
    for kind, wanted in cases:
        answer = server.client.get("/v1/references/list", **wanted)
        assert answer.headers["content-type"] == kind
        read = ormsgpack.unpackb(answer.content) if kind.endswith("msgpack") else answer.json()
        assert set(read["reference_ids"]) >= {"alba", "bruno"}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "add", {"id": "new"}, 400),
        ("POST", "add", {"id": "../new", "audio": "AAAA", "text": ""}, 400),
        ("POST", "add", {"id": "new", "audio": "AAAA", "text": ""}, 400),
        ("POST", "add", {"id": "new", "audio": "?", "text": ""}, 400),
        ("DELETE", "delete", {"reference_id": "nobody"}, 404),
        ("DELETE", "delete", {}, 400),
        ("POST", "update", {"old_reference_id": "nobody", "new_reference_id": "x"}, 404),
        ("POST", "update", {"old_reference_id": "alba", "new_reference_id": "bruno"}, 409),
    ],
)
def test_refusals(
    server: Served, method: str, path: str, body: dict[str, str], status: int
) -> None:
    """They are told as fish-speech tells them."""
    answer = server.client.request(method, f"/v1/references/{path}", json=body)
    assert answer.status_code == status, answer.text
    assert answer.json()["success"] is False
    assert answer.json()["message"]


def test_no_key(server: Served) -> None:
    """A stranger learns nothing about the voices."""
    assert httpx.get(f"{server.url}/v1/references/list", trust_env=False).status_code == 401
