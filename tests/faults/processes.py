"""Servers in processes of their own, which can be killed and may have little room on the disk."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from app.process_end import end_process
from app.serve import main
from tests.audio.probe import voice_like
from tests.conftest import write_wav
from tests.faults.sound import USUAL
from tests.serving import KEY

if sys.platform != "linux":
    pytest.skip("looks at processes as Linux shows them", allow_module_level=True)

PATIENCE_SECONDS = 120.0
_ROOM = b"size=2m"
_NEW_MOUNTS, _NEW_USERS = 0x00020000, 0x10000000
_CAPABILITIES_VERSION = 0x20080522

# A server is forked from a process that has imported all it needs, so that it starts in no time.
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["app.engine.loader", "tests.faults.processes"])


class Leftovers(NamedTuple):
    """What a server has, and gives back when its work is done."""

    rows: int
    threads: int
    tasks: int
    descriptors: int
    children: int
    temporary_files: int


class ServerProcess:
    """A server that speaks with the tiny model, in a process of its own and a folder of its own.

    Args:
        small: these folders have room for two megabytes, on disks of their own.
    """

    def __init__(self, folder: Path, small: Collection[Path] = (), **settings: Any) -> None:
        self.folder = folder
        self.temporary = folder / "temporary"
        self.temporary.mkdir(exist_ok=True)
        self.log_path = folder / "log.txt"
        self.log_path.touch()
        self._log_begins = self.log_path.stat().st_size
        self._process = _processes.Process(
            target=_serve, args=(folder, self.log_path, small, settings), daemon=True
        )
        self._process.start()
        self.client = httpx.Client(
            base_url=self._wait_for_address(),
            headers={"X-API-Key": KEY},
            timeout=PATIENCE_SECONDS,
            trust_env=False,
        )
        self.wait_until_ready()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def log(self) -> str:
        """What this server has written."""
        return self.log_path.read_text("utf-8")[self._log_begins :]

    @property
    def complaints(self) -> list[str]:
        """The lines of the log that are warnings or errors, and traces, if there are any."""
        told = re.findall(r"^(?:.* (?:WARNING|ERROR) |Traceback).*", self.log, re.MULTILINE)
        return [line for line in told if USUAL not in line]

    def inside(self, path: Path) -> Path:
        """A path as the server sees it."""
        return Path(f"/proc/{self.pid}/root{path}")

    def children(self) -> set[int]:
        found: set[int] = set()
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                found.update(map(int, (task / "children").read_text().split()))
        return found

    def leftovers(self) -> Leftovers:
        """Count what a server may leave behind of its work."""
        said = self.folder / "tasks"
        said.unlink(missing_ok=True)
        os.kill(self.pid, signal.SIGUSR1)
        engine = self.client.get("/health").json()["engine"]  # which wakes it up
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not said.exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process = Path(f"/proc/{self.pid}")
        return Leftovers(
            rows=engine["running_rows"] + engine["queued_jobs"],
            threads=len(list((process / "task").iterdir())),
            tasks=int(said.read_text()),
            descriptors=len(list((process / "fd").iterdir())),
            children=len(self.children()),
            temporary_files=len(list(self.temporary.iterdir())),
        )

    def memory_mb(self) -> float:
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def kill_child(self) -> None:
        """Kill the first child process that is seen."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (children := self.children()):
            assert time.monotonic() < deadline, "there is no child"
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.client.get("/ready").status_code != 200:
            assert time.monotonic() < deadline, self.log
            time.sleep(0.02)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()
        self._process.join()
        self.client.close()

    def _wait_for_address(self) -> str:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (found := re.search(r"listens on (http://\S+:[1-9][0-9]*)", self.log)):
            assert self._process.is_alive(), self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.01)
        return found[1].replace("localhost", "127.0.0.1")


@contextlib.contextmanager
def server_process(folder: Path, model: Path, **options: Any) -> Iterator[ServerProcess]:
    """Run a server until the block ends, as if nothing had happened to the one before it.

    Args:
        options: settings, and what `ServerProcess` takes.
    """
    voices = folder / "voices"
    if not voices.exists():
        voices.mkdir()
        write_wav(voices / "alba.wav", voice_like(1.2))
    folders = {
        "voices_dir": voices,
        "voice_output_dir": folder / "saved",
        "jobs_dir": folder / "jobs",
    }
    server = ServerProcess(folder, MODEL_CONFIG=str(model), **(folders | options))
    try:
        yield server
    finally:
        server.kill()


def _serve(folder: Path, log: Path, small: Collection[Path], settings: dict[str, Any]) -> None:
    os.chdir(folder)
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.environ["HF_HUB_OFFLINE"] = "1"
    signal.signal(signal.SIGUSR1, _say_tasks)
    tempfile.tempdir = str(folder / "temporary")
    if small:
        _make_small(small)
    _obey_permissions()
    end_process(main(api_key=KEY, host="127.0.0.1", port=0, model_fallback="none", **settings))


def _say_tasks(*_: object) -> None:
    """Write down how many tasks there are, in the folder of the server."""
    Path("tasks.new").write_text(str(len(asyncio.all_tasks())))
    Path("tasks.new").replace("tasks")


def needs_small_disks() -> None:
    """Skip a test where a process may not have disks of its own."""
    command = ["unshare", "--user", "--map-root-user", "--mount", "true"]
    if not shutil.which("unshare") or subprocess.run(command, check=False).returncode:
        pytest.skip("this system lets nobody mount a disk for a process of its own")


def _make_small(folders: Collection[Path]) -> None:
    """Put a small disk in the place of each folder, with what was in it, for this process alone."""
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()
    _require(libc.unshare(_NEW_MOUNTS | _NEW_USERS))
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {user} 1")
    Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    for folder in folders:
        contents = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
        _require(libc.mount(b"none", str(folder).encode(), b"tmpfs", 0, _ROOM))
        for name, data in contents.items():
            (folder / name).write_bytes(data)


def _obey_permissions() -> None:
    """Let permissions hold for this process even if it is root's."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_CAPABILITIES_VERSION, 0)
    _require(libc.capset(header, (ctypes.c_uint32 * 6)()))


def _require(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
