"""Which voices exist, and how each becomes a voice state."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import numpy as np
import pytest

from app.errors import InvalidClip, ModelUnavailable, Parameter, VoiceNotFound, named
from app.speech import Clip, Pcm
from app.voices.library import VoiceLibrary
from tests.fakes import FakeEngine, FakeVoice
from tests.voices.fakes import make_library


def decode(clip: Clip) -> Pcm:
    """One sample for each byte; what begins with `bad` is no audio."""
    if clip.data.startswith(b"bad"):
        raise InvalidClip(f"{clip.field} is not audio", field=clip.field)
    return np.zeros(len(clip.data), np.float32)


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine(predefined_voices=("alba", "marius", "javert"))


@pytest.fixture
def library(tmp_path: Path, engine: FakeEngine) -> VoiceLibrary:
    return make_library(tmp_path, lambda: engine, decode, kept_bytes=0)


async def test_names(tmp_path: Path, library: VoiceLibrary) -> None:
    """Predefined voices come first in their own order, then the files' by name."""
    for name in ("zoe.wav", "bruno.MP3", "marius.ogg", "anna.flac", "carla.safetensors"):
        (tmp_path / name).write_bytes(b"sound")
    assert library.names() == ("alba", "marius", "javert", "anna", "bruno", "carla", "zoe")


def test_what_is_no_voice(tmp_path: Path, library: VoiceLibrary) -> None:
    """Other files, hidden files and folders are no voices."""
    (tmp_path / "notes.txt").write_text("no voice")
    (tmp_path / ".hidden.wav").write_bytes(b"sound")
    (tmp_path / "folder.wav").mkdir()
    assert library.names() == ("alba", "marius", "javert")


def test_no_folder(engine: FakeEngine, tmp_path: Path) -> None:
    """Without the folder there are the predefined voices."""
    library = make_library(tmp_path / "none", lambda: engine, decode)
    assert library.names() == ("alba", "marius", "javert")


async def test_a_file_takes_the_place_of_a_predefined_voice(
    tmp_path: Path, library: VoiceLibrary, engine: FakeEngine
) -> None:
    """A file of a predefined voice's name is that voice, until it is taken away."""
    (tmp_path / "alba.wav").write_bytes(b"sound")
    assert await library.state_of("alba") == FakeVoice("clip 1")
    (tmp_path / "alba.wav").unlink()
    assert await library.state_of("alba") == FakeVoice("alba")


async def test_preferred_file(tmp_path: Path, library: VoiceLibrary, engine: FakeEngine) -> None:
    """Of several files of one name a ready voice state comes first, then the better recording."""
    (tmp_path / "bruno.mp3").write_bytes(b"sound")
    (tmp_path / "bruno.wav").write_bytes(b"longer sound")
    await library.state_of("bruno")
    assert len(engine.encoded[0]) == len(b"longer sound")
    (tmp_path / "bruno.safetensors").write_bytes(b"state")
    assert await library.state_of("bruno") == FakeVoice("bruno.safetensors")


@pytest.mark.parametrize("asked", ["alba", "ALBA", "Alba", " alba ", "bruno", "BRUNO"])
async def test_any_case(tmp_path: Path, library: VoiceLibrary, asked: str) -> None:
    """A name is understood in any case."""
    (tmp_path / "Bruno.wav").write_bytes(b"sound")
    assert library.resolve(asked).casefold() == asked.strip().casefold()


@pytest.mark.parametrize(
    "asked",
    ["", "nobody", "../alba", "alba.txt", "/etc/passwd", "hf://a/b/c.wav", "http://x/a.wav"],
)
async def test_unknown_name(library: VoiceLibrary, asked: str) -> None:
    """Any other name, paths and addresses among them, is no voice; those that exist are listed."""
    with pytest.raises(VoiceNotFound, match="alba, marius, javert") as caught:
        await library.state_of(asked)
    assert caught.value.available == ("alba", "marius", "javert")


def test_no_voices_yet(tmp_path: Path) -> None:
    """Where there is none at all, the answer says so."""
    engine = FakeEngine(predefined_voices=())
    library = make_library(tmp_path, lambda: engine, decode)
    with pytest.raises(VoiceNotFound, match="none yet"):
        library.resolve("alba")


async def test_cached(library: VoiceLibrary, engine: FakeEngine, tmp_path: Path) -> None:
    """Each voice is made once, wherever it comes from."""
    (tmp_path / "bruno.wav").write_bytes(b"sound")
    for _ in range(3):
        await library.state_of("alba")
        await library.state_of("bruno")
        await library.state_of(Clip(b"my voice", "me.wav"))
    assert engine.loaded == ["alba"]
    assert len(engine.encoded) == 2


async def test_replaced_file(library: VoiceLibrary, engine: FakeEngine, tmp_path: Path) -> None:
    """A file that was replaced is read anew, also one of the same size."""
    path = tmp_path / "bruno.wav"
    path.write_bytes(b"sound")
    await library.state_of("bruno")
    path.write_bytes(b"other")
    os.utime(path, ns=(1, 1))
    await library.state_of("bruno")
    assert len(engine.encoded) == 2


@pytest.mark.parametrize("name", ["bruno.wav", "bruno.safetensors"])
async def test_broken_file(
    library: VoiceLibrary, engine: FakeEngine, tmp_path: Path, name: str
) -> None:
    """A broken file is the operator's, not the caller's: unavailable, and the file is named."""
    engine.broken_voice = True
    (tmp_path / name).write_bytes(b"bad")
    with pytest.raises(ModelUnavailable, match=f"'bruno'.*{name}.*VOICES_DIR"):
        await library.state_of("bruno")


async def test_bad_clip(library: VoiceLibrary) -> None:
    """A bad upload is the caller's: the error names the place of the clip in the request."""
    for field in (Parameter.CLIP, Parameter.VOICE, "references"):
        clip = Clip(b"bad", "me.wav", field=field)
        with pytest.raises(InvalidClip, match=f"{named(field)} is not audio") as caught:
            await library.state_of(clip)
        assert caught.value.field is field


def test_while_loading(tmp_path: Path) -> None:
    """Before the model is loaded nobody knows which voices there are."""

    def loading() -> FakeEngine:
        raise ModelUnavailable("the model is being loaded")

    library = make_library(tmp_path, loading, decode)
    with pytest.raises(ModelUnavailable, match="being loaded"):
        library.names()


async def test_a_slow_recording_holds_up_no_other_voice(tmp_path: Path, engine: FakeEngine) -> None:
    """While one is decoded, voices that come otherwise, and other recordings, are made ready."""
    begun, let_go = threading.Event(), threading.Event()

    def slowly(clip: Clip) -> Pcm:
        if clip.data == b"slow":
            begun.set()
            assert let_go.wait(10)
        return decode(clip)

    library = make_library(tmp_path, lambda: engine, slowly, kept_bytes=0)
    (tmp_path / "bruno.wav").write_bytes(b"sound")
    slow = asyncio.create_task(library.state_of(Clip(b"slow", "me.wav")))
    await asyncio.to_thread(begun.wait, 10)
    for voice in ("alba", "bruno", Clip(b"quick", "you.wav")):
        await asyncio.wait_for(library.state_of(voice), 5)
    assert not slow.done()
    let_go.set()
    await slow
