"""Starts the servers that are compared, on loopback and on the same weights."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
LONGEST_START_SECONDS = 120.0
SAMPLE_RATE_HZ = 24_000
CLOCK_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


@dataclass(frozen=True)
class Server:
    """Holds a server under test, and how to ask it for a live WAV stream."""

    name: str
    port: int
    pid: int
    start_seconds: float
    path: str = "/tts"
    headers: dict[str, str] = field(default_factory=dict)
    form: bool = False

    def body(self, script: str) -> bytes:
        """Make the request body that has `script` spoken and streamed as WAV."""
        if self.form:
            return urllib.parse.urlencode({"text": script}).encode()
        return json.dumps({"script": script, "format": "wav", "stream": True}).encode()

    def cpu_seconds(self) -> float:
        """Return the CPU time of the process and its reaped children so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(int(ticks) for ticks in fields[11:15]) / CLOCK_TICKS

    def memory_mb(self, *, peak: bool = False) -> float:
        """Return the resident memory now, or at its peak."""
        name = "VmHWM" if peak else "VmRSS"
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1]) * 1024 / 1e6
        raise RuntimeError(f"no {name} in /proc/{self.pid}/status")


def voice_like_prompt() -> NDArray[np.float32]:
    """Make six seconds of a voice-like buzz, of which only the length matters."""
    rng = np.random.default_rng(0)
    seconds = np.arange(6 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    pitch_hz = 120 + 20 * np.sin(2 * np.pi * 0.7 * seconds)
    phase = 2 * np.pi * np.cumsum(pitch_hz) / SAMPLE_RATE_HZ
    buzz = sum(np.sin(k * phase) / k for k in range(1, 12)) + 0.02 * rng.standard_normal(len(phase))
    loudness = 0.2 * (1 + np.sin(2 * np.pi * 2.5 * seconds)) / 2
    return np.clip(buzz * loudness, -1, 1).astype(np.float32)


def write_reference_voice(path: Path) -> None:
    """Write `voice_like_prompt` as a WAV file."""
    samples = (voice_like_prompt() * 32767).astype("<i2")
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE_HZ)
        file.writeframes(samples.tobytes())


@contextmanager
def our_server(
    config: Path, work: Path, descriptors: int | None = None, /, **environment: str
) -> Iterator[Server]:
    """Run this project's server on `config`, with settings as environment variables.

    Args:
        descriptors: how many files it may have open; None leaves that as it is.
    """
    write_reference_voice(work / "voices" / "alba.wav")
    port = _free_port()
    settings = {
        "AUTH_DISABLED": "true",
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "MODEL_CONFIG": str(config.resolve()),
        "MODELS_DIR": str(work / "models"),
        "VOICES_DIR": str(work / "voices"),
        "VOICE_OUTPUT_DIR": str(work / "saved"),
        "LOG_LEVEL": "warning",
        # It runs in a folder of its own, whether this is a checkout or an installed package.
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
        **environment,
    }
    command = [sys.executable, "-m", "app", "serve"]
    if descriptors is not None:
        command = ["sh", "-c", f'ulimit -n {descriptors}; exec "$@"', "sh", *command]
    headers = {"Content-Type": "application/json"}
    with _running(command, settings, port, "/ready", work) as (pid, seconds):
        yield Server("ours", port, pid, seconds, headers=headers)


@contextmanager
def upstream_server(config: Path, work: Path, *options: str) -> Iterator[Server]:
    """Run `pocket-tts serve` on the same config and voice."""
    write_reference_voice(work / "voices" / "alba.wav")
    port = _free_port()
    command = [
        *(sys.executable, "-m", "pocket_tts", "serve", "--host", "127.0.0.1"),
        *("--port", str(port), "--config", str(config.resolve())),
        *("--default-voice", str(work / "voices" / "alba.wav"), *options),
    ]
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    with _running(command, {}, port, "/health", work) as (pid, seconds):
        name = " ".join(["upstream", *options]).replace(" --quantize", "-int8")
        yield Server(name, port, pid, seconds, headers=headers, form=True)


@contextmanager
def _running(
    command: list[str], environment: dict[str, str], port: int, ready_path: str, work: Path
) -> Iterator[tuple[int, float]]:
    started = time.monotonic()
    log_path = work / f"server-{port}.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            command, env={**os.environ, **environment}, stdout=log, stderr=log, cwd=work
        )
        try:
            _wait_until_ready(process, f"http://127.0.0.1:{port}{ready_path}", log_path)
            yield process.pid, time.monotonic() - started
        finally:
            process.terminate()
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], address: str, log_path: Path) -> None:
    deadline = time.monotonic() + LONGEST_START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended at once: {log_path.read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(address, timeout=2) as response:
                if response.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise RuntimeError(f"the server was not ready within {LONGEST_START_SECONDS:.0f} s")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
