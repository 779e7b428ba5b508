"""With TENANTS=separate a caller's voices and audio are nobody else's, in every dialect."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect
from wyoming.info import Describe, Info

from app.callers.keys_file import add_key
from app.settings import SettingsError
from tests.api.test_every_dialect import Call, every_call
from tests.audio.probe import voice_like
from tests.conftest import ServeFake, wav_bytes
from tests.fakes import FakeEngine
from tests.serving import Served, error_of, fake_in_process, make_settings
from tests.wyoming.home import fake_home

RECORDING = ("anna.wav", wav_bytes(voice_like(2.0)), "audio/wav")


class Tenants:
    """A server, and the headers of two callers who each have a voice, and of the operator."""

    def __init__(
        self, served: Served, keys: Path, engine: FakeEngine | None = None, **limits: int
    ) -> None:
        self.served = served
        self.engine = engine or FakeEngine()
        scopes = ["speech", "voices", "jobs"]
        self.alice = {"X-API-Key": add_key(keys, "alice", scopes, {})}  # type: ignore[arg-type]
        self.bob = {"X-API-Key": add_key(keys, "bob", scopes, limits)}  # type: ignore[arg-type]
        self.operator = dict(served.client.headers)

    def ask(self, who: dict[str, str], method: str, path: str, **sent: Any) -> httpx.Response:
        return self.served.client.request(method, path, headers=who, **sent)

    def make(self, who: dict[str, str], name: str, **fields: str) -> httpx.Response:
        sent = {"name": name, **fields}
        return self.ask(who, "POST", "/voices", data=sent, files={"files": RECORDING})


@pytest.fixture(scope="module")
def tenants(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenants]:
    folder = tmp_path_factory.mktemp("tenants")
    keys = folder / "keys.toml"
    keys.touch()
    engine = FakeEngine()
    with fake_in_process(folder, engine, api_keys_file=keys, tenants="separate") as served:
        made = Tenants(served, keys, engine)
        served.wait_until(lambda _: made.ask(made.bob, "GET", "/voices").status_code == 200)
        assert made.make(made.alice, "anna").status_code == 201
        assert made.make(made.bob, "bert").status_code == 201
        assert made.make(made.operator, "olga").status_code == 201
        yield made


@every_call
def test_speaking(tenants: Tenants, call: Call) -> None:
    """Another's voice is refused like one that never was, and not named among those there are."""
    heard = call.ask(tenants.served.client, {call.voice: "anna"}, tenants.alice)
    assert heard.status_code == 200, heard.text
    assert call.ask(tenants.served.client, {call.voice: "olga"}, tenants.bob).status_code == 200
    refused = call.ask(tenants.served.client, {call.voice: "anna"}, tenants.bob)
    unknown = call.ask(tenants.served.client, {call.voice: "nora"}, tenants.bob)
    assert refused.status_code == unknown.status_code == 404
    told = [call.error(each).message for each in (refused, unknown)]
    assert told[0].replace("anna", "nora") == told[1]
    assert "bert" in told[0]


def test_lines_of_speakers(tenants: Tenants) -> None:
    """A line `[anna]` is a speaker's for who has an anna, and spoken as it stands for others."""
    said = {}
    for who in ("alice", "bob"):
        body = {"script": "[anna] Good morning.", "format": "wav", "voice": "alba"}
        spoken = tenants.ask(getattr(tenants, who), "POST", "/tts", json=body)
        assert spoken.status_code == 200
        (chunk,) = tenants.engine.streams[-1].job.chunks
        said[who] = chunk.text
    assert said["alice"] == "Good morning."
    assert "anna" in said["bob"]


LISTS = [
    "/voices",
    "/v1/audio/voices",
    "/v1/voices",
    "/v2/voices",
    "/model",
    "/v1/references/list",
    "/audio_roles",
    "/server_info",
    "/speakers",
    "/speakers_list",
]


@pytest.mark.parametrize("path", LISTS)
def test_lists(tenants: Tenants, path: str) -> None:
    """Each list has one's own voices and the operator's; the operator's list has all."""
    shown = {
        who: tenants.ask(getattr(tenants, who), "GET", path).text
        for who in ("alice", "bob", "operator")
    }
    assert "anna" in shown["alice"]
    assert "olga" in shown["alice"]
    assert "bert" not in shown["alice"]
    assert "anna" not in shown["bob"]
    assert "anna@alice" in shown["operator"]


CHANGES: list[tuple[str, str, dict[str, Any]]] = [
    ("GET", "/voices/{}", {}),
    ("PATCH", "/voices/{}", {"json": {"description": "mine"}}),
    ("PATCH", "/voices/{}", {"json": {"name": "taken"}}),
    ("GET", "/voices/{}/preview", {}),
    ("GET", "/voices/{}/export", {}),
    ("DELETE", "/voices/{}", {}),
    ("GET", "/model/{}", {}),
    ("PATCH", "/model/{}", {"json": {"title": "mine"}}),
    ("DELETE", "/model/{}", {}),
    ("DELETE", "/v1/references/delete", {"json": {"reference_id": "{}"}}),
    ("DELETE", "/v1/audio/voices/{}", {}),
    ("GET", "/v1/voices/{}", {}),
    ("GET", "/v1/voices/{}/settings", {}),
    ("POST", "/v1/voices/{}/settings/edit", {"json": {"speed": 1.1}}),
    ("POST", "/v1/voices/{}/edit", {"data": {"name": "mine"}}),
    ("DELETE", "/v1/voices/{}", {}),
    ("POST", "/delete_speaker", {"data": {"name": "{}"}}),
]


@pytest.mark.parametrize(("method", "path", "sent"), CHANGES)
def test_changes(tenants: Tenants, method: str, path: str, sent: dict[str, Any]) -> None:
    """Another's voice cannot be looked at, heard, fetched, changed or removed."""

    def answer(name: str) -> httpx.Response:
        filled = {
            kind: {key: value.format(name) if value == "{}" else value for key, value in it.items()}
            for kind, it in sent.items()
        }
        return tenants.ask(tenants.bob, method, path.format(name), **filled)

    refused, unknown = answer("anna"), answer("nora")
    assert refused.status_code == unknown.status_code == 404, refused.text
    assert tenants.ask(tenants.alice, "GET", "/voices/anna").json()["description"] is None


def test_names_are_ones_own(tenants: Tenants) -> None:
    """Two callers may each have a voice of the same name, and neither learns of the other's."""
    assert tenants.make(tenants.alice, "same", description="hers").status_code == 201
    assert tenants.make(tenants.bob, "same", description="his").status_code == 201
    for who, said in (("alice", "hers"), ("bob", "his")):
        shown = tenants.ask(getattr(tenants, who), "GET", "/voices/same").json()
        assert shown["description"] == said
    again = tenants.make(tenants.bob, "same", description="new", replace="true")
    assert again.status_code == 201
    assert tenants.ask(tenants.alice, "GET", "/voices/same").json()["description"] == "hers"
    assert tenants.ask(tenants.bob, "DELETE", "/voices/same").status_code == 200
    assert tenants.ask(tenants.alice, "GET", "/voices/same").status_code == 200


def test_what_the_operator_made_stays(tenants: Tenants) -> None:
    """A caller may use it and put a voice of its own in its place, and not change it."""
    refused = tenants.ask(tenants.bob, "DELETE", "/voices/olga")
    assert "is the operator's" in error_of(refused, 409)["message"]
    made = tenants.make(tenants.bob, "olga", description="his", replace="true")
    assert made.status_code == 201
    assert tenants.ask(tenants.bob, "GET", "/voices/olga").json()["description"] == "his"
    assert tenants.ask(tenants.alice, "GET", "/voices/olga").json()["description"] is None
    assert tenants.ask(tenants.bob, "DELETE", "/voices/olga").status_code == 200
    assert tenants.ask(tenants.bob, "GET", "/voices/olga").status_code == 200


def test_the_operator_may_change_everything(tenants: Tenants) -> None:
    """A caller's voice stays the caller's, whoever renames it, and takes nobody's place."""
    for name in ("zoe", "zara"):
        assert tenants.make(tenants.alice, name).status_code == 201
    rename = {"json": {"name": "zara"}}
    taken = tenants.ask(tenants.operator, "PATCH", "/voices/zoe@alice", **rename)
    assert taken.status_code == 409
    renamed = tenants.ask(tenants.operator, "PATCH", "/voices/zoe@alice", json={"name": "zita"})
    assert renamed.json()["name"] == "zita@alice"
    assert tenants.ask(tenants.alice, "GET", "/voices/zita").status_code == 200
    assert tenants.ask(tenants.operator, "DELETE", "/voices/zita@alice").status_code == 200


def test_titles_that_are_taken(tenants: Tenants) -> None:
    """Clients that name voices by titles get a name of their own, also where another has it."""
    for who in (tenants.alice, tenants.bob):
        made = tenants.ask(
            who, "POST", "/v1/voices/add", data={"name": "Twin"}, files={"files": RECORDING}
        )
        assert made.json()["voice_id"] == "Twin"


def test_saved_audio(tenants: Tenants) -> None:
    """Another's key fetches and removes nothing; who was given the address can fetch it."""
    body = {"script": "Hello.", "type": "url", "format": "wav", "captions": ["srt"]}
    saved = tenants.ask(tenants.alice, "POST", "/tts", json=body).json()
    for url in (saved["url"], *saved["captions"].values()):
        path = httpx.URL(url).path
        for method in ("GET", "HEAD", "DELETE"):
            assert tenants.ask(tenants.bob, method, path).status_code == 404
        assert tenants.ask({"X-API-Key": ""}, "GET", path).status_code == 200
        assert tenants.ask(tenants.alice, "GET", path).status_code == 200
        assert tenants.ask(tenants.operator, "GET", path).status_code == 200
    assert "alice" not in saved["url"]
    path = httpx.URL(saved["url"]).path
    assert tenants.ask(tenants.alice, "DELETE", path).status_code == 204
    assert tenants.ask(tenants.alice, "GET", path).status_code == 404


def test_saved_audio_and_tokens(fake_app: ServeFake, tmp_path: Path) -> None:
    """A token opens, in an address too, without a signature what its key does, and no more."""
    keys = tmp_path / "keys.toml"
    keys.touch()
    served = fake_app(
        api_keys_file=keys, tenants="separate", url_signing_secret="a secret of some length"
    )
    tenants = Tenants(served, keys)
    served.wait_until(lambda _: tenants.ask(tenants.bob, "GET", "/voices").status_code == 200)
    body = {"script": "Hello.", "type": "url", "format": "wav"}
    url = httpx.URL(tenants.ask(tenants.alice, "POST", "/tts", json=body).json()["url"])
    for who, status in ((tenants.alice, 200), (tenants.bob, 404)):
        token = tenants.ask(who, "POST", "/tokens", json={}).json()["token"]
        nobody = {"X-API-Key": ""}
        query = {"token": token}
        assert tenants.ask(nobody, "GET", url.path, params=query).status_code == status
        assert tenants.ask({"X-API-Key": token}, "GET", url.path).status_code == status
    assert tenants.ask({"X-API-Key": ""}, "GET", str(url)).status_code == 200


def test_consents(tenants: Tenants) -> None:
    """A recording in which somebody agrees is the business of who sent it."""
    sent = {"name": "Yes", "language": "en-US"}
    made = tenants.ask(
        tenants.alice, "POST", "/v1/audio/voice_consents", data=sent, files={"recording": RECORDING}
    )
    path = f"/v1/audio/voice_consents/{made.json()['id']}"
    assert tenants.ask(tenants.alice, "GET", path).status_code == 200
    for method in ("GET", "POST", "DELETE"):
        change = {"json": {"name": "No"}} if method == "POST" else {}
        assert tenants.ask(tenants.bob, method, path, **change).status_code == 404
    assert tenants.ask(tenants.bob, "GET", "/v1/audio/voice_consents").json()["data"] == []


def test_sockets(fake_server: ServeFake, tmp_path: Path) -> None:
    """Another's voice is not there over a WebSocket, whose key may come in its first frame."""
    keys = tmp_path / "keys.toml"
    keys.touch()
    served = fake_server(api_keys_file=keys, tenants="separate")
    tenants = Tenants(served, keys)
    served.wait_until(lambda _: tenants.ask(tenants.bob, "GET", "/voices").status_code == 200)
    assert tenants.make(tenants.alice, "anna").status_code == 201
    url = f"{served.url.replace('http', 'ws')}/v1/text-to-speech/anna/stream-input"
    for key, word in ((tenants.bob, "voice_not_found"), (tenants.alice, '"audio"')):
        with connect(url, proxy=None) as socket:
            socket.send(json.dumps({"text": "Hello there. ", "xi_api_key": key["X-API-Key"]}))
            socket.send(json.dumps({"text": ""}))
            assert word in str(socket.recv(10))


async def test_home_assistant(tmp_path: Path) -> None:
    """It has no key, so it has the voices that are everybody's."""
    keys = tmp_path / "keys.toml"
    keys.touch()
    with fake_home(tmp_path, FakeEngine(), api_keys_file=keys, tenants="separate") as home:
        tenants = Tenants(home.served, keys)
        home.served.wait_until(
            lambda _: tenants.ask(tenants.alice, "GET", "/voices").status_code == 200
        )
        assert tenants.make(tenants.alice, "anna").status_code == 201
        assert tenants.make(tenants.operator, "olga").status_code == 201
        async with home.client() as client:
            await client.write_event(Describe().event())
            event = await client.read_event()
        assert event is not None
        names = {voice.name for voice in Info.from_event(event).tts[0].voices}
        assert "olga" in names
        assert not any("anna" in name for name in names)


def test_shared(fake_app: ServeFake, tmp_path: Path) -> None:
    """Unless it is asked for, everybody may use and change everything, as if it were one's own."""
    keys = tmp_path / "keys.toml"
    keys.touch()
    tenants = Tenants(fake_app(api_keys_file=keys), keys)
    tenants.served.wait_until(
        lambda _: tenants.ask(tenants.bob, "GET", "/voices").status_code == 200
    )
    assert tenants.make(tenants.alice, "anna").status_code == 201
    assert tenants.make(tenants.bob, "anna").status_code == 409
    assert tenants.make(tenants.bob, "anna", replace="true").status_code == 201
    names = [each["name"] for each in tenants.ask(tenants.alice, "GET", "/voices").json()["voices"]]
    assert names.count("anna") == 1
    assert tenants.ask(tenants.alice, "DELETE", "/voices/anna").status_code == 200
    assert [path.name for path in (tmp_path / "voices").glob("anna*")] == []


def test_limits_of_what_is_kept(fake_app: ServeFake, tmp_path: Path) -> None:
    """Beyond them a key is told which it is and what it has; two uploads at once do not pass."""
    keys = tmp_path / "keys.toml"
    keys.touch()
    tenants = Tenants(fake_app(api_keys_file=keys), keys, stored_voices=2, stored_bytes=2_000_000)
    tenants.served.wait_until(
        lambda _: tenants.ask(tenants.bob, "GET", "/voices").status_code == 200
    )
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda name: tenants.make(tenants.bob, name), ["a", "b", "c", "d"]))
    assert sorted(each.status_code for each in made) == [201, 201, 403, 403]
    (refused, _) = (each for each in made if each.status_code == 403)
    assert error_of(refused, 403)["type"] == "limit_reached"
    assert "stored_voices: this key may keep 2 voices and has 2" in refused.text
    kept = next(each.json()["name"] for each in made if each.status_code == 201)
    assert tenants.make(tenants.bob, kept, replace="true").status_code == 201
    assert tenants.make(tenants.alice, "e").status_code == 201
    body = {"script": "A long text. " * 3000, "type": "url", "format": "wav"}
    refused = tenants.ask(tenants.bob, "POST", "/tts", json=body)
    assert "stored_bytes: this key may keep 2000000 bytes" in error_of(refused, 403)["message"]


def test_callers_without_keys_cannot_be_told_apart(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="TENANTS: without keys"):
        make_settings(tmp_path, auth_disabled=True, tenants="separate")


def test_a_token_of_the_operator(tenants: Tenants) -> None:
    """What is made with it is everybody's, as what the operator makes; it shows no more than it."""
    body = {"scopes": ["voices", "speech"], "minutes": 5}
    answer = tenants.ask(tenants.operator, "POST", "/tokens", json=body)
    assert answer.status_code == 200, answer.text
    token = {"Authorization": f"Bearer {answer.json()['token']}"}
    assert tenants.make(token, "tina").status_code == 201
    try:
        assert "tina" in tenants.ask(tenants.bob, "GET", "/voices").text
        assert "tina@" not in tenants.ask(tenants.operator, "GET", "/voices").text
        assert "anna" not in tenants.ask(token, "GET", "/voices").text
    finally:
        assert tenants.ask(tenants.operator, "DELETE", "/voices/tina").is_success


JOB_CALLS: list[tuple[str, str, dict[str, Any]]] = [
    ("GET", "", {}),
    ("GET", "/events", {}),
    ("GET", "/audio", {}),
    ("GET", "/output", {}),
    ("GET", "/segments", {}),
    ("GET", "/segments/1/audio", {}),
    ("GET", "/captions.srt", {}),
    ("PATCH", "/segments/1", {"json": {"seed": 1}}),
    ("POST", "/pause", {}),
    ("POST", "/resume", {}),
    ("POST", "/cancel", {}),
    ("DELETE", "", {}),
]


def job_of(tenants: Tenants, who: dict[str, str], **fields: Any) -> str:
    """The id of a job that is done."""
    body = {"script": "Hello there.", "format": "wav", **fields}
    job_id = str(tenants.ask(who, "POST", "/jobs", json=body).json()["id"])
    deadline = time.monotonic() + 20
    while tenants.ask(who, "GET", f"/jobs/{job_id}").json()["state"] != "done":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return job_id


def test_jobs(tenants: Tenants) -> None:
    """A job is there for its caller and the operator, and for nobody else by any call."""
    job_id = job_of(tenants, tenants.alice)
    listed = {
        who: [
            each["id"] for each in tenants.ask(getattr(tenants, who), "GET", "/jobs").json()["jobs"]
        ]
        for who in ("alice", "bob", "operator")
    }
    assert [job_id in listed[who] for who in ("alice", "bob", "operator")] == [True, False, True]
    for method, path, sent in JOB_CALLS:
        refused = tenants.ask(tenants.bob, method, f"/jobs/{job_id}{path}", **sent)
        unknown = tenants.ask(tenants.bob, method, f"/jobs/{'0' * 32}{path}", **sent)
        assert refused.status_code == unknown.status_code == 404, (method, path, refused.text)
        told = [each.json()["error"]["message"] for each in (refused, unknown)]
        assert told[0].replace(job_id, "0" * 32) == told[1]
    assert tenants.ask(tenants.alice, "GET", f"/jobs/{job_id}/output").status_code == 200
    assert tenants.ask(tenants.operator, "DELETE", f"/jobs/{job_id}").status_code == 200


def test_a_job_is_spoken_for_its_caller(tenants: Tenants) -> None:
    """It has the voices of its caller; another's is refused like one that never was."""
    job_of(tenants, tenants.alice, voice="anna")
    body = {"script": "Hello there.", "voice": "anna"}
    refused = tenants.ask(tenants.bob, "POST", "/jobs", json=body)
    assert error_of(refused, 404)["field"] == "voice"


def test_keys_of_jobs_are_ones_own(tenants: Tenants) -> None:
    """Two callers may name a job alike, and neither finds the other's."""
    ids = set()
    for who in (tenants.alice, tenants.bob):
        headers = {**who, "Idempotency-Key": "a book"}
        ids.add(tenants.ask(headers, "POST", "/jobs", json={"script": "Hello."}).json()["id"])
    assert len(ids) == 2


def test_jobs_count_towards_what_is_kept(fake_app: ServeFake, tmp_path: Path) -> None:
    """A job that is too long is refused; one that outgrows the limit waits until there is room."""
    keys = tmp_path / "keys.toml"
    keys.touch()
    # The job is expected to take 0.4 MB with its WAV, and takes 1.2 MB.
    engine = FakeEngine(frames_per_chunk=150)
    tenants = Tenants(fake_app(engine, api_keys_file=keys), keys, stored_bytes=1_000_000)
    tenants.served.wait_until(
        lambda _: tenants.ask(tenants.bob, "GET", "/voices").status_code == 200
    )
    long = tenants.ask(tenants.bob, "POST", "/jobs", json={"script": "A long text. " * 1000})
    assert "stored_bytes: this key may keep 1000000 bytes" in error_of(long, 403)["message"]
    assert tenants.ask(tenants.bob, "GET", "/jobs").json() == {"jobs": []}
    body = {"script": "A text that is not so long, but is spoken slowly.", "format": "wav"}
    first = str(tenants.ask(tenants.bob, "POST", "/jobs", json=body).json()["id"])
    deadline = time.monotonic() + 20
    while (job := tenants.ask(tenants.bob, "GET", f"/jobs/{first}").json())["state"] != "waiting":
        assert time.monotonic() < deadline, job
        time.sleep(0.02)
    assert "this key may keep 1000000 bytes" in job["reason"]
    assert "goes on by itself once there is room" in job["reason"]
    assert job["segments_done"] == 1
    body = {"script": "Hello.", "format": "wav"}
    assert tenants.ask(tenants.alice, "POST", "/jobs", json=body).status_code == 202
    assert tenants.ask(tenants.bob, "DELETE", f"/jobs/{first}").status_code == 200
    assert tenants.ask(tenants.bob, "POST", "/jobs", json=body).status_code == 202
