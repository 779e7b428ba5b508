"""The folder of voices: every change happens whole or not at all, whatever breaks."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from app.errors import StorageFailed
from app.files import commit_change
from app.stores.changes import OwnFolder
from app.voices.folder import VoiceFolder

BEFORE = {"anna.mp3": b"old sound", "anna.json": b"old words", "other.wav": b"other"}
AFTER = {"anna.wav": b"new sound", "anna.json": b"new words", "other.wav": b"other"}


class Crash(BaseException):
    """The power fails: nothing after it runs."""


def contents(folder: Path) -> dict[str, bytes]:
    """All files and folders there are, hidden ones included."""
    return {path.name: path.read_bytes() if path.is_file() else b"" for path in folder.iterdir()}


def fill(folder: Path) -> VoiceFolder:
    folder.mkdir()
    for name, data in BEFORE.items():
        (folder / name).write_bytes(data)
    return VoiceFolder(OwnFolder(folder))


def change(voices: VoiceFolder, write: dict[str, bytes], *, remove: Collection[str] = ()) -> None:
    voices.changing(lambda change: change(write, remove))


def replace_anna(voices: VoiceFolder) -> None:
    change(
        voices,
        {"anna.wav": b"new sound", "anna.json": b"new words"},
        remove=["anna.mp3", "anna.json"],
    )


def test_change(tmp_path: Path) -> None:
    """Files come and go together, and nothing else is left."""
    voices = fill(tmp_path / "voices")
    replace_anna(voices)
    assert contents(tmp_path / "voices") == AFTER
    assert voices.files_of("anna") == ["anna.wav", "anna.json"]


def test_any_name(tmp_path: Path) -> None:
    """A voice may have any name that is allowed, also those that the change itself could use."""
    voices = VoiceFolder(OwnFolder(tmp_path / "voices"))
    files = {"plan.wav": b"sound", "plan.json": b"words", "change-1.wav": b"sound"}
    change(voices, files)
    assert contents(tmp_path / "voices") == files


def crash_at(step: int, patch: pytest.MonkeyPatch) -> list[str]:
    """Let the power fail before the disk is touched for the `step`th time."""
    done: list[str] = []

    def counted(name: str, action: Callable[..., Any]) -> Callable[..., Any]:
        def act(*args: Any, **options: Any) -> Any:
            if len(done) >= step:
                raise Crash
            done.append(name)
            return action(*args, **options)

        return act

    for name in ("write_bytes", "rename", "replace", "unlink", "mkdir"):
        patch.setattr(Path, name, counted(name, getattr(Path, name)))
    patch.setattr(shutil, "rmtree", counted("rmtree", shutil.rmtree))
    patch.setattr(os, "fsync", counted("fsync", os.fsync))
    return done


@pytest.mark.parametrize("step", range(24))
def test_crash_at_any_step(tmp_path: Path, step: int) -> None:
    """After a crash at any moment the next start finds the old voice or the new one, whole."""
    voices = fill(tmp_path / "voices")
    with pytest.MonkeyPatch.context() as patch:
        done = crash_at(step, patch)
        try:
            replace_anna(voices)
        except Crash:
            pass
        else:
            assert done.count("rename") == 1
    for path in (tmp_path / "voices").glob(".change-*.partial"):
        hours_ago = time.time() - 7200
        os.utime(path, (hours_ago, hours_ago))
    VoiceFolder(OwnFolder(tmp_path / "voices")).recover()
    assert contents(tmp_path / "voices") in (BEFORE, AFTER)
    if "rename" in done:
        assert contents(tmp_path / "voices") == AFTER


def test_crash_while_recovering(tmp_path: Path) -> None:
    """A start that is interrupted too leaves the rest to the next one."""
    for step in range(8):
        folder = tmp_path / str(step)
        voices = fill(folder)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("app.stores.changes.carry_out", lambda _: crash())
            with pytest.raises(Crash):
                replace_anna(voices)
        with pytest.MonkeyPatch.context() as patch:
            crash_at(step, patch)
            with contextlib.suppress(Crash):
                voices.recover()
        voices.recover()
        assert contents(folder) == AFTER


def crash() -> None:
    raise Crash


def test_crash_while_tidying(tmp_path: Path) -> None:
    """What is left of a change that was carried out is swept."""
    voices = fill(tmp_path / "voices")
    (tmp_path / "voices" / ".change-1").mkdir()
    voices.recover()
    assert contents(tmp_path / "voices") == BEFORE


def test_two_servers_finish(tmp_path: Path) -> None:
    """A server that starts while another carries out a change helps or waits; nothing is lost."""
    voices = fill(tmp_path / "voices")
    committed = commit_change(voices.directory, {"anna.wav": b"new sound"}, ["anna.mp3"])
    with ThreadPoolExecutor(8) as starts:
        list(starts.map(lambda _: VoiceFolder(OwnFolder(voices.directory)).recover(), range(8)))
    assert not committed.exists()
    assert contents(voices.directory) == {
        "anna.wav": b"new sound",
        "anna.json": b"old words",
        "other.wav": b"other",
    }


def test_what_version_0_1_left(tmp_path: Path) -> None:
    """A change that an older server committed is finished; what one still writes is left alone."""
    voices = fill(tmp_path / "voices")
    committed = voices.directory / ".change-0123456789abcdef"
    committed.mkdir()
    (committed / "anna.wav").write_bytes(b"newer sound")
    (committed / "plan.json").write_text('{"add": ["anna.wav"], "remove": ["anna.json"]}')
    writing = voices.directory / ".change-fedcba9876543210.partial"
    writing.mkdir()
    voices.recover()
    assert (voices.directory / "anna.wav").read_bytes() == b"newer sound"
    assert not (voices.directory / "anna.json").exists()
    assert not committed.exists()
    assert writing.exists()


def test_forged_plan(tmp_path: Path) -> None:
    """A plan cannot reach out of the folder."""
    voices = fill(tmp_path / "voices")
    (tmp_path / "precious").write_text("here")
    forged = tmp_path / "voices" / ".change-1"
    forged.mkdir()
    (forged / ".plan.json").write_text('{"add": [], "remove": ["../precious"]}')
    with pytest.raises(ValueError, match="outside its folder"):
        voices.recover()
    assert (tmp_path / "precious").exists()


def test_disk_that_refuses(tmp_path: Path) -> None:
    """A folder that cannot be written is said to be so."""
    (tmp_path / "voices").write_text("a file in the place of the folder")
    with pytest.raises(StorageFailed, match="cannot be saved"):
        replace_anna(VoiceFolder(OwnFolder(tmp_path / "voices")))


def test_made_on_demand(tmp_path: Path) -> None:
    """The folder is made when the first voice is."""
    voices = VoiceFolder(OwnFolder(tmp_path / "not" / "yet"))
    voices.recover()
    assert voices.by_name() == {}
    replace_anna(voices)
    assert voices.by_name() == {"anna": tmp_path / "not" / "yet" / "anna.wav"}


def test_what_lies_there_in_vain(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """At the start the log names what is no voice, and why."""
    for name in ("tess.m4a", "tess.json", "max.webm", "eve.OPUS", "song.mid", "README.md", ".x"):
        (tmp_path / name).write_bytes(b"sound")
    (tmp_path / "more").mkdir()
    folder = VoiceFolder(OwnFolder(tmp_path))
    folder.recover()
    assert set(folder.by_name()) == {"tess", "max", "eve"}
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 1
    assert f"no voices in {tmp_path}: more, song.mid; voices are files that end in " in said[0]
    assert ".m4a" in said[0]


def test_two_recordings_of_one_name(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The log says which of two is heard; a recording beside its own state is as it should be."""
    for name in ("tess.wav", "tess.m4a", "max.wav", "max.safetensors"):
        (tmp_path / name).write_bytes(b"sound")
    VoiceFolder(OwnFolder(tmp_path)).recover()
    (said,) = [record.getMessage() for record in caplog.records]
    assert said == f"tess.m4a in {tmp_path} is not heard: tess.wav is the voice tess"
