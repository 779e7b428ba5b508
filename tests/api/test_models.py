"""Where a server has several models, every dialect's word for the model chooses among them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from app.jobs.job import ENDED
from tests.api.native.live_client import live_client
from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.serving import KEY, Served, error_of

FIRST, SECOND = "english_2026-10", "english_18m_2026-10"
SEVERAL = {"model_language": f"{FIRST},{SECOND}"}
TEXT = "One is here."
PATIENCE_SECONDS = 10.0

CALLS: Mapping[str, tuple[str, str, Mapping[str, Any]]] = MappingProxyType(
    {
        "native": ("/tts", "model", {"script": TEXT}),
        "openai": ("/v1/audio/speech", "model", {"input": TEXT}),
        "elevenlabs": ("/v1/text-to-speech/alba", "model_id", {"text": TEXT}),
        "chattts": ("/chattts/v1/audio/speech", "model", {"input": TEXT}),
        "flash": ("/flash/v1/audio/speech", "model", {"input": TEXT}),
    }
)


def loaded(served: Served) -> list[str]:
    found: list[str] = served.client.get("/health").json()["models"]["loaded"]
    return found


def asked_until_it_is_there(ask: Callable[[], httpx.Response]) -> httpx.Response:
    """What is asked for the first time is loaded, which is told by a 503."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (answer := ask()).status_code == 503 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert answer.status_code == 200, answer.text
    return answer


@pytest.mark.parametrize("name", CALLS)
def test_over_http(fake_app: ServeFake, name: str) -> None:
    served = fake_app(**SEVERAL)
    path, field, body = CALLS[name]

    def ask(model: str) -> httpx.Response:
        return served.client.post(path, json={**body, field: model})

    if name != "native":
        # What clients send of their own accord is no model of this server, and says nothing.
        assert ask("tts-1").headers["x-tts-model"] == FIRST
        assert loaded(served) == [FIRST]
    answer = asked_until_it_is_there(lambda: ask(SECOND.upper()))
    assert answer.headers["x-tts-model"] == SECOND


def test_fishs_header(fake_app: ServeFake) -> None:
    served = fake_app(**SEVERAL)

    def ask(model: str) -> httpx.Response:
        return served.client.post("/v1/tts", json={"text": TEXT}, headers={"model": model})

    assert ask("s1").headers["x-tts-model"] == FIRST
    assert asked_until_it_is_there(lambda: ask(SECOND)).headers["x-tts-model"] == SECOND


def test_elevenlabs_lists_them(fake_app: ServeFake) -> None:
    """A client that chooses from the list finds them beside the usual names."""
    headers = {"xi-api-key": KEY}
    listed = {
        entry["model_id"]: entry["description"]
        for entry in fake_app(**SEVERAL).client.get("/v1/models", headers=headers).json()
    }
    assert listed[SECOND] == f"Speaks with {SECOND}."
    assert FIRST in listed
    assert "eleven_flash_v2_5" in listed


def test_our_socket(fake_server: ServeFake) -> None:
    served = fake_server(**SEVERAL)
    with live_client(served) as client:
        client.say("start", "wrong", model="nobody")
        told = client.until("error", "wrong").messages[-1]["error"]
        assert told["field"] == "model"
        assert SECOND in told["message"]
        client.say("start", "right", model=SECOND)
        client.say("text", "right", text=TEXT)
        client.say("end", "right")
        served.wait_until(lambda health: SECOND in health["models"]["loaded"])


@pytest.mark.parametrize(
    ("path", "messages"),
    [
        (
            "/v1/audio/speech/stream",
            [
                {"type": "session.config", "model": SECOND},
                {"type": "input.text", "text": TEXT},
                {"type": "input.done"},
            ],
        ),
        (
            f"/v1/realtime?model={SECOND}",
            [{"type": "response.create", "response": {"input": [
                {"type": "message", "role": "user",
                 "content": [{"type": "input_text", "text": TEXT}]}
            ]}}],
        ),
        (
            f"/v1/text-to-speech/alba/stream-input?model_id={SECOND}",
            [{"text": " ", "xi_api_key": KEY}, {"text": TEXT + " "}, {"text": ""}],
        ),
    ],
)  # fmt: skip
def test_sockets_of_others(
    fake_server: ServeFake, path: str, messages: list[dict[str, Any]]
) -> None:
    served = fake_server(**SEVERAL)
    url = served.url.replace("http", "ws") + path
    headers = {"Authorization": f"Bearer {KEY}"}
    with connect(url, additional_headers=headers, proxy=None) as socket:
        for message in messages:
            socket.send(json.dumps(message))
        served.wait_until(lambda health: SECOND in health["models"]["loaded"])


def finished(client: httpx.Client, **fields: Any) -> dict[str, Any]:
    answer = client.post("/jobs", json={"script": TEXT, **fields})
    assert answer.status_code == 202, answer.text
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (job := client.get(answer.json()["url"]).json())["state"] not in ENDED:
        assert time.monotonic() < deadline, job
        time.sleep(0.02)
    return dict(job)


def test_jobs(fake_app: ServeFake) -> None:
    """A job keeps its model; one that this server has not is refused before anything is kept."""
    client = fake_app(FakeEngine(), **SEVERAL).client
    job = finished(client, model=SECOND.upper(), format="wav")
    assert (job["state"], job["model"]) == ("done", SECOND)
    assert finished(client, format="wav")["model"] == FIRST
    error = error_of(client.post("/jobs", json={"script": TEXT, "model": "nobody"}), 400)
    assert error["field"] == "model"
    assert SECOND in error["message"]
