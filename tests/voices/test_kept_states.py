"""Voice states on disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.speech import Clip, Pcm
from app.voices.library import VoiceLibrary
from tests.voices.fakes import FakeVoiceEngine, make_library


def decode(clip: Clip) -> Pcm:
    return np.frombuffer(clip.data, np.uint8).astype(np.float32)


def start(
    folder: Path, engine: FakeVoiceEngine, *, recipe: str = "15 s", max_bytes: int = 10**6
) -> VoiceLibrary:
    """The library as a new start of the server finds it: with an empty memory."""
    return make_library(folder, lambda: engine, decode, kept_bytes=max_bytes, recipe=recipe)


@pytest.fixture
def engine() -> FakeVoiceEngine:
    return FakeVoiceEngine()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "anna.wav").write_bytes(b"sound")
    return tmp_path


async def test_loaded_instead_of_encoded(folder: Path, engine: FakeVoiceEngine) -> None:
    """The next start loads what the last one encoded, also under another name."""
    first = await start(folder, engine).state_of("anna")
    (folder / "anna.wav").rename(folder / "bea.wav")
    again = await start(folder, engine).state_of("bea")
    assert again == first
    assert len(engine.encoded) == 1


@pytest.mark.parametrize("what", ["clip", "model", "precision", "recipe"])
async def test_invalidated(folder: Path, engine: FakeVoiceEngine, what: str) -> None:
    """Another recording, model, precision or recipe needs another state."""
    await start(folder, engine).state_of("anna")
    other = replace(
        engine,
        model_fingerprint="model-two" if what == "model" else engine.model_fingerprint,
        voice_precision="bfloat16" if what == "precision" else engine.voice_precision,
    )
    if what == "clip":
        (folder / "anna.wav").write_bytes(b"other")
    recipe = "5 s" if what == "recipe" else "15 s"
    await start(folder, other, recipe=recipe).state_of("anna")
    assert len(engine.encoded) == 2


async def test_replaced_while_running(folder: Path, engine: FakeVoiceEngine) -> None:
    """A recording that is replaced while the server runs is encoded anew."""
    library = start(folder, engine)
    await library.state_of("anna")
    (folder / "new").write_bytes(b"other")
    (folder / "new").replace(folder / "anna.wav")
    await library.state_of("anna")
    assert len(engine.encoded) == 2


@pytest.mark.parametrize("damage", [b"", b"torn", b"\0" * 1000])
async def test_damaged(folder: Path, engine: FakeVoiceEngine, damage: bytes) -> None:
    """A state that does not load is made again, and then loads."""
    await start(folder, engine).state_of("anna")
    (kept,) = (folder / ".states").iterdir()
    kept.write_bytes(damage)
    for _ in range(2):
        await start(folder, engine).state_of("anna")
    assert len(engine.encoded) == 2


async def test_full_disk(folder: Path, engine: FakeVoiceEngine) -> None:
    """Without room on the disk voices speak all the same."""
    engine.full_disk = True
    await start(folder, engine).state_of("anna")
    assert list((folder / ".states").iterdir()) == []


async def test_bounded(folder: Path, engine: FakeVoiceEngine) -> None:
    """The states on disk stay under their limit; zero keeps none."""
    for number in range(10):
        (folder / f"v{number}.wav").write_bytes(bytes([number]) * 9)
        await start(folder, engine, max_bytes=300).state_of(f"v{number}")
    sizes = [path.stat().st_size for path in (folder / ".states").iterdir()]
    assert 0 < sum(sizes) <= 300
    await start(folder, engine, max_bytes=0).state_of("anna")


async def test_uploads_are_not_kept(folder: Path, engine: FakeVoiceEngine) -> None:
    """A clip that speaks once leaves nothing on the disk; only voices people keep do."""
    await start(folder, engine).state_of(Clip(b"mine", "me.wav"))
    assert not (folder / ".states").exists()
