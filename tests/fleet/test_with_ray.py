"""Under Ray Serve everything is as at one server; a replica that dies takes no other's speech."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import httpx
import pytest
import websockets

from tests.fleet.load import listening, under_load
from tests.fleet.servers import servers
from tests.fleet.with_ray import RayFleet, ray_fleet
from tests.serving import KEY, error_of

pytestmark = pytest.mark.fleet

HEADERS = {"X-API-Key": KEY}
CALLERS = 6


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayFleet]:
    with ray_fleet(tmp_path_factory.mktemp("ray"), {}) as running:
        yield running


@pytest.fixture(scope="module", params=["one server", "ray"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One server, or a fleet under Ray: the same holds of both."""
    if request.param == "ray":
        fleet: RayFleet = request.getfixturevalue("fleet")
        yield fleet.url
        return
    with servers(tmp_path_factory.mktemp("one"), {}, 1) as (server,):
        yield server.url


@pytest.fixture
def client(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, headers=HEADERS, timeout=60, trust_env=False) as client:
        yield client


def test_a_file(client: httpx.Client) -> None:
    answer = client.post("/tts", json={"script": "Hello there.", "format": "wav"})
    assert answer.status_code == 200
    assert int(answer.headers["content-length"]) == len(answer.content) > 10_000
    assert answer.content.startswith(b"RIFF")


def test_a_stream(client: httpx.Client) -> None:
    """Its beginning comes while the rest is made."""
    body = {"script": "Hello there. " * 40, "format": "wav", "stream": True}
    with client.stream("POST", "/tts", json=body) as answer:
        assert answer.status_code == 200
        came = [time.monotonic() for _ in answer.iter_raw()]
    assert len(came) > 10
    assert came[-1] - came[0] > 0.3


def test_refusals(client: httpx.Client) -> None:
    assert error_of(client.post("/tts", json={"script": ""}), 400)["field"] == "script"
    error_of(client.get("/nowhere"), 404)
    error_of(client.post("/tts", json={"script": "Hi."}, headers={"X-API-Key": "wrong"}), 401)


def test_a_recording(client: httpx.Client, recording: bytes) -> None:
    """Bodies with files come through."""
    answer = client.post(
        "/tts/clone",
        data={"script": "Hello there.", "format": "wav"},
        files={"voice_file": ("a.wav", recording)},
    )
    assert answer.status_code == 200, answer.text
    assert answer.content.startswith(b"RIFF")


async def test_a_socket(url: str) -> None:
    """OpenAI's realtime socket speaks, and is closed in order."""
    address = f"{url.replace('http', 'ws', 1)}/v1/realtime?model=x"
    keys = {"Authorization": f"Bearer {KEY}"}
    async with websockets.connect(address, additional_headers=keys) as socket:
        assert '"session.created"' in str(await socket.recv())


def test_who_leaves_is_not_spoken_for(client: httpx.Client, url: str) -> None:
    """A listener who hangs up takes the work along."""
    body = {"script": "Hello there. " * 300, "format": "wav", "stream": True}
    with client.stream("POST", "/tts", json=body) as answer:
        next(answer.iter_raw())
    deadline = time.monotonic() + 60
    # Each question may be answered by another replica, so several in a row have to agree.
    quiet = 0
    while quiet < 6:
        assert time.monotonic() < deadline, "it goes on for nobody"
        with httpx.Client(base_url=url, headers=HEADERS, trust_env=False) as other:
            rows = other.get("/health").json()["engine"]["running_rows"]
        quiet = quiet + 1 if rows == 0 else 0


def test_a_replica_is_killed(fleet: RayFleet) -> None:
    """Each request of that moment ends: whole, or cut off; then there are two again."""
    with under_load(fleet.url, CALLERS) as load:
        time.sleep(4)
        with listening(fleet.url, CALLERS) as long:
            fleet.kill_a_replica()
        time.sleep(6)
    print(f"\nkilled under Ray: {dict(load.ended)}, of the long ones {dict(long.ended)}")
    # Some of those who listened were at the one that died, and are told so; the others are not.
    assert set(long.ended) == {"whole", "aborted"}
    assert long.ended.total() == CALLERS
    assert set(load.ended) <= {"whole", "aborted"}
    assert load.ended["aborted"] <= CALLERS
    assert load.ended["whole"] > CALLERS
    assert min(load.sizes) > max(load.sizes) / 3, "an answer that was cut off looked whole"
    deadline = time.monotonic() + 90
    while len(fleet.replicas()) < 2:
        assert time.monotonic() < deadline, "nobody came in its place"
        time.sleep(0.2)


async def test_an_upgrade(fleet: RayFleet) -> None:
    """New replicas come and old ones end what they have begun; nobody notices."""
    before = set(fleet.replicas())
    with under_load(fleet.url, CALLERS) as load:
        await asyncio.to_thread(fleet.upgrade)
        await asyncio.sleep(3)
    print(f"\nupgraded under Ray: {dict(load.ended)}")
    assert set(load.ended) == {"whole"}
    assert not before & set(fleet.replicas())
