"""A disk that is full, or read-only, costs only what needs it, and only as long as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import pytest

from tests.audio.probe import voice_like
from tests.conftest import wav_bytes
from tests.faults.processes import ServerProcess, needs_small_disks, server_process

SPEECH = {"script": "Hello there.", "format": "wav"}
NEEDED_BY = {
    "voices": {"a voice"},
    "saved": {"saved audio"},
    "temporary": {"a voice", "saved audio", "complete audio"},
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[ServerProcess]:
    """A server whose voices, saved audio and temporary files lie on three small disks."""
    needs_small_disks()
    folder = tmp_path_factory.mktemp("disk")
    small = [folder / name for name in NEEDED_BY]
    small[1].mkdir()
    with server_process(folder, tiny_model, small=small) as server:
        assert set(statuses(server, wav_bytes(voice_like(2.0))).values()) == {200, 201}
        yield server


Fault = Callable[[Path], AbstractContextManager[None]]


@contextmanager
def full(folder: Path) -> Iterator[None]:
    filler = folder / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while file.write(bytes(1000)) == 1000:
            pass
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    folder.chmod(0o555)
    try:
        yield
    finally:
        folder.chmod(0o755)


def statuses(server: ServerProcess, recording: bytes) -> dict[str, int]:
    """What comes of everything that needs a disk, and of what needs none."""
    client = server.client
    voice = {"data": {"name": "tess", "replace": "true"}, "files": {"files": ("a", recording)}}
    answers = {
        "a voice": client.post("/voices", **voice),  # type: ignore[arg-type]
        "saved audio": client.post("/tts", json={**SPEECH, "type": "url"}),
        "complete audio": client.post("/tts", json={**SPEECH, "format": "mp3"}),
        "live audio": client.post("/tts", json={**SPEECH, "stream": True}),
        "health": client.get("/health"),
    }
    return {name: answer.status_code for name, answer in answers.items()}


@pytest.mark.parametrize("fault", [full, read_only])
@pytest.mark.parametrize("name", NEEDED_BY)
def test_a_disk_that_refuses(
    server: ServerProcess, recording: bytes, fault: Fault, name: str
) -> None:
    """What needs it is a 507 with a line in the log; all else works, and all does afterwards."""
    before = len(server.complaints)
    with fault(server.inside(server.folder / name)):
        found = statuses(server, recording)
        voice = server.client.get("/voices/tess")
    assert {each for each, status in found.items() if status == 507} == NEEDED_BY[name]
    assert set(found.values()) <= {200, 201, 507}
    assert voice.status_code == 200
    told = server.complaints[before:]
    assert len(told) >= len(NEEDED_BY[name]), told
    assert len(told) <= len(NEEDED_BY[name]) + 1, told  # a state that is not kept is told as well
    assert not any(line.startswith("Traceback") for line in told)
    assert set(statuses(server, recording).values()) <= {200, 201}
