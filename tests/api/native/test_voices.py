"""/voices: voices people make, keep, hear and carry away, with real audio and a real model."""

from __future__ import annotations

import base64
import concurrent.futures
import contextlib
import dataclasses
import io
import json
import socket
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from app.main import create_app
from tests.audio.probe import RATE_HZ, run_ffmpeg, voice_like
from tests.conftest import ServeFake, wav_bytes, write_wav
from tests.fakes import FakeEngine
from tests.listening import assert_speech, listen
from tests.serving import KEY, Served, error_of, make_settings, running, serve
from tests.voices.web import ok, site

TOKEN_SECONDS = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keeping")
    (folder / "voices").mkdir()
    write_wav(folder / "voices" / "dropped.wav", voice_like(1.5))
    return folder


@pytest.fixture(scope="module")
def keeping(folder: Path, tiny_model: Path) -> Iterator[Served]:
    """A server with the tiny model, whose voices these tests make and remove."""
    settings = make_settings(folder, MODEL_CONFIG=str(tiny_model), max_ref_duration=3)
    with serve(settings) as served:
        served.wait_until(lambda health: health["model"]["state"] == "ready", TOKEN_SECONDS)
        yield served


@pytest.fixture
def client(keeping: Served) -> Iterator[httpx.Client]:
    """The server's client; whatever a test made is gone after it."""
    yield keeping.client
    for voice in keeping.client.get("/voices").json()["voices"]:
        if voice["name"] != "dropped":
            assert keeping.client.delete(f"/voices/{voice['name']}").is_success


def create(client: httpx.Client, name: str, *clips: bytes, **fields: Any) -> httpx.Response:
    files = [("files", (f"clip{number}.wav", clip)) for number, clip in enumerate(clips)]
    return client.post("/voices", data={"name": name} | fields, files=files or None)


def kept(folder: Path) -> set[str]:
    """Every file in the folder of voices, hidden ones included, but not the kept states."""
    voices = folder / "voices"
    found = {str(path.relative_to(voices)) for path in voices.rglob("*") if path.is_file()}
    return {name for name in found if not name.startswith(".states")}


def speech_like(seconds: float) -> bytes:
    """A recording with silence around it."""
    quiet = np.zeros(RATE_HZ // 2, np.float32)
    return wav_bytes(np.concatenate([quiet, 0.05 * voice_like(seconds), quiet]))


def test_create(client: httpx.Client, keeping: Served, folder: Path) -> None:
    """A voice made of a recording is listed, described, and an ordinary voice file."""
    answer = create(
        client, "anna", speech_like(2.0), description="Warm", tags="calm, low", language="en-GB"
    )
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == "/voices/anna"
    made = answer.json()
    assert made["kind"] == "custom"
    assert (made["description"], made["tags"], made["language"]) == ("Warm", ["calm", "low"], "en")
    assert made["created"].startswith("20")
    assert made["reference_seconds"] == pytest.approx(2.13, abs=0.05)
    assert made["preview_url"] == f"{keeping.url}/voices/anna/preview"
    assert any("silence cut from the start" in line for line in made["report"]["actions"])
    assert {"anna.wav", "anna.json"} <= kept(folder)
    listed = {voice["name"]: voice for voice in client.get("/voices").json()["voices"]}
    assert listed["anna"] == {key: value for key, value in made.items() if key != "report"}
    assert client.get("/voices/ANNA").json() == made


def test_dropped_file(client: httpx.Client) -> None:
    """A file that somebody put into VOICES_DIR is a custom voice like any other."""
    voice = client.get("/voices/dropped").json()
    assert (voice["kind"], voice["reference_seconds"], voice["tags"]) == ("custom", 1.5, [])
    assert voice["created"] is not None


def test_speaks(client: httpx.Client, ffmpeg: Path, tmp_path: Path) -> None:
    """A voice that was made speaks at once, on every endpoint that names voices."""
    create(client, "anna", speech_like(2.0))
    spoken = client.post("/tts", json={"script": "Hello.", "voice": "anna", "format": "wav"})
    assert_speech(
        listen(ffmpeg, tmp_path, spoken.content, "wav"),
        "wav",
        float(spoken.headers["x-audio-duration"]),
    )
    assert {"id": "anna", "name": "anna"} in client.get("/v1/audio/voices").json()["voices"]


def test_several_files(client: httpx.Client) -> None:
    """Several recordings become one prompt, at most MAX_REF_DURATION long."""
    made = create(client, "anna", speech_like(1.2), speech_like(1.3), speech_like(1.4)).json()
    assert made["reference_seconds"] <= 3.0
    assert [clip["filename"] for clip in made["report"]["clips"]] == ["clip0.wav", "clip1.wav"]
    assert any("clip2.wav" in line and "left out" in line for line in made["report"]["actions"])


@pytest.mark.parametrize("prefix", ["", "data:audio/wav;base64,"])
def test_base64(client: httpx.Client, prefix: str) -> None:
    """The recording may come as base64 or as a data URL, also over a megabyte of it."""
    text = prefix + base64.b64encode(wav_bytes(voice_like(17))).decode()
    assert len(text) > 1 << 20
    answer = client.post("/voices", data={"name": "anna", "audio_base64": text})
    assert answer.status_code == 201, answer.text


def test_taken_name(client: httpx.Client, folder: Path) -> None:
    """A name is taken in any case; replace=true replaces, and the old sound is gone."""
    create(client, "anna", speech_like(1.5), description="first")
    before = (folder / "voices" / "anna.wav").read_bytes()
    for name in ("anna", "ANNA", " Anna "):
        error = error_of(create(client, name, speech_like(2.0)), 409)
        assert error["message"].endswith("already; send replace=true to replace it")
        assert error["field"] == "replace"
    assert (folder / "voices" / "anna.wav").read_bytes() == before
    made = create(client, "Anna", speech_like(2.5), replace="true").json()
    assert (made["name"], made["description"]) == ("Anna", "first")
    assert {"Anna.wav", "Anna.json"} <= kept(folder)
    assert (folder / "voices" / "Anna.wav").read_bytes() != before
    names = [voice["name"] for voice in client.get("/voices").json()["voices"]]
    assert names.count("Anna") == 1
    assert "anna" not in names


def test_two_creations_at_once(client: httpx.Client, folder: Path) -> None:
    """Of many creations of one name at once exactly one wins, whole."""
    lengths = [1.2, 1.4, 1.6, 1.8]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(
                lambda seconds: create(
                    client, "anna", speech_like(seconds), description=str(seconds)
                ),
                lengths,
            )
        )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    won = next(answer.json() for answer in answers if answer.status_code == 201)
    assert client.get("/voices/anna").json() == won
    assert won["reference_seconds"] == pytest.approx(float(won["description"]) + 0.13, abs=0.05)
    assert kept(folder) == {"anna.wav", "anna.json", "dropped.wav"} | {
        name for name in kept(folder) if name.startswith(".previews")
    }


def test_change(client: httpx.Client, folder: Path) -> None:
    """PATCH changes what is sent and nothing else; a rename takes everything along."""
    create(client, "anna", speech_like(1.5), description="Warm", tags="calm")
    sound = (folder / "voices" / "anna.wav").read_bytes()
    changed = client.patch("/voices/anna", json={"description": "Cool", "language": "french"})
    assert changed.status_code == 200, changed.text
    renamed = client.patch("/voices/anna", json={"name": "béa", "tags": []}).json()
    assert (renamed["name"], renamed["description"], renamed["tags"], renamed["language"]) == (
        "béa",
        "Cool",
        [],
        "fr",
    )
    assert (folder / "voices" / "béa.wav").read_bytes() == sound
    assert not {"anna.wav", "anna.json"} & kept(folder)
    error_of(client.get("/voices/anna"), 404)
    assert client.patch("/voices/béa", json={"name": "Béa"}).json()["name"] == "Béa"
    assert error_of(client.patch("/voices/béa", json={"name": "dropped"}), 409)
    assert error_of(client.patch("/voices/béa", json={"nme": "x"}), 400)["field"] == "nme"
    assert error_of(client.patch("/voices/béa", json={"name": "a/b"}), 400)["field"] == "name"


def test_delete(client: httpx.Client, folder: Path) -> None:
    """A deleted voice leaves nothing behind, neither its sound nor what was made of it."""
    before = {path.name for path in (folder / "voices").rglob("*")}
    create(client, "anna", speech_like(1.7), description="Warm")
    assert client.get("/voices/anna/preview").is_success
    assert {path.name for path in (folder / "voices").rglob("*")} > before
    assert client.delete("/voices/Anna").json() == {"name": "anna", "deleted": True}
    left = {path.name for path in (folder / "voices").rglob("*")}
    assert left <= before | {".states", ".previews"}
    error_of(client.delete("/voices/anna"), 404)
    error_of(client.post("/tts", json={"script": "Hello.", "voice": "anna"}), 404)


@pytest.mark.parametrize("format_name", ["mp3", "wav"])
def test_preview(client: httpx.Client, ffmpeg: Path, tmp_path: Path, format_name: str) -> None:
    """A preview is a few words in the voice; it is spoken once."""
    create(client, "anna", speech_like(1.5))
    first = client.get("/voices/anna/preview", params={"format": format_name})
    assert first.status_code == 200, first.text
    heard = listen(ffmpeg, tmp_path, first.content, format_name)
    assert len(heard.pcm) / heard.sample_rate_hz > 0.5
    again = client.get("/voices/anna/preview", params={"format": format_name})
    assert again.content == first.content
    create(client, "anna", speech_like(2.5), replace="true")
    other = client.get("/voices/anna/preview", params={"format": format_name})
    assert other.content != first.content
    assert error_of(client.get("/voices/anna/preview?format=midi"), 400)["field"] == "format"


def test_export_and_import(client: httpx.Client, folder: Path) -> None:
    """A voice that goes out as a state and comes back speaks the same."""
    create(client, "anna", speech_like(1.5))
    out = client.get("/voices/anna/export")
    assert out.headers["content-disposition"].startswith('attachment; filename="anna.safetensors"')
    answer = import_state(client, "copy", out.content, description="A copy")
    assert answer.status_code == 201, answer.text
    assert (folder / "voices" / "copy.safetensors").read_bytes() == out.content
    assert client.get("/voices/copy").json()["description"] == "A copy"
    spoken = [
        client.post(
            "/v1/audio/speech", json={"input": "Same.", "voice": voice, "response_format": "wav"}
        )
        for voice in ("anna", "copy")
    ]
    assert all(answer.status_code == 200 for answer in spoken)
    assert client.get("/voices/copy/export").content == out.content
    error_of(import_state(client, "copy", out.content), 409)
    assert import_state(client, "copy", out.content, replace="true").status_code == 201
    # A voice made of recordings takes the place of an imported one.
    create(client, "copy", speech_like(1.5), replace="true")
    assert not (folder / "voices" / "copy.safetensors").exists()


def import_state(client: httpx.Client, name: str, data: bytes, **fields: Any) -> httpx.Response:
    return client.post(
        "/voices/import", data={"name": name} | fields, files={"file": ("v.safetensors", data)}
    )


def state_file(tmp_path: Path, tensors: dict[str, torch.Tensor], **metadata: str) -> bytes:
    path = tmp_path / "made.safetensors"
    save_file(tensors, path, metadata=metadata or None)
    return path.read_bytes()


def test_states_that_are_refused(client: httpx.Client, tmp_path: Path, folder: Path) -> None:
    """A state of another model or precision, and what is no state, is refused with the reason."""
    create(client, "anna", speech_like(1.5))
    good = client.get("/voices/anna/export").content
    (tmp_path / "good.safetensors").write_bytes(good)
    tensors = load_file(tmp_path / "good.safetensors")
    halves = {name: t.half() if t.is_floating_point() else t for name, t in tensors.items()}
    pickled = io.BytesIO()
    torch.save(tensors, pickled)
    before = kept(folder)
    for data, words in (
        (state_file(tmp_path, tensors, model="0" * 32), "another model"),
        (state_file(tmp_path, halves), "float16"),
        (state_file(tmp_path, {"weight": torch.zeros(3)}), "no voice state"),
        (pickled.getvalue(), "pickled"),
        (b"\x80\x04\x95pickle", "pickled"),
        (good[: len(good) // 2], "not a voice state"),
        (b"\xff" * 100, "not a safetensors file"),
        (b"{}", "not a safetensors file"),
        (wav_bytes(voice_like(2)), "not a safetensors file"),
        (b"", "empty"),
    ):
        error = error_of(import_state(client, "bad", data), 400)
        assert error["field"] == "file"
        assert words in error["message"], (words, error["message"])
    assert kept(folder) == before


def test_state_of_wrong_shapes(client: httpx.Client, tmp_path: Path, folder: Path) -> None:
    """A state whose tensors are not those of this model is refused, whatever it says of itself."""
    create(client, "anna", speech_like(1.5))
    (tmp_path / "good.safetensors").write_bytes(client.get("/voices/anna/export").content)
    good = load_file(tmp_path / "good.safetensors")
    caches = [name for name in good if name.endswith("/cache")]
    before = kept(folder)
    for changed in (
        {name: tensor for name, tensor in good.items() if ".0." not in name},
        good | {name: good[name][..., :1].contiguous() for name in caches},
        good | {name: good[name][:, :, :, :1].contiguous() for name in caches},
        good | {name: good[name][0].clone() for name in caches},
        good | {name: torch.full_like(good[name], torch.nan) for name in caches},
        good | {name.replace("/cache", "/offset"): torch.tensor([10**6]) for name in caches},
    ):
        error = error_of(import_state(client, "bad", state_file(tmp_path, changed)), 400)
        assert error["field"] == "file"
        assert "not a voice state of this model" in error["message"]
    assert kept(folder) == before


def test_next_start(folder: Path, tiny_model: Path, client: httpx.Client) -> None:
    """After a restart the voices are there, with their details, and are not encoded again."""
    made = create(client, "anna", speech_like(1.9), description="Warm").json()

    def states() -> set[tuple[str, int]]:
        """Encoding again would put new files in their place."""
        found = (folder / "voices" / ".states").iterdir()
        return {(path.name, path.stat().st_ino) for path in found}

    before = states()
    settings = make_settings(folder, MODEL_CONFIG=str(tiny_model), max_ref_duration=3)
    with serve(settings) as again:
        again.wait_until(lambda health: health["model"]["state"] == "ready", TOKEN_SECONDS)
        found = again.client.get("/voices/anna").json()
        assert found | {"preview_url": ""} == made | {"preview_url": ""}
        assert again.client.post("/tts", json={"script": "Hi.", "voice": "anna"}).is_success
    assert states() == before


def encrypted_archive() -> bytes:
    """What a zip with a password looks like: the flag is set and the bytes are noise."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("voice.wav", np.random.default_rng(1).bytes(50_000))
    data = bytearray(buffer.getvalue())
    data[6] |= 1
    return bytes(data)


def hours_long(ffmpeg: Path) -> bytes:
    """Two hours of MP3: its frames stand on their own, so a minute can be repeated."""
    minute = ["-f", "lavfi", "-i", "sine=frequency=200:sample_rate=8000:duration=60"]
    mp3 = ["-c:a", "libmp3lame", "-b:a", "8k", "-write_xing", "0", "-id3v2_version", "0"]
    return 120 * run_ffmpeg(ffmpeg, *minute, *mp3, "-f", "mp3", "pipe:1")


def test_recordings_that_are_no_voice(client: httpx.Client, ffmpeg: Path, folder: Path) -> None:
    """What cannot be a voice is a 400 that says why, and leaves nothing behind."""
    before = kept(folder)
    states = set((folder / "voices" / ".states").glob("*"))
    hiss = 2e-3 * np.random.default_rng(2).standard_normal(2 * RATE_HZ).astype(np.float32)
    word_in_silence = np.concatenate([0 * hiss, voice_like(0.3), 0 * hiss])
    for clip, words in (
        (hours_long(ffmpeg), "longer than 10 minutes"),
        (encrypted_archive(), "not audio"),
        (b"\x80\x04\x95" + bytes(5000), "not audio"),
        (b"", "empty"),
        (b"RIFF" + bytes(2000), "not audio"),
        (wav_bytes(np.zeros(2 * RATE_HZ, np.float32)), "silent"),
        (wav_bytes(voice_like(0.5)), "shorter than 1 second"),
        (wav_bytes(word_in_silence), "of speech between silences"),
        (b"%PDF-1.7 " * 300, "not audio"),
    ):
        error = error_of(create(client, "bad", clip), 400)
        assert error["field"] == "files"
        assert words in error["message"], (words, error["message"])
    error = error_of(create(client, "bad", speech_like(1.5), b"not audio" * 99), 400)
    assert "clip1.wav" in error["message"]
    error_of(client.get("/voices/bad"), 404)
    assert kept(folder) == before
    assert set((folder / "voices" / ".states").glob("*")) == states


def test_studio_file(client: httpx.Client, ffmpeg: Path) -> None:
    """A stereo file of 192 kHz floats is made what the model needs."""
    studio = run_ffmpeg(
        ffmpeg, "-i", "pipe:0", "-ac", "2", "-ar", "192000", "-c:a", "pcm_f32le", "-f", "wav",
        "pipe:1", data=wav_bytes(voice_like(2)),
    )  # fmt: skip
    made = create(client, "anna", studio)
    assert made.status_code == 201, made.text
    assert made.json()["reference_seconds"] == pytest.approx(2.08, abs=0.05)


@pytest.mark.parametrize(
    "name",
    ["", "../x", "a/b", "a\\b", ".hidden", "con", "LPT1.wav", "x" * 65, "a b", "a\0b", "C:x", "x."],
)
def test_bad_names(client: httpx.Client, folder: Path, name: str) -> None:
    """A name that is a path, hidden, reserved or too long is refused, also for imports."""
    before = kept(folder)
    for answer in (create(client, name, speech_like(1.5)), import_state(client, name, b"x" * 99)):
        assert error_of(answer, 400)["field"] == "name"
    assert kept(folder) == before
    assert not list(folder.glob("x*"))


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"description": "x" * 2001}, "description"),
        ({"tags": ",".join(map(str, range(33)))}, "tags"),
        ({"tags": "x" * 65}, "tags"),
        ({"language": "klingon"}, "language"),
        ({"replace": "perhaps"}, "replace"),
        ({"audio_base64": "%%%"}, "audio_base64"),
        ({"url": "https://example.com/a.wav"}, "url"),
        ({"pitch": "1"}, "pitch"),
    ],
)
def test_bad_fields(client: httpx.Client, fields: dict[str, str], field: str) -> None:
    """Every field that is out of range is named; a second source is too."""
    error = error_of(create(client, "anna", speech_like(1.5), **fields), 400)
    assert error["field"] == field


def test_no_recording(client: httpx.Client) -> None:
    """Without a recording the answer says what can be sent."""
    error = error_of(create(client, "anna"), 400)
    assert error["message"] == "send one of files, audio_base64 and url; none was sent"
    error = error_of(client.post("/voices", data={"name": "a", "files": "text"}), 400)
    assert error["message"] == "files must be sent as a file"
    answer = client.post("/voices", data={"name": "a", "audio_base64": "%%%"})
    assert error_of(answer, 400)["message"] == "audio_base64 is not base64"
    answer = client.post("/voices", data={"name": "a", "url": "https://example.com/a.wav"})
    assert "ALLOW_VOICE_URLS=true" in error_of(answer, 400)["message"]


def test_key(keeping: Served) -> None:
    """Every route needs the key."""
    with httpx.Client(base_url=keeping.url) as stranger:
        for method, path in (
            ("GET", "/voices"),
            ("POST", "/voices"),
            ("POST", "/voices/import"),
            ("GET", "/voices/dropped"),
            ("PATCH", "/voices/dropped"),
            ("DELETE", "/voices/dropped"),
            ("GET", "/voices/dropped/preview"),
            ("GET", "/voices/dropped/export"),
        ):
            error_of(stranger.request(method, path), 401)


def test_built_in_voices(fake_app: ServeFake) -> None:
    """A built-in voice can be heard and listed, not changed; a custom one may stand before it."""
    client = fake_app().client
    voices = client.get("/voices").json()["voices"]
    assert [(voice["name"], voice["kind"], voice["language"]) for voice in voices] == [
        ("alba", "built-in", "en"),
        ("marius", "built-in", "en"),
    ]
    for answer in (
        client.delete("/voices/alba"),
        client.patch("/voices/alba", json={"description": "x"}),
        client.patch("/voices/Alba", json={"name": "x"}),
    ):
        assert "built in" in error_of(answer, 409)["message"]
    assert client.get("/voices/alba/preview").is_success
    error_of(create(client, "Alba", speech_like(1.5)), 409)
    made = create(client, "Alba", speech_like(1.5), replace="true").json()
    assert (made["name"], made["kind"]) == ("alba", "custom")
    assert client.delete("/voices/alba").is_success
    assert client.get("/voices/alba").json()["kind"] == "built-in"


def test_upload_over_the_limit(fake_app: ServeFake) -> None:
    """A recording over MAX_UPLOAD_MB is a 413, as a file and as base64."""
    client = fake_app(max_upload_mb=0.05).client
    clip = wav_bytes(voice_like(2))
    assert error_of(create(client, "anna", clip), 413)["field"] == "files"
    text = base64.b64encode(clip).decode()
    answer = client.post("/voices", data={"name": "anna", "audio_base64": text})
    assert error_of(answer, 413)["field"] == "audio_base64"
    assert error_of(import_state(client, "anna", clip), 413)["field"] == "file"


def test_broken_details(client: httpx.Client, folder: Path) -> None:
    """Details that somebody broke are left out; the voice stays."""
    for text in ("{", "[]", json.dumps({"tags": "x"}), "[" * 100_000):
        (folder / "voices" / "dropped.json").write_text(text)
        assert client.get("/voices/dropped").json()["description"] is None
    (folder / "voices" / "dropped.json").unlink()


def test_url(tmp_path: Path) -> None:
    """With ALLOW_VOICE_URLS a recording, or a voice state, may be fetched."""
    clip = speech_like(1.5)

    def answer(connection: socket.socket, head: bytes) -> None:
        ok(b"no state" if b".safetensors" in head else clip)(connection, head)

    app = create_app(make_settings(tmp_path, allow_voice_urls=True), FakeEngine)
    services = app.state.services
    local = dataclasses.replace(
        services.fetcher,
        allow_http=True,
        is_allowed=lambda address: address == "127.0.0.1",
        resolve=lambda *_: ["127.0.0.1"],
    )
    app.state.services = dataclasses.replace(services, fetcher=local)
    with site(answer) as web, running(app) as url, ready_client(url) as client:
        address = f"http://voices.example:{web.port}"
        made = client.post("/voices", data={"name": "anna", "url": f"{address}/anna.wav"})
        assert made.status_code == 201, made.text
        assert made.json()["report"]["clips"][0]["filename"] == "anna.wav"
        data = {"name": "bea", "url": f"{address}/bea.safetensors"}
        error = error_of(client.post("/voices", data=data), 400)
        assert "not a safetensors file" in error["message"]
        assert "bea" not in client.get("/voices").text


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:{port}/a.wav", "http://169.254.169.254/a", "https://localhost/a"]
)
def test_url_to_the_inside(fake_app: ServeFake, url: str) -> None:
    """An address inside the operator's network is refused before anything is sent to it."""
    served = fake_app(allow_voice_urls=True, allow_insecure_voice_urls=True)
    with site(ok(b"secret")) as web:
        data = {"name": "anna", "url": url.format(port=web.port)}
        error = error_of(served.client.post("/voices", data=data), 400)
        assert error["field"] == "url"
        assert "not in the public internet" in error["message"]
        assert web.requests == []


@contextlib.contextmanager
def ready_client(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, headers={"X-API-Key": KEY}, timeout=20) as client:
        while client.get("/health").json()["engine"] is None:
            time.sleep(0.01)
        yield client
