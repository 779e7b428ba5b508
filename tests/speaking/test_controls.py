"""The speech controls, under the same names on each native endpoint, on real audio."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import pytest

SCRIPT = "One sentence to speak. And another one."
BASE = {"temperature": 0, "format": "pcm"}
Speak = Callable[..., httpx.Response]


def by_tts(client: httpx.Client, recording: bytes, **controls: Any) -> httpx.Response:
    return client.post("/tts", json={"script": SCRIPT, **BASE, **controls})


def by_clone(client: httpx.Client, recording: bytes, **controls: Any) -> httpx.Response:
    fields = {name: str(value) for name, value in {**BASE, **controls}.items()}
    files = {"voice_file": ("voice.wav", recording)}
    return client.post("/tts/clone", data={"script": SCRIPT, **fields}, files=files)


def by_openai(client: httpx.Client, recording: bytes, **controls: Any) -> httpx.Response:
    body = {"input": SCRIPT, "response_format": "pcm", "temperature": 0, **controls}
    return client.post("/v1/audio/speech", json=body)


ENDPOINTS = pytest.mark.parametrize("speak", [by_tts, by_clone, by_openai])


def pcm_of(answer: httpx.Response) -> np.ndarray:
    assert answer.is_success, answer.text
    return np.frombuffer(answer.content, "<i2").astype(np.float64)


def rms(pcm: np.ndarray) -> float:
    return float(np.sqrt(np.square(pcm).mean()))


@ENDPOINTS
def test_speed_and_pauses(client: httpx.Client, recording: bytes, speak: Speak) -> None:
    """Twice the speed takes half the time, and `pause_scale` takes the pauses out."""
    plain = pcm_of(speak(client, recording, max_chars_per_chunk=25, pause_scale=0))
    fast = pcm_of(speak(client, recording, max_chars_per_chunk=25, pause_scale=0, speed=2))
    paused = pcm_of(speak(client, recording, max_chars_per_chunk=25, pause_scale=2))
    assert len(fast) == pytest.approx(len(plain) / 2, rel=0.01)
    assert len(paused) - len(plain) == pytest.approx(0.5 * 24_000, abs=50)


@ENDPOINTS
def test_volume(client: httpx.Client, recording: bytes, speak: Speak) -> None:
    """`volume` is in dB."""
    plain, quiet = speak(client, recording), speak(client, recording, volume=-20)
    assert rms(pcm_of(quiet)) == pytest.approx(rms(pcm_of(plain)) / 10, rel=0.02)


@ENDPOINTS
def test_loudness(client: httpx.Client, recording: bytes, speak: Speak) -> None:
    """Loudness is the same however quiet the speech was."""
    loud = rms(pcm_of(speak(client, recording, normalize_loudness=True)))
    louder = rms(pcm_of(speak(client, recording, normalize_loudness=True, volume=-6)))
    assert louder == pytest.approx(loud / 2, rel=0.2)


@ENDPOINTS
def test_sample_rate(client: httpx.Client, recording: bytes, speak: Speak) -> None:
    """The audio lasts as long at another rate, and the content type names it."""
    plain, low = speak(client, recording), speak(client, recording, sample_rate=8000)
    assert "rate=8000" in low.headers["content-type"]
    assert len(pcm_of(low)) == pytest.approx(len(pcm_of(plain)) / 3, abs=2)


@ENDPOINTS
def test_the_models_own_knobs(client: httpx.Client, recording: bytes, speak: Speak) -> None:
    """A seed repeats itself; more frames after the end make the speech longer."""
    knobs = {"temperature": 0.8, "sampler_decode_steps": 2, "noise_clamp": 2, "eos_threshold": 0}
    one = pcm_of(speak(client, recording, **knobs, seed=5))
    same = pcm_of(speak(client, recording, **knobs, seed=5))
    assert len(one) == len(same)
    assert rms(one - same) < 0.05 * rms(one)
    short = pcm_of(speak(client, recording, frames_after_eos=0))
    long = pcm_of(speak(client, recording, frames_after_eos=5))
    assert len(long) >= len(short)


@ENDPOINTS
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("speed", 0.1),
        ("volume", 21),
        ("pitch", 13),
        ("pause_scale", 11),
        ("sample_rate", 12345),
        ("bitrate", 128),
        ("seed", -2),
        ("temperature", 6),
        ("sampler_decode_steps", 0),
        ("eos_threshold", 51),
        ("noise_clamp", 0),
        ("frames_after_eos", 101),
        ("max_chars_per_chunk", 19),
        ("language", "xx"),
    ],
)
def test_out_of_range(
    client: httpx.Client, recording: bytes, speak: Speak, field: str, value: Any
) -> None:
    """Each control out of range is a 400 that names it."""
    answer = speak(client, recording, **{field: value})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error.get("field", error.get("param")) == field
    assert field in error["message"]
