"""Runs servers as processes of their own, with the preview model, and nginx in front of them."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.programs import program
from tests.serving import KEY

ROOT = Path(__file__).parent.parent.parent
READY_SECONDS = 90.0
GONE_SECONDS = 60.0
SETTINGS = {
    "API_KEY": KEY,
    "MODEL_LANGUAGE": "preview",
    "DEFAULT_VOICE": "sarah",
    "OPENAI_VOICES": "",
    "TORCH_THREADS": "1",
    "SHUTDOWN_GRACE_SECONDS": "20",
    "HF_HUB_OFFLINE": "1",
}


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@dataclass
class Server:
    """Is one server, which may be started again at its port."""

    folder: Path
    shared: Mapping[str, str]
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None, "it does not run"
        return self._process.pid

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        environment = {
            **{name: value for name, value in os.environ.items() if name in ("PATH", "HOME")},
            **SETTINGS,
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            **self.shared,
        }
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(ROOT / "server.py")],
                cwd=self.folder,
                env=environment,
                stdout=log,
                stderr=log,
            )

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                if httpx.get(f"{self.url}/ready", trust_env=False).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            assert self._process is not None
            assert self._process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.05)

    def stop(self) -> None:
        """Let it finish what it has begun."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(GONE_SECONDS)
            self._process = None

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text("utf-8", errors="replace")[-4000:]


@contextmanager
def servers(folder: Path, shared: Mapping[str, str], count: int) -> Iterator[list[Server]]:
    """Run several servers that speak, until the end of the block."""
    started = [Server(folder / f"server-{number}", shared) for number in range(count)]
    try:
        for each in started:
            each.start()
        for each in started:
            each.wait_until_ready()
        yield started
    finally:
        for each in started:
            each.kill()


@contextmanager
def nginx_before(ports: Sequence[int], folder: Path) -> Iterator[str]:
    """Run nginx with the site of deploy/ in front of servers; give its address."""
    port = free_port()
    site = (ROOT / "deploy" / "nginx.fleet.conf").read_text("utf-8")
    listed = "\n".join(f"    server 127.0.0.1:{each} max_fails=0;" for each in ports)
    # Debian's nginx is older than the one that looks names up again while it runs.
    for pattern, instead in (
        (r"(?m)^resolver .*$", ""),
        (r"(?m)^    server speech:8000 .*$", listed),
        (r"listen 80;", f"listen 127.0.0.1:{port};"),
    ):
        site, found = re.subn(pattern, instead, site)
        assert found == 1, pattern
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"):
        site = f"{name}_temp_path {folder / name};\n{site}"
    config = folder / "nginx.conf"
    config.write_text(
        f"daemon off; worker_processes 1; pid {folder / 'pid'}; error_log {folder / 'error'};\n"
        f"events {{ worker_connections 512; }}\nhttp {{ access_log off;\n{site}\n}}\n"
    )
    command = [program("nginx"), "-p", str(folder), "-e", str(folder / "error"), "-c", str(config)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as nginx:
        try:
            url = f"http://127.0.0.1:{port}"
            deadline = time.monotonic() + 10
            while True:
                try:
                    httpx.get(f"{url}/health", trust_env=False)
                    break
                except httpx.TransportError:
                    assert nginx.poll() is None, (folder / "error").read_text()
                    assert time.monotonic() < deadline
                    time.sleep(0.02)
            yield url
        finally:
            nginx.terminate()
