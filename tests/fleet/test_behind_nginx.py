"""Several servers behind nginx: more speech, and nobody's request is lost when one goes.

`make test-fleet` runs these; they take minutes, and print what came of them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.fleet.load import Load, listening, under_load
from tests.fleet.processes import worked_seconds
from tests.fleet.servers import Server, nginx_before, servers
from tests.serving import KEY
from tests.stores.s3 import S3

pytestmark = pytest.mark.fleet

MEASURED_SECONDS = 12.0
CALLERS = 6


@pytest.fixture(scope="module")
def shared(s3: S3) -> dict[str, str]:
    """What all servers have in common."""
    bucket = s3.bucket()
    return {
        **s3.environment,
        "VOICES_URL": f"{bucket}/voices",
        "VOICE_OUTPUT_URL": f"{bucket}/voice",
        "URL_SIGNING_SECRET": "a-secret-for-tests",
    }


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory, shared: dict[str, str]) -> Iterator[list[Server]]:
    with servers(tmp_path_factory.mktemp("servers"), shared, 2) as started:
        yield started


@pytest.fixture
def fleet(two: list[Server], tmp_path: Path) -> Iterator[str]:
    """The address of nginx, which has two servers behind it."""
    with nginx_before([each.port for each in two], tmp_path / "nginx") as url:
        yield url


def told(what: str, load: Load) -> None:
    print(f"\n{what}: {dict(load.ended)}, {load.audio_seconds:.0f} s of audio")


def heard_per_core_second(url: str, of: list[Server], callers: int) -> float:
    """How much is heard for each second that a core works for some servers."""
    worked = sum(worked_seconds(each.pid) for each in of)
    with under_load(url, callers) as load:
        time.sleep(MEASURED_SECONDS)
    assert set(load.ended) == {"whole"}
    return load.audio_seconds / (sum(worked_seconds(each.pid) for each in of) - worked)


def test_two_speak_more_than_one(two: list[Server], fleet: str) -> None:
    """Two servers, a core each, make more speech than one of them.

    However busy this machine is: what counts is the processor time that they had.
    """
    one_rate = heard_per_core_second(two[0].url, two[:1], CALLERS)
    two_rate = heard_per_core_second(fleet, two, 2 * CALLERS)
    times = 2 * two_rate / one_rate
    print(
        f"\naudio for a second of a core: one {one_rate:.1f}, two {two_rate:.1f}; "
        f"so two with a core each make {times:.2f} times as much as one"
    )
    assert times > 1.2


def test_one_is_killed(two: list[Server], fleet: str) -> None:
    """Each request of that moment ends: whole, served by the other, or cut off in the middle."""
    with under_load(fleet, CALLERS) as load:
        time.sleep(4)
        with listening(fleet, CALLERS) as long:
            two[0].kill()
        time.sleep(4)
        two[0].start()
        two[0].wait_until_ready()
        time.sleep(2)
    told("killed", load)
    told("those who listened to something long", long)
    # Some of these were at the one that died, and are told so; the others are not.
    assert set(long.ended) == {"whole", "aborted"}
    assert long.ended.total() == CALLERS
    assert set(load.ended) <= {"whole", "aborted"}
    assert load.ended["aborted"] <= CALLERS
    assert load.ended["whole"] > CALLERS
    longest = max(load.sizes)
    assert min(load.sizes) > longest / 3, "an answer that was cut off looked whole"


def test_an_upgrade(two: list[Server], fleet: str) -> None:
    """Servers that are told to stop, one after the other, finish; nobody notices."""
    with under_load(fleet, CALLERS) as load:
        for each in two:
            time.sleep(2)
            each.stop()
            each.start()
            each.wait_until_ready()
        time.sleep(2)
    told("upgraded", load)
    assert set(load.ended) == {"whole"}


def test_the_store_goes_for_ten_seconds(fleet: str, s3: S3) -> None:
    """Live speech goes on; who wants audio saved or fetched is told to come again, and can then."""
    headers = {"X-API-Key": KEY}
    with httpx.Client(base_url=fleet, headers=headers, timeout=30, trust_env=False) as client:
        body = {"script": "Hello there.", "format": "wav", "type": "url"}
        made = client.post("/tts", json=body)
        assert made.status_code == 200, made.text
        saved = made.json()["url"].partition("/voice/")[2]
        with under_load(fleet, CALLERS) as load:
            s3.go()
            try:
                gone_until = time.monotonic() + 10
                fetched = client.get(f"/voice/{saved}")
                refused = client.post("/tts", json=body)
                time.sleep(max(0.0, gone_until - time.monotonic()))
            finally:
                s3.come()
            assert client.get(f"/voice/{saved}").status_code == 200
            assert client.post("/tts", json=body).status_code == 200
        told("without the store", load)
        assert set(load.ended) == {"whole"}
        for answer in (fetched, refused):
            assert answer.status_code == 503
            assert int(answer.headers["retry-after"]) > 0
