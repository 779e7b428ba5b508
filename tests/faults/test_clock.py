"""A clock that is set, forward or back, changes nothing but the time of day."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from app.audio.storage import AUDIO_NAME, AudioStore, Retention
from app.callers.keys_file import add_key
from app.stores.folder import FilesInFolder
from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.serving import KEY, LogRecords

DAY_SECONDS = 86_400.0
HELLO = {"script": "Hello there.", "format": "wav"}

SetClock = Callable[[float], None]


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> SetClock:
    """Sets the time of day, by so many seconds from what it really is; files are dated by it."""
    time_of_day = time.time

    def set_by(seconds: float) -> None:
        monkeypatch.setattr(time, "time", lambda: time_of_day() + seconds)

    return set_by


@pytest.mark.parametrize("days", [400, -400])
def test_a_server(
    fake_server: ServeFake,
    recording: bytes,
    log_records: LogRecords,
    set_clock: SetClock,
    days: float,
) -> None:
    """It speaks, keeps voices and what it saved, and a stream that is heard goes on."""
    engine = FakeEngine(frames_per_chunk=50, hold_after=3)
    served = fake_server(engine)
    client = served.client
    with client.stream("POST", "/tts", json={**HELLO, "stream": True}) as answer:
        pieces = answer.iter_raw()
        heard = len(next(pieces))
        set_clock(days * DAY_SECONDS)
        engine.let_go.set()
        heard += sum(map(len, pieces))
    assert heard == 44 + 2 * 50 * 1920
    saved = client.post("/tts", json={**HELLO, "type": "url"}).json()["url"]
    files = {"files": ("a.wav", recording)}
    assert client.post("/voices", data={"name": "tess"}, files=files).status_code == 201
    for seconds in (-days * DAY_SECONDS, 0.0):
        set_clock(seconds)
        assert client.post("/tts", json={**HELLO, "voice": "tess"}).status_code == 200
        assert client.get(saved).status_code == 200
        assert client.get("/health").json()["model"]["state"] == "ready"
    assert not [each for each in log_records.kept if each.levelname in ("WARNING", "ERROR")]


def test_saved_audio_grows_no_older(
    tmp_path: Path, set_clock: SetClock, log_records: LogRecords
) -> None:
    """A clock that is set forward makes none of it go, and what goes is what is really old."""
    store = AudioStore(
        FilesInFolder(tmp_path, names=AUDIO_NAME), Retention(max_age_seconds=10 * DAY_SECONDS)
    )
    store.open()
    young, old = (store.save(BytesIO(b"sound"), ".wav") for _ in range(2))
    nine_days_ago = time.time() - 9 * DAY_SECONDS
    os.utime(tmp_path / old, (nine_days_ago, nine_days_ago))
    for days in (400, 0, 800, 0, 400):
        set_clock(days * DAY_SECONDS)
        store.tidy()
        assert {path.name for path in tmp_path.iterdir()} == {young, old}
    told = [each.getMessage() for each in log_records.kept if each.levelname == "WARNING"]
    assert told == [
        f"the clock was set forward by {days * DAY_SECONDS:.0f} s; saved audio keeps its age"
        for days in (400, 800, 400)
    ]


def test_old_audio_goes_all_the_same(tmp_path: Path, set_clock: SetClock) -> None:
    """After the clock was set, age counts as before."""
    store = AudioStore(
        FilesInFolder(tmp_path, names=AUDIO_NAME), Retention(max_age_seconds=10 * DAY_SECONDS)
    )
    store.open()
    name = store.save(BytesIO(b"sound"), ".wav")
    set_clock(400 * DAY_SECONDS)
    store.tidy()
    eleven_days_ago = time.time() - 11 * DAY_SECONDS
    os.utime(tmp_path / name, (eleven_days_ago, eleven_days_ago))
    store.tidy()
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("days", [400, -400])
def test_limits(fake_app: ServeFake, tmp_path: Path, set_clock: SetClock, days: float) -> None:
    """Who has used up a minute's requests waits for no longer than a minute, and no shorter."""
    path = tmp_path / "keys.toml"
    headers = {"X-API-Key": add_key(path, "shop", ["speech"], {"requests_per_minute": 1})}
    client = fake_app(api_keys_file=path, api_key=KEY).client
    assert client.post("/tts", json=HELLO, headers=headers).status_code == 200
    set_clock(days * DAY_SECONDS)
    refused = client.post("/tts", json=HELLO, headers=headers)
    assert refused.status_code == 429
    assert 50 <= int(refused.headers["retry-after"]) <= 60
