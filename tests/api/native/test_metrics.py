"""GET /metrics tells what the server does, to whoever has a key for that."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest

from app.callers.keys_file import add_key
from app.main import create_app
from app.telemetry.meter import Meter
from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.serving import KEY, error_of, make_settings
from tests.telemetry.scrape import Scrape

SCRIPT = "Hello there."
SPEECH = {"script": SCRIPT, "format": "wav"}
MODEL = "english"


def test_what_speech_leaves(fake_app: ServeFake) -> None:
    """A spoken text counts in requests, characters, seconds, and once in each histogram."""
    client = fake_app().client
    assert client.post("/tts", json=SPEECH).status_code == 200
    scrape = Scrape.of(client)
    asked = {"method": "POST", "route": "/tts", "dialect": "native"}
    assert scrape.value("pocket_speech_requests_total", **asked, code="200") == 1
    assert scrape.value("pocket_speech_requests_total", **asked, outcome="answered") == 1
    assert scrape.value("pocket_speech_characters_total", caller="operator") == len(SCRIPT)
    assert scrape.value("pocket_speech_audio_seconds_total", caller="operator") > 0.3
    assert scrape.value("pocket_speech_utterances_total", model=MODEL, outcome="complete") == 1
    for name in ("time_to_first_audio_seconds", "queue_wait_seconds", "real_time_factor"):
        assert scrape.value(f"pocket_speech_{name}_count", model=MODEL) == 1
    assert scrape.value("pocket_speech_delivery_gap_seconds_count", model=MODEL) >= 3
    assert scrape.value("process_resident_memory_bytes") > 10_000_000


def test_refusals(fake_app: ServeFake) -> None:
    """A refusal counts with its status and the kind of error, by dialect."""
    client = fake_app().client
    assert client.post("/v1/audio/speech", json={"input": ""}).status_code == 400
    assert client.post("/tts", json=SPEECH, headers={"X-API-Key": "wrong"}).status_code == 401
    scrape = Scrape.of(client)
    refused = {"route": "/v1/audio/speech", "dialect": "openai", "code": "400"}
    assert scrape.value("pocket_speech_requests_total", **refused, outcome="refused") == 1
    assert scrape.value("pocket_speech_errors_total", dialect="openai") == 1
    assert scrape.value("pocket_speech_errors_total", reason="unauthorized") == 1
    assert scrape.value("pocket_speech_caller_requests_total", caller="-", outcome="refused") == 1


def test_labels_are_bounded(fake_app: ServeFake) -> None:
    """Whatever paths, methods, voices and ids clients make up, there are no more series for it."""
    client = fake_app().client

    def strange(number: int) -> None:
        client.get(f"/made/up/{number}")
        client.request(f"WEIRD{number}", "/tts")
        client.get(f"/voices/nobody{number}", headers={"X-Request-Id": f"id-{number}"})
        client.post("/tts", json={**SPEECH, "voice": f"nobody{number}"})

    strange(0)
    before = Scrape.of(client)
    for number in range(1, 6):
        strange(number)
    after = Scrape.of(client)
    assert len(after.text.splitlines()) <= len(before.text.splitlines()) + 4  # the scrape's own
    assert not re.search(r"nobody|made/up|WEIRD|id-\d", after.text)
    assert after.value("pocket_speech_requests_total", route="none", code="404") == 6
    assert after.value("pocket_speech_requests_total", route="/voices/{name}") == 6


def test_mounted_dialects_keep_their_templates(fake_app: ServeFake) -> None:
    """A path under a dialect's prefix is counted under its whole template."""
    client = fake_app().client
    assert client.post("/openai/v1/audio/speech", json={"input": "Hi."}).status_code == 200
    routes = [each["route"] for each in Scrape.of(client).labels("pocket_speech_requests_total")]
    assert "/openai/v1/audio/speech" in routes


def test_who_hangs_up_is_counted(fake_server: ServeFake) -> None:
    """A client that leaves in the middle counts as cancelled speech and as a request left."""
    engine = FakeEngine(hold_after=2)
    served = fake_server(engine)
    body = {**SPEECH, "stream": True}
    with served.client.stream("POST", "/tts", json=body) as answer:
        pieces = answer.iter_raw()
        next(pieces)
        running = Scrape.of(served.client)
        assert running.value("pocket_speech_running_rows", model=MODEL) == 1
        assert running.value("pocket_speech_requests_in_flight") == 2
    cancelled = {"model": MODEL, "outcome": "cancelled"}
    scrape = Scrape.once(
        served.client, lambda each: each.value("pocket_speech_utterances_total", **cancelled) == 1
    )
    scrape = Scrape.once(
        served.client,
        lambda each: each.value("pocket_speech_requests_total", route="/tts", outcome="left") == 1,
    )
    assert scrape.value("pocket_speech_real_time_factor_count") == 0
    assert scrape.value("pocket_speech_time_to_first_audio_seconds_count") == 1


def test_speech_that_breaks_is_counted(fake_server: ServeFake) -> None:
    """An answer that is cut counts as broken off, although its status was good."""
    served = fake_server(FakeEngine(fail_after=2))
    with pytest.raises(Exception, match=r"peer closed|incomplete"):
        served.client.post("/tts", json={**SPEECH, "stream": True})
    broken = {"route": "/tts", "code": "200", "outcome": "broken_off"}
    scrape = Scrape.once(
        served.client, lambda each: each.value("pocket_speech_requests_total", **broken) == 1
    )
    assert scrape.value("pocket_speech_utterances_total", outcome="failed") == 1
    assert scrape.value("pocket_speech_errors_total", reason="internal_error") == 1


@pytest.mark.parametrize("stream", [True, False])
def test_an_encoder_that_fails_is_counted(
    fake_server: ServeFake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    """FFmpeg that breaks counts once, whether the answer is live or complete."""
    broken = tmp_path / "ffmpeg"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setattr("app.assembly.speakers.find_ffmpeg", lambda: broken)
    served = fake_server()
    answer = served.client.post("/tts", json={**SPEECH, "format": "mp3", "stream": stream})
    assert answer.status_code == 500
    Scrape.once(served.client, lambda each: each.value("pocket_speech_ffmpeg_failures_total") == 1)


def test_caches(fake_app: ServeFake) -> None:
    """Voices and previews that are found where they were made before count as hits."""
    client = fake_app().client
    scrapes = [Scrape.of(client)]
    for _ in range(2):
        # Not the default voice, which the server itself makes ready.
        assert client.get("/voices/marius/preview").status_code == 200
        scrapes.append(Scrape.of(client))

    def counted(cache: str, result: str) -> list[float]:
        name = "pocket_speech_cache_lookups_total"
        counts = [each.value(name, cache=cache, result=result) for each in scrapes]
        return [later - earlier for earlier, later in pairwise(counts)]

    assert (counted("previews", "miss"), counted("previews", "hit")) == ([1, 0], [0, 1])
    assert client.post("/tts", json={**SPEECH, "voice": "marius"}).status_code == 200
    scrapes.append(Scrape.of(client))
    assert counted("voice_states", "hit")[-1] == 1
    assert scrapes[-1].value("pocket_speech_voice_cache_bytes") >= 1000


def test_a_key_for_metrics_is_enough(fake_app: ServeFake, tmp_path: Path) -> None:
    """Prometheus gets a key that can do nothing else; a key for speech does not read them."""
    path = tmp_path / "keys.toml"
    reader = add_key(path, "prometheus", ["metrics"], {})
    speaker = add_key(path, "shop", ["speech"], {})
    client = fake_app(api_keys_file=path).client
    read = client.get("/metrics", headers={"X-API-Key": reader})
    assert read.status_code == 200
    assert read.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "_created" not in read.text
    error_of(client.post("/tts", json=SPEECH, headers={"X-API-Key": reader}), 403)
    message = error_of(client.get("/metrics", headers={"X-API-Key": speaker}), 403)["message"]
    assert message == "this key is for speech; this call needs one for metrics"
    error_of(client.get("/metrics", headers={"X-API-Key": ""}), 401)


@pytest.mark.parametrize(("metrics", "status"), [("open", 200), ("off", 404), ("key", 401)])
def test_who_may_read(fake_app: ServeFake, metrics: str, status: int) -> None:
    """METRICS says whether everybody may read them, or whoever has a key, or nobody."""
    client = fake_app(metrics=metrics).client
    assert client.get("/metrics", headers={"X-API-Key": ""}).status_code == status
    described = client.get("/openapi.json").json()["paths"]
    assert ("/metrics" in described) is (metrics != "off")
    if metrics != "off":
        call = described["/metrics"]["get"]
        assert ("security" in call) is (metrics == "key")
        assert list(call["responses"]["200"]["content"]) == ["text/plain"]


def test_two_apps_do_not_share_numbers(tmp_path: Path) -> None:
    """Each app has metrics of its own."""
    apps = [create_app(make_settings(tmp_path)) for _ in range(2)]
    one, other = (app.state.services.meter for app in apps)
    one.lookups("previews")(True)
    for meter, hits in ((one, 1.0), (other, 0.0)):
        scrape = Scrape(meter.exposition().decode())
        assert scrape.value("pocket_speech_cache_lookups_total", result="hit") == hits


def test_counting_by_many_threads() -> None:
    """No look-up is lost, whatever thread tells of it."""
    meter = Meter("1")
    told = meter.lookups("previews")
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: [told(True) for _ in range(200)], range(8)))
    scrape = Scrape(meter.exposition().decode())
    assert scrape.value("pocket_speech_cache_lookups_total", result="hit") == 1600


def test_no_key_and_no_text(fake_app: ServeFake) -> None:
    """What clients say and their keys are in no metric."""
    client = fake_app().client
    client.post("/tts", json={"script": "Unmistakable words."})
    text = Scrape.of(client).text
    assert "nmistakable" not in text
    assert KEY not in json.dumps(text)
