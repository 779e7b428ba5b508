"""Flash-TTS's roles: what its clients list, add and delete are this server's voices."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.audio.probe import voice_like
from tests.conftest import ServeFake, wav_bytes
from tests.fakes import FakeEngine
from tests.fetching import serve_fetching
from tests.serving import detail_of, fake_in_process

CLIP = wav_bytes(voice_like(1.5))
BASE64 = base64.b64encode(CLIP).decode()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with fake_in_process(tmp_path_factory.mktemp("roles"), FakeEngine()) as served:
        yield served.client


def roles(client: httpx.Client) -> list[str]:
    found: list[str] = client.get("/audio_roles").json()["roles"]
    return found


@pytest.mark.parametrize("prefix", ["", "/flash"])
def test_lists(client: httpx.Client, prefix: str) -> None:
    """The lists have exactly the fields that the page reads."""
    assert client.get(f"{prefix}/audio_roles").json() == {
        "success": True,
        "roles": ["alba", "marius"],
    }
    assert client.get(f"{prefix}/server_info").json() == {
        "success": True,
        "info": {"model": "pocket-tts", "roles": ["alba", "marius"], "sample_rate": 16000},
    }


def test_voices_of_openais_list(client: httpx.Client) -> None:
    """Under the prefix, the list of voices is one of names."""
    assert client.get("/flash/v1/audio/voices").json() == {"voices": ["alba", "marius"]}


@pytest.mark.parametrize(
    "sent",
    [
        {"data": {"audio": BASE64}},
        {"data": {"audio": f"data:audio/wav;base64,{BASE64}"}},
        {"files": {"audio_file": CLIP}},
        {"files": {"audio_file": CLIP, "latent_file": b"numbers"}},
        {"files": {"audio_file": CLIP}, "data": {"audio": "is not looked at"}},
        {"files": {"latent_file": ("", b"")}, "data": {"audio": BASE64, "reference_text": "Hi."}},
    ],
)
def test_add_and_delete(client: httpx.Client, sent: dict[str, Any]) -> None:
    """A role that was added speaks, stands in every list, and can be deleted."""
    data = {"name": "赞助商", **sent.get("data", {})}
    answer = client.post("/add_speaker", **(sent | {"data": data}))
    assert answer.json() == {"success": True, "role": "赞助商"}
    assert "赞助商" in roles(client)
    assert client.get("/voices/赞助商").json()["kind"] == "custom"
    assert client.post("/speak", json={"name": "赞助商", "text": "Hello."}).is_success
    text = "<role:赞助商> Hello. <role:alba> Hi."
    assert client.post("/multi_speak", json={"text": text}).is_success
    answer = client.post("/delete_speaker", data={"name": "赞助商"})
    assert answer.json() == {"success": True, "role": "赞助商"}
    assert roles(client) == ["alba", "marius"]


def test_add_again(client: httpx.Client) -> None:
    """A role of the same name is replaced, as in Flash-TTS."""
    for seconds in (1.5, 2.5):
        files = {"audio_file": wav_bytes(voice_like(seconds))}
        answer = client.post("/flash/add_speaker", data={"name": "anna"}, files=files)
        assert answer.is_success
    kept = client.get("/voices/anna").json()["reference_seconds"]
    assert kept == pytest.approx(2.5, abs=0.5)
    assert client.post("/flash/delete_speaker", files={"name": (None, "anna")}).is_success


def test_address(tmp_path: Path) -> None:
    """Where it is allowed, `audio` may be an address."""
    with serve_fetching(tmp_path, CLIP) as (served, _, address):
        data = {"name": "anna", "audio": address}
        assert served.client.post("/add_speaker", data=data).is_success
        data = {"name": "bea", "audio": f"{address}/\n"}
        assert served.client.post("/add_speaker", data=data).is_success


@pytest.mark.parametrize(
    ("sent", "status", "words"),
    [
        ({"data": {"audio": BASE64}}, 400, "name is required"),
        ({"data": {"name": "a b", "audio": BASE64}}, 400, "name contains ' '"),
        ({"data": {"name": "anna"}}, 400, "audio or audio_file is required"),
        ({"data": {"name": "anna", "audio": "%"}}, 400, "audio is not base64"),
        ({"data": {"name": "anna", "audio": "A" * 4000}}, 400, "audio is not audio"),
        ({"data": {"name": "anna", "audio": "hf://a/b/c.wav"}}, 400, "ALLOW_VOICE_URLS=true"),
        (
            {"data": {"name": "anna"}, "files": {"latent_file": b"numbers"}},
            400,
            "no voice can be made of a latent_file alone",
        ),
        ({"data": {"name": "anna"}, "files": {"audio_file": b"x" * 500}}, 400, "is not audio"),
        ({"json": {"name": "anna"}}, 400, "must be a form"),
    ],
)
def test_refusals(client: httpx.Client, sent: dict[str, Any], status: int, words: str) -> None:
    """What is wrong is named, and no role is left behind."""
    assert words in detail_of(client.post("/add_speaker", **sent), status)
    assert roles(client) == ["alba", "marius"]


def test_refused_deletions(client: httpx.Client) -> None:
    """A role that is not there, or is built in, cannot be deleted."""
    assert "alba, marius" in detail_of(client.post("/delete_speaker", data={"name": "x"}), 404)
    assert "built in" in detail_of(client.post("/delete_speaker", data={"name": "alba"}), 409)
    assert "name is required" in detail_of(client.post("/delete_speaker"), 400)


def test_big_base64(fake_app: ServeFake) -> None:
    """Base64 of several megabytes in a form is no problem, up to MAX_UPLOAD_MB."""
    recording = wav_bytes(voice_like(48.0))
    client = fake_app(max_upload_mb=len(recording) / 1e6, max_script_chars=100).client
    data = {"name": "long", "audio": base64.b64encode(recording).decode()}
    assert len(data["audio"]) > 3_000_000
    assert client.post("/add_speaker", data=data).is_success
    data["audio"] = base64.b64encode(recording + bytes(1000)).decode()
    assert "audio is larger" in detail_of(client.post("/add_speaker", data=data), 413)
    data["audio"] = base64.b64encode(recording * 2).decode()
    assert "body is larger" in detail_of(client.post("/add_speaker", data=data), 413)


def test_key(client: httpx.Client) -> None:
    """Every route needs the key, and says so as Flash-TTS does."""
    for method, path in (
        ("GET", "/server_info"),
        ("GET", "/audio_roles"),
        ("POST", "/add_speaker"),
        ("POST", "/delete_speaker"),
        ("GET", "/flash/v1/models"),
        ("GET", "/flash/v1/audio/voices"),
    ):
        for key in ("", "wrong"):
            answer = client.request(method, path, headers={"X-API-Key": key})
            assert (answer.status_code, answer.json()) == (401, {"error": "Unauthorized"})
