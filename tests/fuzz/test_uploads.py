"""Broken and hostile files are refused or taken soon, at a bounded cost, and leave nothing."""

from __future__ import annotations

import itertools
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.audio.hostile_clips import quicktime_that_points_at
from tests.audio.processes import children
from tests.conftest import write_wav
from tests.floods.test_stalls import resident_bytes
from tests.fuzz.hostile_media import RIGHTLY_TAKEN, VOICE, WAV, media
from tests.fuzz.hostile_states import states
from tests.listening import transcode
from tests.serving import Served, make_settings, serve

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="counts memory as Linux does")

ANSWER_SECONDS = 5.0
CHILD_BYTES = 600e6
SERVER_BYTES = 300e6
AT_ONCE = 3
TRIES = 3
"""What is late once may have waited for others on this machine; what is late each time is slow."""
STATE = "as a state: "
PATHS = ("/tts/clone", "/voices", "/voices/import")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("uploads")
    (folder / "voices").mkdir()
    (folder / "scratch").mkdir()
    write_wav(folder / "voices" / "anna.wav", VOICE)
    return folder


@pytest.fixture(scope="module")
def served(folder: Path, tiny_model: Path) -> Iterator[Served]:
    """A server with a real model, whose temporary files have a folder of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(folder / "scratch"))
        with serve(
            make_settings(folder, MODEL_CONFIG=str(tiny_model), max_ref_duration=3)
        ) as served:
            served.wait_until(lambda health: health["model"]["state"] == "ready", 60)
            yield served


@pytest.fixture(scope="module")
def files(
    served: Served, ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, bytes]:
    """Every file by name; those that pass for voice states need one of the server's own."""
    made = media(partial(transcode, ffmpeg, tmp_path_factory.mktemp("good"), WAV))
    target = tmp_path_factory.mktemp("secret") / "secret.mov"
    target.write_bytes(transcode(ffmpeg, target.parent, WAV, "mov"))
    pointing = {"QuickTime that points to a file": quicktime_that_points_at(target)}
    good = served.client.get("/voices/anna/export").content
    return {**made, **pointing, **{f"{STATE}{name}": data for name, data in states(good).items()}}


def is_state(name: str) -> bool:
    return name.startswith(STATE)


def test_uploads(served: Served, folder: Path, files: Mapping[str, bytes]) -> None:
    """Each file on one of the three ways in."""
    assert len(files) >= 60
    turns = itertools.cycle(PATHS)
    ways = [(PATHS[-1] if is_state(name) else next(turns), name) for name in sorted(files)]
    send_all(served, folder, files, ways)


@pytest.mark.soak
def test_every_way_in(served: Served, folder: Path, files: Mapping[str, bytes]) -> None:
    """Each on all of them."""
    send_all(served, folder, files, [(path, name) for name in sorted(files) for path in PATHS])


def send_all(
    served: Served, folder: Path, files: Mapping[str, bytes], ways: list[tuple[str, str]]
) -> None:
    before_children, before_bytes = children(), resident_bytes()
    with largest_child() as largest, ThreadPoolExecutor(AT_ONCE) as pool:
        failures = [*filter(None, pool.map(lambda way: fault(served, files, *way), ways))]
    assert not failures, "\n".join(failures)
    assert largest[0] < CHILD_BYTES
    assert resident_bytes() - before_bytes < SERVER_BYTES
    assert children() <= before_children
    assert [each.name for each in (folder / "scratch").iterdir()] == []
    health = served.client.get("/health").json()
    assert health["model"]["state"] == "ready"
    for voice in served.client.get("/voices").json()["voices"]:
        if voice["name"].startswith("made-"):
            assert served.client.delete(f"/voices/{voice['name']}").is_success
    left = {each.name for each in (folder / "voices").iterdir() if each.is_file()}
    assert left == {"anna.wav"}


def fault(served: Served, files: Mapping[str, bytes], path: str, name: str) -> str | None:
    """Send a file one way, and say what is wrong with the answer; None if nothing is."""
    for _ in range(TRIES):
        began = time.monotonic()
        answer = send(served.client, path, name, files[name])
        seconds = time.monotonic() - began
        if seconds < ANSWER_SECONDS:
            break
    told = f"{name} to {path}: {answer.status_code} after {seconds:.1f} s: {answer.text[:200]!r}"
    if seconds > ANSWER_SECONDS:
        return told
    if answer.is_success:
        return None if name in RIGHTLY_TAKEN and path != "/voices/import" else told
    if answer.status_code not in (400, 413):
        return told
    error = answer.json()["error"]
    is_clear = error["field"] in ("voice_file", "files", "file") and len(error["message"]) > 10
    tells_of_folders = str(served.settings.voices_dir.parent) in answer.text
    return None if is_clear and not tells_of_folders else told


def send(client: httpx.Client, path: str, name: str, data: bytes) -> httpx.Response:
    field = {"/tts/clone": "voice_file", "/voices": "files", "/voices/import": "file"}[path]
    fields = {"name": f"made-{zlib.crc32(name.encode())}", "replace": "true"}
    if path == "/tts/clone":
        fields = {"script": "Hi."}
    filename = "a.safetensors" if is_state(name) or path == "/voices/import" else f"{name}.wav"
    return client.post(path, data=fields, files={field: (filename, data)})


@contextmanager
def largest_child() -> Iterator[list[int]]:
    """Watch how much memory any child of this process takes while the block runs."""
    largest, stop = [0], threading.Event()

    def watch() -> None:
        while not stop.wait(0.01):
            for child in children():
                largest[0] = max(largest[0], peak_bytes(child))

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield largest
    finally:
        stop.set()
        watching.join()


def peak_bytes(process: int) -> int:
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    peak = status.partition("VmHWM:")[2].split()
    return int(peak[0]) * 1024 if peak else 0
