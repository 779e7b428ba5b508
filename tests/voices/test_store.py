"""Voices people make: what happens at once, and what happens when the disk or the model fails."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from app.errors import Conflict, InvalidClip, ModelUnavailable, StorageFailed, VoiceNotFound
from app.speech import Clip, DecodedClip, Pcm
from app.speech_engine import VoiceState
from app.voices.clips import wav_bytes
from app.voices.details import VoiceDetails
from app.voices.folder import VoiceFolder
from app.voices.library import VoiceLibrary
from app.voices.prompts import PromptMaker
from app.voices.store import VoiceStore
from app.work import CancelToken, make_pools
from tests.audio.probe import RATE_HZ, voice_like
from tests.voices.conftest import KeptIn
from tests.voices.fakes import FakeVoiceEngine, make_library, voice_of

CLIP = Clip(b"\x02", "two seconds.wav")


def decode(clip: Clip, max_seconds: float = 15.0) -> Pcm:
    """The first byte is a number of seconds; a WAV file is two of them."""
    data = clip.data
    if not data:
        raise InvalidClip(f"{clip.field} is not audio", field=clip.field)
    seconds = 2.0 if data[:4] == b"RIFF" else data[0] * 10 ** (len(data) - 1)
    samples = round(min(float(seconds), max_seconds) * RATE_HZ)
    return np.resize(voice_like(20.0), samples)


def decoded(clip: Clip, max_seconds: float, _: CancelToken) -> DecodedClip:
    return DecodedClip(decode(clip, max_seconds))


@pytest.fixture
def engine() -> FakeVoiceEngine:
    return FakeVoiceEngine()


@pytest.fixture
def library(tmp_path: Path, engine: FakeVoiceEngine) -> VoiceLibrary:
    return make_library(tmp_path, lambda: engine, decode)


@pytest.fixture
def store(
    tmp_path: Path, engine: FakeVoiceEngine, library: VoiceLibrary, kept_in: KeptIn
) -> VoiceStore:
    return VoiceStore(
        VoiceFolder(kept_in(tmp_path)),
        lambda: library,
        engine=lambda: engine,
        prompts=PromptMaker(decoded, RATE_HZ, max_seconds=15),
        model_language="en",
        stand_ins=dict,
        forget_previews=lambda _: None,
        forget_consent=lambda _: None,
        pools=make_pools(),
    )


def files(folder: Path) -> set[str]:
    """All but what a store notes of itself."""
    found = {path.name for path in folder.rglob("*") if path.is_file()}
    return found - {".in-store.json"}


async def make(store: VoiceStore, name: str, *, clip: Clip = CLIP, replace: bool = False) -> str:
    details = VoiceDetails(description=f"made as {name}")
    voice, _ = await store.create(name, [clip], details, replace=replace)
    return voice.name


async def test_ready_at_once(
    store: VoiceStore, library: VoiceLibrary, engine: FakeVoiceEngine
) -> None:
    """Making a voice encodes it; the first request does not do so again."""
    await make(store, "anna")
    assert await library.state_of("anna") == voice_of(engine.encoded[0])
    assert len(engine.encoded) == 1


async def test_all_at_once(store: VoiceStore, tmp_path: Path) -> None:
    """Of creations, replacements and removals of one name at once, what is left is whole."""
    names = ["anna", "Anna", "ANNA", "anna", "aNNa"]
    results = await asyncio.gather(
        *(make(store, name, replace=number % 2 == 1) for number, name in enumerate(names)),
        store.delete("anna"),
        return_exceptions=True,
    )
    expected = (str, Conflict, VoiceNotFound)
    assert all(isinstance(result, expected) for result in results), results
    (custom,) = [voice for voice in await store.all() if voice.kind == "custom"]
    assert custom.details.description == f"made as {custom.name}"
    left = {name for name in files(tmp_path) if not name.endswith(".safetensors")}
    assert left == {f"{custom.name}.wav", f"{custom.name}.json"}


async def test_two_renames_to_one_name(store: VoiceStore) -> None:
    """Of two voices that are given one name at once, one gets it."""
    await make(store, "anna")
    await make(store, "bea")
    results = await asyncio.gather(
        *(store.update(name, lambda each: each, new_name="carla") for name in ("anna", "bea")),
        return_exceptions=True,
    )
    assert sorted(type(result).__name__ for result in results) == ["Voice", "VoiceExists"]
    assert len(await store.all()) == 3


# Of a store the disk is only a copy: test_shared.py has what happens there.
@pytest.mark.parametrize("kept_in", ["folder"], indirect=True)
async def test_full_disk(
    store: VoiceStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that refuses leaves the old voice as it was, and no trace of the new one."""
    await make(store, "anna")
    before = files(tmp_path)

    def full(_path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("app.files.sync", full)
    clip = Clip(b"\x03", "three.wav")
    for name, replace in (("anna", True), ("bea", False)):
        with pytest.raises(StorageFailed, match="No space left"):
            await make(store, name, clip=clip, replace=replace)
    with pytest.raises(StorageFailed):
        await store.delete("anna")
    assert files(tmp_path) - before <= {name for name in files(tmp_path) if ".safetensors" in name}
    assert (await store.get("anna")).details.description == "made as anna"


async def test_model_that_cannot_clone(
    store: VoiceStore, tmp_path: Path, engine: FakeVoiceEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where encoding fails nothing is kept."""

    def refuse(_pcm: Pcm, _cancel: CancelToken) -> VoiceState:
        raise ModelUnavailable("no cloning weights")

    monkeypatch.setattr(engine, "encode_voice", refuse)
    with pytest.raises(ModelUnavailable):
        await make(store, "anna")
    assert files(tmp_path) == set()


async def test_long_recording(store: VoiceStore, tmp_path: Path) -> None:
    """More than ten minutes are refused; up to that the first good seconds are taken."""
    with pytest.raises(InvalidClip, match="longer than 10 minutes"):
        await make(store, "anna", clip=Clip(b"\x07\x00\x00\x00", "hours.mp3"))
    assert files(tmp_path) == set()
    await make(store, "anna", clip=Clip(b"\x03\x00", "half a minute.mp3"))
    assert (await store.get("anna")).details.reference_seconds == pytest.approx(15, abs=5)


async def test_dropped_file_is_replaced_by_hand(store: VoiceStore, tmp_path: Path) -> None:
    """What is said of a voice stays when its file is replaced by hand; its duration does not."""
    await make(store, "anna")
    (tmp_path / "anna.wav").write_bytes(wav_bytes(np.zeros(RATE_HZ * 5, np.float32), RATE_HZ))
    details = (await store.get("anna")).details
    assert (details.description, details.reference_seconds) == ("made as anna", 5.0)


async def test_export_of_a_built_in_voice(store: VoiceStore) -> None:
    """Built-in voices can be carried away too; what does not exist cannot."""
    assert await store.export("ALBA") == ("alba", b"state alba")
    with pytest.raises(VoiceNotFound):
        await store.export("nobody")


async def test_export_without_room(store: VoiceStore, engine: FakeVoiceEngine) -> None:
    """A disk that refuses is said to be so."""
    engine.full_disk = True
    with pytest.raises(StorageFailed, match="No space left"):
        await store.export("alba")


async def test_what_stays_of_a_replaced_voice(store: VoiceStore) -> None:
    """A better recording keeps what was said of the voice, unless something else is said anew."""
    old = VoiceDetails(description="Warm", tags=("calm",), language="en", title="Tess")
    await store.create("tess", [CLIP], old, replace=False)
    voice, report = await store.create("Tess", [CLIP], VoiceDetails(), replace=True)
    assert (voice.details.description, voice.details.tags) == ("Warm", ("calm",))
    assert (voice.details.language, voice.details.title) == ("en", "Tess")
    assert voice.details.reference_seconds == report.seconds
    described = VoiceDetails(description="Cold", tags=("dry", "low"))
    await store.create("tess", [CLIP], described, replace=True)
    details = (await store.get("tess")).details
    assert (details.description, details.tags, details.language) == ("Cold", ("dry", "low"), "en")


async def test_whose_stand_in_a_voice_is(store: VoiceStore, library: VoiceLibrary) -> None:
    """A voice that another one speaks for says which; a file of that name is itself."""
    store._stand_ins = lambda: {"alba": "luna"}
    by_name = {voice.name: voice for voice in await store.all()}
    assert by_name["alba"].spoken_by == "luna"
    assert "luna speaks in its place" in (by_name["alba"].details.description or "")
    assert {voice.spoken_by for name, voice in by_name.items() if name != "alba"} <= {None}
    await make(store, "alba", replace=True)
    assert (await store.get("alba")).spoken_by is None
