"""The server with a model of the hub: who speaks, and what is said of what is missing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import unquote

import httpx
import pytest
import yaml

from tests.audio.probe import voice_like
from tests.cli.command import run_command
from tests.conftest import write_wav
from tests.fakes import FakeEngine
from tests.hub import Hub, hub_on_loopback
from tests.hub_model import TOKEN, VOICES, Parts, hub_config, publish
from tests.serving import LogRecords, Served, error_of, make_settings, serve

pytestmark = pytest.mark.long

Start = Callable[[], AbstractContextManager[Served]]


@pytest.fixture
def start(tmp_path: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Starts the server; a second time is a restart."""
    monkeypatch.setattr("app.engine.supervisor.FIRST_RETRY_SECONDS", 0.2)
    monkeypatch.setattr("app.engine.supervisor.LONGEST_LOOK_SECONDS", 0.2)
    monkeypatch.setattr("app.speaking.stand_in._HANDOVER_SECONDS", 0.5)
    settings = make_settings(
        tmp_path,
        model_fallback="preview",
        model_precision="float32",
        max_running_rows=2,
        takes=1,  # these weights have learned nothing, and speak no better a second time
    )
    return lambda: serve(settings, build_preview=FakeEngine)


def say(served: Served, voice: str = "alba") -> httpx.Response:
    body = {"script": "Hi.", "voice": voice, "frames_after_eos": 0, "eos_threshold": -50}
    return served.client.post("/tts", json=body)


def clone(served: Served, recording: bytes) -> httpx.Response:
    return served.client.post(
        "/tts/clone", data={"script": "Hi."}, files={"voice_file": ("me.wav", recording)}
    )


def wait_for_weights(served: Served) -> None:
    served.wait_until(
        lambda health: health["model"]["name"] == "english" and health["model"]["state"] == "ready",
        seconds=60,
    )


def test_a_first_start(hub: Hub, start: Start, recording: bytes) -> None:
    """The stand-in speaks meanwhile; then the weights do, and cloning comes without a restart."""
    hub.piece_seconds = 0.02
    with start() as served:
        served.wait_until(lambda health: health["model"]["state"] == "ready", seconds=60)
        assert say(served).headers["x-tts-model"] == "preview"
        hub.piece_seconds = 0
        wait_for_weights(served)
        answer = say(served)
        assert answer.status_code == 200, answer.text
        assert answer.headers["x-tts-model"] == "english"
        assert (
            "licence gate: accept the terms" in error_of(clone(served, recording), 503)["message"]
        )
        hub.gated.clear()
        deadline = time.monotonic() + 60
        while (cloned := clone(served, recording)).status_code == 503:
            assert time.monotonic() < deadline, cloned.text
            assert say(served).status_code == 200
            time.sleep(0.1)
        assert cloned.status_code == 200, cloned.text
        assert cloned.headers["x-tts-model"] == "english"


def test_the_hub_is_gone_at_a_restart(
    hub: Hub, start: Start, recording: bytes, log_records: LogRecords
) -> None:
    """The weights that were fetched speak at once, and not the stand-in."""
    with start() as served:
        wait_for_weights(served)
        assert say(served).status_code == 200
    hub.leave()
    log_records.kept.clear()
    with start() as served:
        wait_for_weights(served)
        assert say(served).headers["x-tts-model"] == "english"
        assert "hub cannot be reached" in error_of(say(served, "marius"), 503)["message"]
        assert "cannot clone voices" in error_of(clone(served, recording), 503)["message"]
        log_records.wait_for(lambda each: "without voice cloning: the model hub" in each.message)
    messages = [each.getMessage() for each in log_records.kept]
    assert not [each for each in messages if "in the place of english" in each]
    assert "ERROR" not in {each.levelname for each in log_records.kept}


def test_a_voice_that_is_not_on_the_hub(hub: Hub, start: Start) -> None:
    """It is a 404 that names those that are, which alone are listed from then on."""
    with start() as served:
        wait_for_weights(served)
        for _ in range(2):
            error = error_of(say(served, "jean"), 404)
            assert error["message"].endswith("available voices: alba, marius")
        listed = served.client.get("/voices").json()["voices"]
        assert [each["name"] for each in listed] == list(VOICES)


def test_a_model_of_somebody_else(hub: Hub, parts: Parts, tmp_path: Path, recording: bytes) -> None:
    """It is fetched by its address once a request names it, or its language, and speaks."""
    address = "hf://own/model/Model.yaml"
    hub.gated.clear()
    hub.put(address, yaml.safe_dump(hub_config(parts)).encode())
    (tmp_path / "voices").mkdir()
    (tmp_path / "voices" / "me.wav").write_bytes(recording)
    settings = make_settings(
        tmp_path, model_language=f"english,fr={address}", model_precision="float32", takes=1
    )
    with serve(settings) as served:
        wait_for_weights(served)
        assert not [each for each in hub.asked if each.repository == "own/model"]
        body = {"script": "Oui.", "voice": "me", "frames_after_eos": 0, "eos_threshold": -50}
        for choice in ({"model": address}, {"language": "fr"}):
            deadline = time.monotonic() + 60
            while (answer := served.client.post("/tts", json=body | choice)).status_code == 503:
                assert time.monotonic() < deadline, answer.text
                time.sleep(0.1)
            assert unquote(answer.headers["x-tts-model"]) == address, answer.text
        assert say(served, "me").headers["x-tts-model"] == "english"


class TestTheEnvironment:
    """What the hub's library reads from the environment may stand in .env."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        (tmp_path / "voices").mkdir()
        write_wav(tmp_path / "voices" / "me.wav", voice_like(1.5))
        return tmp_path

    def say(self, folder: Path, **variables: str) -> str:
        """Speak in a voice that has to be cloned; the answer is what went wrong."""
        fixed = {
            "MODEL_CONFIG": "hf://own/model/model.yaml",
            "MODEL_FALLBACK": "none",
            "VOICES_DIR": "voices",
            "HF_HOME": "home",
        }
        lines = [f"{name}={value}" for name, value in (fixed | variables).items()]
        (folder / ".env").write_text("\n".join(lines), "utf-8")
        words = ("say", "Hi.", "--voice", "me", "-o", "out.wav")
        ended = run_command(folder, *words, variables={"HF_HUB_OFFLINE": ""})
        return ended.stderr.decode() if ended.returncode else ""

    @pytest.fixture
    def far_hub(self, parts: Parts) -> Iterator[Hub]:
        with hub_on_loopback() as hub:
            publish(parts, hub)
            hub.put("hf://own/model/model.yaml", yaml.safe_dump(hub_config(parts)).encode())
            yield hub

    def test_a_mirror_and_a_token(self, folder: Path, far_hub: Hub) -> None:
        """HF_ENDPOINT and HF_TOKEN count; with HF_HUB_OFFLINE what was fetched speaks."""
        assert self.say(folder, HF_ENDPOINT=far_hub.url, HF_TOKEN=TOKEN) == ""
        asked = len(far_hub.asked)
        assert self.say(folder, HF_ENDPOINT=far_hub.url, HF_HUB_OFFLINE="1") == ""
        assert len(far_hub.asked) == asked

    def test_a_proxy(self, folder: Path, far_hub: Hub) -> None:
        """HTTP_PROXY counts: the hub is nowhere but behind it."""
        proxied = {"HF_ENDPOINT": "http://hub.example", "HTTP_PROXY": far_hub.url}
        assert self.say(folder, **proxied, HF_TOKEN=TOKEN) == ""
