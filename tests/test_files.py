"""Files appear whole or not at all, whatever breaks, and leftovers are swept."""

from __future__ import annotations

import os
import random
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import pytest

from app.audio.storage import AUDIO_NAME, AudioStore
from app.errors import AudioNotFound, StorageFailed
from app.files import (
    LEFTOVER_SECONDS,
    carry_out,
    commit_change,
    is_partial,
    partial_file,
    sweep,
    write_whole,
)
from app.main import create_app
from app.stores.changes import OwnFolder
from app.stores.folder import FilesInFolder
from app.voices.consents import ConsentStore
from app.voices.folder import VoiceFolder
from app.voices.kept_files import KeptFiles
from app.voices.listing import voice_paths
from tests.full_disk import full_disk
from tests.serving import make_settings

ROOT = Path(__file__).parent.parent
OLD, NEW = b"old" * 1_000_000, b"new" * 1_000_000


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def grow_old(path: Path) -> None:
    long_ago = time.time() - LEFTOVER_SECONDS - 60
    os.utime(path, (long_ago, long_ago))


@contextmanager
def process(code: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A process of its own that runs `code`, with `app.files` imported; killed in the end."""
    code = f"import sys, time, pathlib\nfrom app.files import *\nfrom app import files\n{code}"
    command = [sys.executable, "-c", code, *map(str, arguments)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as started:
        try:
            yield started
        finally:
            started.kill()


def wait_for_line(started: subprocess.Popen[str]) -> None:
    assert started.stdout is not None
    assert started.stdout.readline() == "ready\n"


HALF_FILE = """
with partial_file(pathlib.Path(sys.argv[1])) as partial:
    partial.write_bytes(b"half")
    print("ready", flush=True)
    time.sleep(60)
"""
HALF_CHANGE = """
def stop(path):
    print("ready", flush=True)
    time.sleep(60)
files.sync = stop
commit_change(pathlib.Path(sys.argv[1]).parent, {"a": b"half", "b": b"half"}, [])
"""


@pytest.mark.parametrize("code", [HALF_FILE, HALF_CHANGE])
def test_killed_while_writing(tmp_path: Path, code: str) -> None:
    """What a killed process left is swept once it is old; never while the process lives."""
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with process(code, path) as writer:
        wait_for_line(writer)
        (leftover,) = (each for each in tmp_path.iterdir() if is_partial(each))
        grow_old(leftover)
        sweep(tmp_path)
        assert leftover.exists(), "it is being written"
    os.utime(leftover)
    sweep(tmp_path)
    assert leftover.exists(), "it is young"
    grow_old(leftover)
    sweep(tmp_path)
    assert names(tmp_path) == {"a"}
    assert path.read_bytes() == b"old"


REWRITE = """
path, old, new = pathlib.Path(sys.argv[1]), b"old" * 1_000_000, b"new" * 1_000_000
print("ready", flush=True)
while True:
    write_whole(path, new)
    write_whole(path, old)
"""
RENAME = """
folder = pathlib.Path(sys.argv[1]).parent
print("ready", flush=True)
while True:
    for here, there in ((".wav", ".mp3"), (".mp3", ".wav")):
        write = {"a" + there: there.encode() * 1_000_000, "a.json": there.encode()}
        carry_out(commit_change(folder, write, ["a" + here]))
"""


def test_killed_at_any_moment(tmp_path: Path) -> None:
    """Whenever a process is killed, its file is the old one or the new one, and whole."""
    path = tmp_path / "a"
    write_whole(path, OLD)
    for _ in range(8):
        with process(REWRITE, path) as writer:
            wait_for_line(writer)
            time.sleep(random.uniform(0, 0.1))
        assert path.read_bytes() in (OLD, NEW)
        assert len(names(tmp_path)) <= 2
        for leftover in set(tmp_path.iterdir()) - {path}:
            grow_old(leftover)
        sweep(tmp_path)
        assert names(tmp_path) == {"a"}


def test_killed_while_changing_several(tmp_path: Path) -> None:
    """Whenever a process is killed, all files of a change are the old ones or the new ones."""
    carry_out(commit_change(tmp_path, {"a.wav": b".wav" * 1_000_000, "a.json": b".wav"}, []))
    for _ in range(8):
        with process(RENAME, tmp_path / "a") as writer:
            wait_for_line(writer)
            time.sleep(random.uniform(0, 0.1))
        for leftover in filter(is_partial, tmp_path.iterdir()):
            grow_old(leftover)
        VoiceFolder(OwnFolder(tmp_path)).recover()
        (sound,) = voice_paths(tmp_path)
        assert names(tmp_path) == {sound.name, "a.json"}
        assert (tmp_path / "a.json").read_bytes() == sound.suffix.encode()
        assert sound.read_bytes() == sound.suffix.encode() * 1_000_000


def test_threads_at_once(tmp_path: Path) -> None:
    """Of several writers of one file each writes it whole, and readers see nothing else."""
    path = tmp_path / "a"
    versions = [bytes([number]) * 1_000_000 for number in range(4)]
    write_whole(path, versions[0])
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            assert path.read_bytes() in versions

    with ThreadPoolExecutor(5) as pool:
        reader = pool.submit(read)
        for writer in [pool.submit(write_whole, path, each) for each in versions * 4]:
            writer.result()
        done.set()
        reader.result()
    assert names(tmp_path) == {"a"}


def test_processes_at_once(tmp_path: Path) -> None:
    """Two servers and a sweep may share a folder."""
    path = tmp_path / "a"
    write_whole(path, OLD)
    with process(REWRITE, path) as one, process(REWRITE, path) as other:
        wait_for_line(one)
        wait_for_line(other)
        for _ in range(20):
            sweep(tmp_path)
            time.sleep(0.01)
            assert path.read_bytes() in (OLD, NEW)
        assert one.poll() is None
        assert other.poll() is None


def test_full_disk(tmp_path: Path) -> None:
    """A disk that is full leaves the old files, and no trace of the new ones."""
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with full_disk(), pytest.raises(OSError, match="too large"):
        write_whole(path, NEW)
    with full_disk(), pytest.raises(OSError, match="too large"):
        commit_change(tmp_path, {"a": b"small", "b": NEW}, [])
    assert names(tmp_path) == {"a"}
    assert path.read_bytes() == b"old"


def test_full_disk_of_a_server(tmp_path: Path) -> None:
    """Whatever the server keeps, a full disk leaves no trace of it, and is said to be full."""
    saved, consents = (
        AudioStore(FilesInFolder(tmp_path / "saved", names=AUDIO_NAME)),
        ConsentStore(OwnFolder(tmp_path / "consents")),
    )
    kept, voices = KeptFiles(tmp_path / "kept", 10**9), VoiceFolder(OwnFolder(tmp_path / "voices"))

    def write_new(path: Path) -> None:
        path.write_bytes(NEW)

    with full_disk():
        with pytest.raises(StorageFailed, match="could not be saved"):
            saved.save(BytesIO(NEW), ".wav")
        with pytest.raises(StorageFailed, match="consent cannot be saved: File too large"):
            consents.add(NEW, name="me", language="en")
        with pytest.raises(StorageFailed, match="voice cannot be saved: File too large"):
            voices.changing(lambda change: change({"a.wav": NEW}, ()))
        kept.keep("a", write_new)
    assert [names(folder) for folder in tmp_path.iterdir()] == [set()] * 4


def test_error_while_writing(tmp_path: Path) -> None:
    """An error of the writer, or an interruption, leaves the old file and nothing else."""
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def interrupted() -> None:
        with partial_file(path) as partial:
            partial.write_bytes(b"new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert names(tmp_path) == {"a"}
    assert path.read_bytes() == b"old"


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such permissions")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_permissions(tmp_path: Path, umask: int, mode: int) -> None:
    """Who may read a file is what the umask says."""
    before = os.umask(umask)
    try:
        write_whole(tmp_path / "a", b"")
        carry_out(commit_change(tmp_path, {"b": b""}, []))
    finally:
        os.umask(before)
    for name in ("a", "b"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == mode


@pytest.mark.parametrize("name", ["a.wav", ".hidden", "語" * 85, "x" * 255])
def test_partial_names(tmp_path: Path, name: str) -> None:
    """A partial file of any name has one that neither voices nor saved audio can have."""
    with partial_file(tmp_path / name) as partial:
        assert is_partial(partial)
        assert partial.name.startswith(".")
        assert voice_paths(tmp_path) == []
        assert VoiceFolder(OwnFolder(tmp_path)).by_name() == {}
        with pytest.raises(AudioNotFound):
            AudioStore(FilesInFolder(tmp_path, names=AUDIO_NAME)).path_of(partial.name)
    assert names(tmp_path) == {name}


@pytest.mark.parametrize(
    "name",
    ["a", "a.partial", ".a.partial", ".a.0123456g.partial", ".01234567.partial", ".change-1"],
)
def test_other_files_are_not_swept(tmp_path: Path, name: str) -> None:
    """A sweep takes no file that was not written here, however old."""
    (tmp_path / name).touch()
    grow_old(tmp_path / name)
    sweep(tmp_path)
    assert names(tmp_path) == {name}


def test_links_are_not_swept(tmp_path: Path) -> None:
    """A sweep stays in its folder."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".a.01234567.partial").symlink_to("elsewhere")
    for path in tmp_path.iterdir():
        long_ago = time.time() - LEFTOVER_SECONDS - 60
        os.utime(path, (long_ago, long_ago), follow_symlinks=False)
    sweep(tmp_path)
    assert names(tmp_path) == {"elsewhere", ".a.01234567.partial"}


@pytest.mark.skipif(os.name != "posix", reason="Windows needs no locks")
def test_no_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where files cannot be locked, writing goes on, and what may be in use stays and is told."""

    def refuse(_descriptor: int, _kind: int) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    write_whole(tmp_path / "a", b"new")
    carry_out(commit_change(tmp_path, {"b": b"new"}, ["a"]))
    (tmp_path / ".b.01234567.partial").touch()
    grow_old(tmp_path / ".b.01234567.partial")
    sweep(tmp_path)
    assert names(tmp_path) == {"b", ".b.01234567.partial"}
    assert "cannot be locked: No locks available" in caplog.text


def test_every_folder_is_swept_at_the_start(tmp_path: Path) -> None:
    """The server sweeps each folder that it writes into."""
    settings = make_settings(tmp_path)
    voices = settings.voices_dir
    folders = [settings.voice_output_dir, voices]
    folders += [voices / ".states", voices / ".previews", voices / ".consents"]
    for folder in folders:
        folder.mkdir()
        (folder / ".a.01234567.partial").touch()
        grow_old(folder / ".a.01234567.partial")
    create_app(settings)
    for folder in folders:
        assert not (folder / ".a.01234567.partial").exists(), folder
