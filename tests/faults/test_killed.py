"""A server that is killed at any moment has kept what it promised, and starts as if nothing was."""

from __future__ import annotations

import json
import random
import threading
import time
import wave
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from app.files import is_partial
from tests.audio.probe import voice_like
from tests.conftest import wav_bytes
from tests.faults.processes import PATIENCE_SECONDS, ServerProcess, server_process

QUICK, LONG = 2, 100
CLIENTS = 3
LONGEST_LIFE_SECONDS = 0.4
RECORDINGS = {"short": wav_bytes(voice_like(1.1)), "long": wav_bytes(voice_like(2.2))}

times = pytest.mark.parametrize("times", [QUICK, pytest.param(LONG, marks=pytest.mark.soak)])


def work_until_killed(
    server: ServerProcess, chance: random.Random, work: Callable[[httpx.Client, int], None]
) -> None:
    """Let clients work the server all the time, and kill it at some moment of that."""
    answered = threading.Event()

    def client(number: int) -> None:
        headers, url = server.client.headers, server.client.base_url
        own = httpx.Client(base_url=url, headers=headers, timeout=PATIENCE_SECONDS, trust_env=False)
        with own, suppress(httpx.TransportError):
            while True:
                work(own, number)
                answered.set()

    clients = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for each in clients:
        each.start()
    assert answered.wait(PATIENCE_SECONDS)
    time.sleep(chance.uniform(0, LONGEST_LIFE_SECONDS))
    server.kill()
    for each in clients:
        each.join()


def samples_of(path: Path) -> int:
    """How many samples a WAV file has; its header has to agree with its size."""
    with wave.open(str(path)) as file:
        assert path.stat().st_size == 44 + 2 * file.getnframes()
        return int(file.getnframes())


@times
def test_while_audio_is_saved(
    tmp_path: Path, tiny_model: Path, times: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every address that was given out leads to the whole clip, and no part of one is shown."""
    chance, promised = random.Random(times), dict[str, int]()

    def save(client: httpx.Client, number: int) -> None:
        body = {"script": f"Hello {number}.", "format": "wav", "type": "url"}
        answer = client.post("/tts", json=body)
        assert answer.status_code == 200, answer.text
        seconds = float(answer.headers["x-audio-duration"])
        promised[answer.json()["filename"]] = round(24_000 * seconds)

    for _ in range(times):
        with server_process(tmp_path, tiny_model) as server:
            for name in list(promised)[-CLIENTS:]:
                sound = server.client.get(f"/voice/{name}").content
                assert len(sound) == 44 + 2 * promised[name]
            work_until_killed(server, chance, save)
        files = {path.name: path for path in (tmp_path / "saved").iterdir()}
        for name, path in files.items():
            if not is_partial(path):
                samples = samples_of(path)
                assert abs(samples - promised.get(name, samples)) <= 12
        assert promised.keys() <= files.keys()
    with capsys.disabled():
        print(f"\nkilled {times} times while audio was saved: {len(promised)} clips promised, "
              f"all of them whole; of {sum(map(is_partial, files.values()))} others "
              "something unfinished is left, which the next start sweeps")  # fmt: skip


@times
def test_while_voices_are_made(
    tmp_path: Path, tiny_model: Path, times: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every voice that was made is there with what was said of it, and none is there in part."""
    chance, promised, made = random.Random(times), set[str](), [0]

    def make(client: httpx.Client, number: int) -> None:
        sound = "short" if made[0] % 2 else "long"
        made[0] += 1
        name = "same" if number == 0 else f"voice-{made[0]}"
        form = {"name": name, "replace": "true", "description": sound}
        answer = client.post("/voices", data=form, files={"files": ("a.wav", RECORDINGS[sound])})
        assert answer.status_code == 201, answer.text
        promised.add(name)

    for _ in range(times):
        with server_process(tmp_path, tiny_model) as server:
            assert "Traceback" not in server.log
            # What was decided has been done. What was not yet is a partial file, swept in an hour.
            changes = (tmp_path / "voices").glob(".change-*")
            assert all(is_partial(path) for path in changes)
            listed = {each["name"]: each for each in server.client.get("/voices").json()["voices"]}
            assert promised <= listed.keys()
            for voice in listed.values():
                if voice["name"] != "alba":
                    is_long = voice["reference_seconds"] > 1.6
                    assert voice["description"] == ("long" if is_long else "short"), voice
            if promised:
                body = {"script": "Hello.", "voice": chance.choice(sorted(promised))}
                assert server.client.post("/tts", json=body).status_code == 200
            work_until_killed(server, chance, make)
        for details in (tmp_path / "voices").glob("*.json"):
            assert json.loads(details.read_bytes())
    with capsys.disabled():
        print(f"\nkilled {times} times while voices were made: {len(promised)} voices promised, "
              "all of them whole")  # fmt: skip
