"""Measures the wall time of one long script here and with upstream's `generate_audio`.

python -m benchmarks.long_script --chars 10000
"""

from __future__ import annotations

import argparse
import io
import json
import tempfile
import time
import urllib.request
import wave
from pathlib import Path

import torch
from pocket_tts import TTSModel

from benchmarks.machine import describe_machine
from benchmarks.models import model_argument
from benchmarks.scripts import script_of
from benchmarks.servers import our_server, write_reference_voice


def ours(model: Path, script: str) -> tuple[float, float]:
    """Get a complete WAV over HTTP; return (wall seconds, audio seconds)."""
    with (
        tempfile.TemporaryDirectory() as folder,
        our_server(model, Path(folder)) as server,
    ):
        _ask(server.port, server.path, "Warm up, please.")
        started = time.monotonic()
        data = _ask(server.port, server.path, script)
        wall = time.monotonic() - started
    with wave.open(io.BytesIO(data)) as file:
        return wall, file.getnframes() / file.getframerate()


def _ask(port: int, path: str, script: str) -> bytes:
    body = json.dumps({"script": script, "format": "wav"}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=1800) as response:
        return bytes(response.read())


def upstream(model: Path, script: str) -> tuple[float, float]:
    """Call upstream's library, which needs no HTTP; return (wall seconds, audio seconds)."""
    with tempfile.TemporaryDirectory() as folder:
        voice = Path(folder) / "voice.wav"
        write_reference_voice(voice)
        tts = TTSModel.load_model(config=model)
        state = tts.get_state_for_audio_prompt(voice)
    tts.generate_audio(state, "Warm up, please.")
    started = time.monotonic()
    audio: torch.Tensor = tts.generate_audio(state, script)
    return time.monotonic() - started, audio.shape[-1] / tts.sample_rate


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    model_argument(parser)
    parser.add_argument("--chars", type=int, default=10_000)
    parser.add_argument(
        "--upstream-chars",
        type=int,
        default=1_500,
        help="upstream speaks this much, and its time is scaled by the audio it made",
    )
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    print(f"{describe_machine()}\nmodel: {arguments.model}\n")
    wall, audio = ours(arguments.model, script_of(arguments.chars))
    print(f"ours      {wall:8.1f} s for {audio:8.1f} s of audio: {audio / wall:6.2f}x real time")
    their_wall, their_audio = upstream(arguments.model, script_of(arguments.upstream_chars))
    rate = their_audio / their_wall
    print(
        f"upstream  {their_wall:8.1f} s for {their_audio:8.1f} s of audio: {rate:6.2f}x real time"
    )
    print(f"ratio     {audio / wall / rate:8.1f}x")
    if arguments.json:
        figures = {"wall_seconds": wall, "audio_seconds": audio, "upstream_rate": rate}
        arguments.json.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
