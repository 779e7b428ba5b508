"""`serve` does what `python server.py` does; `wyoming` serves Home Assistant alone."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import subprocess
import time
from pathlib import Path

import httpx
import pytest
from wyoming.client import AsyncTcpClient
from wyoming.info import Describe, Info

from tests.cli.command import Here, run_command, start_command
from tests.test_server import free_port


def test_serve(tmp_path: Path, local: dict[str, str]) -> None:
    """It listens where the options say, whatever the environment does, until a signal ends it."""
    port = free_port()
    process = start_command(
        *(tmp_path, "serve", "--host", "127.0.0.1", "--port", str(port)),
        variables={**local, "API_KEY": "a-key", "PORT": "1", "HOST": "203.0.113.1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 60
        health = None
        while health is None:
            with contextlib.suppress(httpx.TransportError):
                health = httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False)
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert health.status_code == 200
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait(10)
    assert process.returncode == 0
    assert f"listens on http://127.0.0.1:{port}\n" in out.decode()


def test_no_key(command: Here) -> None:
    """Without a key it does not start."""
    ended = command("serve")
    assert ended.code == 2
    assert ended.err.startswith("cannot start: API_KEY is not set")


@pytest.mark.parametrize(
    ("host", "code", "words"),
    [
        ("", 2, "HOST: string should have at least 1 character"),
        ("127.0.0.1", 1, "HOST, PORT: cannot listen on 127.0.0.1 port "),
        ("no-such-host.invalid", 1, "HOST, PORT: cannot listen on no-such-host.invalid port "),
    ],
)
def test_no_address(
    tmp_path: Path, local: dict[str, str], host: str, code: int, words: str
) -> None:
    """An address where it cannot listen is told by the names of its settings."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = run_command(
            *(tmp_path, "serve", "--host", host, "--port", str(taken.getsockname()[1])),
            variables={**local, "API_KEY": "a-key"},
        )
    assert (ended.returncode, ended.stdout) == (code, b"")
    assert ended.stderr.decode().splitlines()[-1].startswith(f"cannot start: {words}")


@pytest.mark.parametrize(
    ("by", "code", "said"), [(signal.SIGTERM, 0, b""), (signal.SIGINT, 130, b"interrupted\n")]
)
async def test_wyoming(
    tmp_path: Path, local: dict[str, str], by: signal.Signals, code: int, said: bytes
) -> None:
    """It tells its port, introduces itself, needs no key, and ends with a signal."""
    separate = {"TENANTS": "separate", "API_KEYS_FILE": "none-yet.toml"}
    process = start_command(
        *(tmp_path, "wyoming", "--port", "0"),
        variables={**local, **separate, "LOG_LEVEL": "error"},
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        line = await asyncio.to_thread(process.stdout.readline)
        assert line.startswith(b"Wyoming listens on 127.0.0.1 port ")
        async with AsyncTcpClient("127.0.0.1", int(line.split()[-1]), read_timeout=20) as client:
            await client.write_event(Describe().event())
            event = await client.read_event()
            assert event is not None
            assert Info.is_type(event.type)
        process.send_signal(by)
        _, err = await asyncio.to_thread(process.communicate, None, 20)
        assert (process.returncode, err) == (code, said)
    finally:
        process.kill()
        process.communicate(timeout=10)
