"""What the studio's page asks for: sessions, plans, live words, the server's state."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.callers.keys_file import add_key, revoke_key
from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.serving import KEY, Served, error_of

BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
OURS = {"x-studio": "1"}


def signed_in(served: Served, key: str = KEY) -> dict[str, str]:
    """The headers of a browser that has shown a key, in the place of that."""
    answer = served.client.post("/session", headers={"X-API-Key": key})
    assert answer.status_code == 200, answer.text
    kept = answer.headers["set-cookie"]
    assert "HttpOnly" in kept
    assert "SameSite=Strict" in kept
    return {"X-API-Key": "", "cookie": kept.partition(";")[0]}


def test_browsers_are_sent_to_the_studio(fake_app: ServeFake) -> None:
    """A browser gets the page, which runs no script but its own; a program gets JSON."""
    client = fake_app().client
    for path in ("/", "/studio"):
        sent = client.get(path, headers=BROWSER)
        assert (sent.status_code, sent.headers["location"]) == (307, "studio/")
    page = client.get("/studio/")
    assert page.headers["content-type"].startswith("text/html")
    policy = page.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "default-src 'none'" in policy
    assert client.get("/").json()["name"] == "Pocket Speech"
    assert client.get("/studio/no-such-file").status_code == 404


def test_a_session_stands_for_the_key(fake_app: ServeFake) -> None:
    """The cookie is as good as the key for our own page, and for it alone."""
    served = fake_app()
    client = served.client
    nobody = {"X-API-Key": ""}
    assert client.get("/session", headers=nobody).json()["signed_in"] is False
    session = signed_in(served)
    assert client.get("/session", headers=session).json()["caller"] == "operator"
    assert client.get("/voices", headers=session).status_code == 200
    body = {"script": "Hello.", "format": "wav"}
    spoken = client.post("/tts", json=body, headers={**session, **OURS})
    assert spoken.status_code == 200
    for foreign in (
        {},
        {**OURS, "sec-fetch-site": "same-site"},
        {**OURS, "sec-fetch-site": "cross-site"},
    ):
        refused = client.post("/tts", json=body, headers={**session, **foreign})
        assert refused.status_code == 401
    for site, status in (("same-origin", 200), ("none", 200), ("same-site", 401)):
        answer = client.get("/voices", headers={**session, "sec-fetch-site": site})
        assert answer.status_code == status
    assert client.delete("/session", headers=session).headers["set-cookie"].count("Max-Age=0") == 1


def test_a_wrong_key_begins_no_session(fake_app: ServeFake) -> None:
    """It says so, and nothing is kept."""
    refused = fake_app().client.post("/session", headers={"X-API-Key": "wrong"})
    assert error_of(refused, 401)["message"] == "the API key is wrong"
    assert "set-cookie" not in refused.headers


@pytest.mark.parametrize("forged", ["", "x", "e30.x", "eyJjYWxsZXIiOiJvcGVyYXRvciJ9.x", "é.é"])
def test_forged_sessions(fake_app: ServeFake, forged: str) -> None:
    """What was not made here is no session, whatever it is."""
    cookie = f"pocket_speech_session={forged}".encode()
    answer = fake_app().client.get("/voices", headers={b"X-API-Key": b"", b"cookie": cookie})
    assert answer.status_code == 401


def test_sessions_outlive_a_restart_and_end_with_the_key(
    fake_app: ServeFake, tmp_path: Path
) -> None:
    """Another server on the same folders knows the session, until the key is another one."""
    keys = tmp_path / "keys.toml"
    key = add_key(keys, "ann", ["speech"], {})
    session = signed_in(fake_app(api_keys_file=keys), key)
    again = fake_app(api_keys_file=keys)
    assert again.client.get("/session", headers=session).json()["scopes"] == ["speech"]
    revoke_key(keys, "ann")
    add_key(keys, "ann", ["speech"], {})
    assert fake_app(api_keys_file=keys).client.get("/voices", headers=session).status_code == 401


def test_a_plan_tells_what_would_be_read(fake_app: ServeFake) -> None:
    """It has every piece with its place in the script, and what is spoken otherwise."""
    engine = FakeEngine()
    script = "It costs $3.50 here. [pause 2s] Nobody has paid more than that. " + "And on. " * 60
    answer = fake_app(engine).client.post("/tts/plan", json={"script": script, "speed": 2})
    assert answer.status_code == 200, answer.text
    plan = answer.json()
    assert not engine.streams
    first = plan["pieces"][0]
    (change,) = first["changes"]
    assert script[change["script_start"] : change["script_end"]] == change["written"] == "$3.50"
    assert "three dollars" in change["spoken"]
    assert first["pause_seconds"] == 2
    assert len(plan["pieces"]) > 2
    spoken = "".join(script[each["script_start"] : each["script_end"]] for each in plan["pieces"])
    assert "".join(script.replace("[pause 2s]", "").split()) == "".join(spoken.split())
    assert plan["audio_seconds"] == pytest.approx(
        sum(p["audio_seconds"] for p in plan["pieces"]), abs=0.1
    )


def test_a_plan_is_refused_as_speech_is(fake_app: ServeFake) -> None:
    """What cannot be spoken has no plan."""
    refused = fake_app().client.post("/tts/plan", json={"script": "[pause 1s]"})
    assert error_of(refused, 400)["field"] == "script"


def test_words_are_told_while_speech_is_made(client: httpx.Client) -> None:
    """With stream and timestamps the answer is events: audio, marks, and the end."""
    body = {"script": "It costs $3.50.", "stream": True, "timestamps": "word", "format": "pcm"}
    answer = client.post("/tts", json=body)
    assert answer.headers["content-type"].startswith("text/event-stream")
    events: list[dict[str, Any]] = [
        json.loads(line.removeprefix("data: "))
        for line in answer.text.splitlines()
        if line.startswith("data: ")
    ]
    assert events[-1]["type"] == "speech.audio.done"
    audio = b"".join(base64.b64decode(each["audio"]) for each in events if "audio" in each)
    words = [word for each in events for word in each.get("words", [])]
    assert [word["text"] for word in words] == ["It", "costs", "$3.50."]
    assert 0 < words[-1]["end"] <= len(audio) / 48_000 + 0.1


def test_the_server_tells_of_itself(fake_app: ServeFake, tmp_path: Path) -> None:
    """It lists the last requests without their texts, to each caller their own."""
    keys = tmp_path / "keys.toml"
    key = {"X-API-Key": add_key(keys, "ann", ["speech"], {})}
    client = fake_app(api_keys_file=keys).client
    assert client.post("/tts", json={"script": "A secret."}).status_code == 200
    assert client.post("/tts", json={"script": "Hers."}, headers=key).status_code == 200
    assert client.post("/tts", json={"script": ""}, headers=key).status_code == 400
    said = client.get("/server").json()
    assert said["speaking"] is True
    assert [each["caller"] for each in said["requests"]] == ["ann", "ann", "operator"]
    assert [each["code"] for each in said["requests"]] == [400, 200, 200]
    assert said["requests"][2]["characters"] == len("A secret.")
    assert "secret" not in json.dumps(said)
    assert sys.platform != "linux" or said["memory_bytes"] > 10_000_000
    hers = client.get("/server", headers=key).json()
    assert [each["caller"] for each in hers["requests"]] == ["ann", "ann"]
    assert client.get("/server", headers={"X-API-Key": "wrong"}).status_code == 401


def test_the_server_is_watched(fake_server: ServeFake) -> None:
    """Events come until the watcher leaves."""
    with fake_server().client.stream("GET", "/server/events") as answer:
        lines = answer.iter_lines()
        assert next(lines) == "event: server"
        assert json.loads(next(lines).removeprefix("data: "))["speaking"] is True


def test_the_model_is_reloaded(fake_server: ServeFake) -> None:
    """Not while it speaks, and not for everybody; afterwards it speaks again."""
    engine = FakeEngine(frames_per_chunk=100, hold_after=5)
    served = fake_server(engine)
    body = {"script": "Hello.", "stream": True, "format": "wav"}
    with served.client.stream("POST", "/tts", json=body):
        refused = error_of(served.client.post("/server/reload"), 409)
        assert "speech is being made" in refused["message"]
        engine.let_go.set()
    served.wait_until(lambda health: health["engine"]["running_rows"] == 0)
    assert served.client.post("/server/reload").status_code == 202
    served.wait_until(lambda health: health["model"]["state"] == "ready")
    assert served.client.post("/tts", json=body).status_code == 200
