"""Servers in processes of their own, which can be killed, and which have little room on the disk."""

from __future__ import annotations

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
from typing import Any

import httpx
import pytest

from app.process_end import end_process
from app.serve import main
from tests.audio.probe import voice_like
from tests.conftest import write_wav
from tests.serving import KEY

if sys.platform != "linux":
    pytest.skip("looks at processes as Linux shows them", allow_module_level=True)

START_SECONDS = 60.0
_ROOM = b"size=2m"
_NEW_MOUNTS, _NEW_USERS = 0x00020000, 0x10000000
_CAPABILITIES_VERSION = 0x20080522

# A server is forked from a process that has imported all it needs, so that it starts in no time.
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["app.engine.loader", "tests.faults.processes"])


class ServerProcess:
    """A server that speaks with the tiny model, in a process of its own and a folder of its own.

    Args:
        small: these folders have room for two megabytes, on disks of their own.
        temporary: is for temporary files, in the place of the system's.
    """

    def __init__(
        self,
        folder: Path,
        small: Collection[Path] = (),
        temporary: Path | None = None,
        **settings: Any,
    ) -> None:
        self.folder = folder
        self.log_path = folder / "log.txt"
        self.log_path.touch()
        self._log_begins = self.log_path.stat().st_size
        self._process = _processes.Process(
            target=_serve, args=(folder, self.log_path, small, temporary, settings), daemon=True
        )
        self._process.start()
        self.client = httpx.Client(
            base_url=self._wait_for_address(),
            headers={"X-API-Key": KEY},
            timeout=30.0,
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
        told = [line for line in self.log.splitlines() if re.search(r" (WARNING|ERROR) ", line)]
        return told + [line for line in self.log.splitlines() if line.startswith("Traceback")]

    def inside(self, path: Path) -> Path:
        """A path as the server sees it."""
        return Path(f"/proc/{self.pid}/root{path}")

    def children(self) -> set[int]:
        found: set[int] = set()
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                found.update(map(int, (task / "children").read_text().split()))
        return found

    def kill_child(self, seconds: float = 30.0) -> None:
        """Kill the first child process that is seen."""
        deadline = time.monotonic() + seconds
        while not (children := self.children()):
            assert time.monotonic() < deadline, "there is no child"
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while self.client.get("/ready").status_code != 200:
            assert time.monotonic() < deadline, self.log
            time.sleep(0.02)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()
        self._process.join()
        self.client.close()

    def _wait_for_address(self) -> str:
        deadline = time.monotonic() + START_SECONDS
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
    folders = {"voices_dir": voices, "voice_output_dir": folder / "saved"}
    server = ServerProcess(folder, MODEL_CONFIG=str(model), **(folders | options))
    try:
        yield server
    finally:
        server.kill()


def _serve(
    folder: Path,
    log: Path,
    small: Collection[Path],
    temporary: Path | None,
    settings: dict[str, Any],
) -> None:
    os.chdir(folder)
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.environ["HF_HUB_OFFLINE"] = "1"
    tempfile.tempdir = None if temporary is None else str(temporary)
    if small:
        _make_small(small)
    _obey_permissions()
    end_process(
        main(api_key=KEY, host="127.0.0.1", port=0, model_fallback="none", **settings),
    )


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
