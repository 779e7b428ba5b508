"""A voice whose kept state is damaged is made of its recording again."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import safetensors.torch

from tests.audio.probe import voice_like
from tests.conftest import write_wav
from tests.faults.sound import USUAL, assert_same_sound
from tests.serving import LogRecords, Served, make_settings, serve

HELLO = {"script": "Hello there.", "format": "wav", "temperature": 0, "stream": False}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[Served]:
    """A server that has room for one voice in memory."""
    folder = tmp_path_factory.mktemp("states")
    (folder / "voices").mkdir()
    write_wav(folder / "voices" / "alba.wav", voice_like(1.2))
    write_wav(folder / "voices" / "bruno.wav", voice_like(1.4))
    settings = make_settings(folder, MODEL_CONFIG=str(tiny_model), voice_cache_mb=1e-6)
    with serve(settings) as served:
        served.wait_until(lambda health: health["model"]["state"] == "ready", seconds=60)
        speak(served, "alba")  # which is made ready in the background otherwise
        yield served


def speak(served: Served, voice: str) -> bytes:
    answer = served.client.post("/tts", json={**HELLO, "voice": voice})
    assert answer.status_code == 200, answer.text
    return answer.content


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 0xFF
    path.write_bytes(data)


def fill(path: Path, value: float) -> None:
    tensors = safetensors.torch.load(path.read_bytes())
    for name, tensor in tensors.items():
        if name.endswith("/cache"):
            tensor.fill_(value)
    path.write_bytes(safetensors.torch.save(tensors))


DAMAGE: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "noise": lambda path: path.write_bytes(bytes(range(256)) * 100),
    "length": lambda path: flip(path, 6),
    "header": lambda path: flip(path, 12),
    "not numbers": lambda path: fill(path, float("nan")),
    "too large": lambda path: fill(path, 1e38),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage(served: Served, log_records: LogRecords, name: str) -> None:
    """It sounds as before, the log has one line, and the state is kept again, and whole."""
    states = served.settings.voices_dir / ".states"
    shutil.rmtree(states, ignore_errors=True)
    speak(served, "bruno")
    before = set(states.iterdir())
    whole = speak(served, "alba")
    (kept,) = set(states.iterdir()) - before
    good = kept.read_bytes()
    speak(served, "bruno")
    DAMAGE[name](kept)
    log_records.kept.clear()
    assert_same_sound(speak(served, "alba"), whole)
    told = [each for each in log_records.kept if each.levelname in ("WARNING", "ERROR")]
    (line,) = (each for each in told if USUAL not in each.getMessage())
    assert "kept voice state is damaged" in line.getMessage()
    assert not line.exc_info
    assert kept.read_bytes() == good
