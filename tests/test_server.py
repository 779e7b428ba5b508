"""`python server.py`, as an operator runs it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.audio.probe import voice_like
from tests.conftest import write_wav
from tests.serving import json_lines

SERVER = Path(__file__).parent.parent / "server.py"
KEY = "key-of-the-operator"
GRACE_SECONDS = 1


class Started:
    """A server process in a folder of its own, with its settings in an .env there."""

    def __init__(self, folder: Path, *lines: str) -> None:
        self.folder = folder
        (folder / ".env").write_text("\n".join(lines), "utf-8")
        with (folder / "out.txt").open("wb") as out, (folder / "err.txt").open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-u", str(SERVER)],
                cwd=folder,
                env=_environment(),
                stdout=out,
                stderr=err,
            )

    @property
    def out(self) -> str:
        return (self.folder / "out.txt").read_text("utf-8")

    @property
    def err(self) -> str:
        return (self.folder / "err.txt").read_text("utf-8")

    def wait_for_answer(self, url: str, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while True:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(url, trust_env=False).status_code == 200:
                    return
            assert self.process.poll() is None, self.err
            assert time.monotonic() < deadline, self.err
            time.sleep(0.1)

    def wait_until_it_listens(self, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while " listens on " not in self.out:
            assert self.process.poll() is None, self.err
            assert time.monotonic() < deadline, self.err
            time.sleep(0.1)

    def end(self, with_signal: signal.Signals) -> tuple[int, float]:
        """(exit code, seconds it took)"""
        started = time.monotonic()
        self.process.send_signal(with_signal)
        return self.process.wait(30), time.monotonic() - started


def _environment() -> dict[str, str]:
    kept = ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"HF_HUB_OFFLINE": "1"}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextlib.contextmanager
def started(folder: Path, *lines: str) -> Iterator[Started]:
    server = Started(folder, *lines)
    try:
        yield server
    finally:
        server.process.kill()
        server.process.wait(10)


@contextlib.contextmanager
def several(folder: Path, count: int, *lines: str) -> Iterator[list[Started]]:
    """The same, so many times at once."""
    with contextlib.ExitStack() as stack:
        servers = []
        for number in range(count):
            own = folder / str(number)
            own.mkdir()
            servers.append(stack.enter_context(started(own, f"API_KEY={KEY}", *lines)))
        yield servers


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "API_KEY is not set"),
        ("API_KEY=x\nMODEL_CONFIG=none.yaml", "MODEL_CONFIG: there is no file none.yaml"),
    ],
)
def test_wrong_settings(tmp_path: Path, line: str, words: str) -> None:
    """Wrong settings end the start with exit code 2 and one line that says what to change."""
    with started(tmp_path, line) as server:
        assert server.process.wait(30) == 2
        assert server.out == ""
        assert server.err.startswith("cannot start: ")
        assert words in server.err
        assert server.err.count("\n") == 1


def test_from_start_to_end(tmp_path: Path, tiny_model: Path) -> None:
    """The server shows where it is, the curl line works as pasted, and SIGTERM ends it in time.

    A stream that is running then is cut off after the grace time.
    """
    port = free_port()
    voices = tmp_path / "models" / "voices"
    voices.mkdir(parents=True)
    write_wav(voices / "alba.wav", voice_like(1.2))
    url = f"http://localhost:{port}"
    lines = (f"API_KEY={KEY}", f"PORT={port}", f"MODEL_CONFIG={tiny_model}", "LOG_FORMAT=json")
    with started(tmp_path, *lines, f"SHUTDOWN_GRACE_SECONDS={GRACE_SECONDS}") as server:
        server.wait_for_answer(f"{url}/ready")
        assert f"listens on {url}\n" in server.out
        assert httpx.get(f"{url}/docs", trust_env=False).status_code == 200
        if shutil.which("bash") and shutil.which("curl"):
            (command,) = [line for line in server.out.splitlines() if "curl" in line]
            subprocess.run(["bash", "-c", command], cwd=tmp_path, check=True, timeout=30)
            assert (tmp_path / "hello.mp3").stat().st_size > 2000
        script = "This sentence is spoken over and over again, for many minutes. " * 400
        body = {"script": script, "stream": True, "format": "wav"}
        headers = {"X-API-Key": KEY}
        with httpx.stream("POST", f"{url}/tts", json=body, headers=headers, trust_env=False) as r:
            pieces = r.iter_raw()
            assert next(pieces)
            code, seconds = server.end(signal.SIGTERM)
        assert code == 0, server.err
        assert seconds < GRACE_SECONDS + 6
        assert {line["level"] for line in json_lines(server.err)} >= {"info"}
        assert any("request_id" in line for line in json_lines(server.err))
        assert KEY not in server.err + server.out


@pytest.mark.parametrize("with_signal", [signal.SIGINT, signal.SIGTERM])
def test_end_while_loading(tmp_path: Path, tiny_model: Path, with_signal: signal.Signals) -> None:
    """The server ends well while the model is still being loaded."""
    port = free_port()
    lines = (f"API_KEY={KEY}", f"PORT={port}", f"MODEL_CONFIG={tiny_model}")
    with started(tmp_path, *lines) as server:
        server.wait_for_answer(f"http://localhost:{port}/health")
        code, seconds = server.end(with_signal)
        assert code == 0, server.err
        assert seconds < 15
        assert "Traceback" not in server.err


def test_end_within_the_model_library(tmp_path: Path) -> None:
    """Whatever the library is doing when the signal comes, the code is that of a good end.

    The preview model takes seconds to load, most of them in compiled code.
    """
    with several(tmp_path, 3, "PORT=0") as servers:
        for server in servers:
            server.wait_until_it_listens()
        for server in servers:
            time.sleep(1.3)
            code, seconds = server.end(signal.SIGTERM)
            assert code == 0, server.err
            assert seconds < 15
            assert "Finished server process" in server.err


def test_port_in_use(tmp_path: Path) -> None:
    """A port that is taken ends the start with the reason."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        line = f"PORT={taken.getsockname()[1]}"
        with several(tmp_path, 3, "HOST=127.0.0.1", line) as servers:
            for server in servers:
                assert server.process.wait(60) == 1, server.err
                assert "Address already in use" in server.err
                assert "Traceback" not in server.err
