"""Shared by the engine's tests: a tiny model, a voice, and what upstream makes of both."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from pocket_tts import TTSModel

from app.engine.engine import BatchedEngine
from app.engine.voice_state import KvPrefix
from app.speech import Pcm, Sampling
from app.speech_engine import SpeechJob, SpeechStream, SpokenChunk

STILL = Sampling(temperature=0.0)

TEXTS = (
    "Hello there.",
    "The quick brown fox jumps over the lazy dog.",
    "one two three",
    "A somewhat longer sentence, with a comma; and a semicolon, to be read in one go.",
    "Is it so?",
)

FRAME_SAMPLES = 1920
"""Samples of one frame of the tiny model"""

EOS_BIAS = 0.4
"""With this some of the texts end by EOS and some at their maximum."""


def eos_bias(head: str) -> float:
    return -0.5 if head == "flow_matching" else EOS_BIAS


def voice_clip(sample_rate: int, seconds: float = 1.5) -> Pcm:
    """Noise under a slow envelope: loud enough to be a voice prompt."""
    generator = np.random.default_rng(7)
    samples = int(sample_rate * seconds)
    envelope = 0.2 * np.abs(np.sin(np.linspace(0, 9, samples)))
    return (generator.standard_normal(samples) * envelope).astype(np.float32)


class Upstream:
    """The reference: upstream's own generation at temperature 0, remembered per text."""

    def __init__(self, config: Path) -> None:
        self.model = TTSModel.load_model(config=config, temp=0.0)
        clip = torch.from_numpy(voice_clip(self.model.sample_rate))
        self.voice = self.model.get_state_for_audio_prompt(clip[None])
        self._known: dict[tuple[str, int], Pcm] = {}

    def speak(self, text: str) -> Pcm:
        key = text, self.model.sampler_decode_steps
        if key not in self._known:
            self._known[key] = self.model.generate_audio(self.voice, text).numpy()
        return self._known[key]


def job(texts: Sequence[str], voice: KvPrefix, sampling: Sampling = STILL) -> SpeechJob:
    """Texts that are all spoken in the same voice."""
    return SpeechJob(tuple(SpokenChunk(text, voice) for text in texts), sampling)


async def collect(stream: SpeechStream, chunks: int) -> list[Pcm]:
    """The PCM of every chunk, checking that the frames come in order."""
    pieces: list[list[Pcm]] = [[] for _ in range(chunks)]
    ended: list[int] = []
    async for frames in stream:
        assert frames.chunk_index == len(ended)
        pieces[frames.chunk_index].append(frames.pcm)
        if frames.chunk_last:
            ended.append(frames.chunk_index)
    assert ended == list(range(chunks))
    return [np.concatenate(chunk) for chunk in pieces]


async def speak(
    engine: BatchedEngine, voice: KvPrefix, texts: Sequence[str], sampling: Sampling = STILL
) -> list[Pcm]:
    return await collect(engine.submit(job(texts, voice, sampling)), len(texts))


def speak_now(
    engine: BatchedEngine, voice: KvPrefix, texts: Sequence[str], sampling: Sampling = STILL
) -> list[Pcm]:
    return asyncio.run(speak(engine, voice, texts, sampling))


def assert_same(ours: Pcm, theirs: Pcm, tolerance: float = 1e-4) -> None:
    assert ours.shape == theirs.shape
    assert float(np.abs(ours - theirs).max()) < tolerance


def wait_until(true: Callable[[], bool], timeout_seconds: float = 5.0) -> None:
    """Return once `true()` is; the engine's threads settle a moment after the last delivery."""
    deadline = time.monotonic() + timeout_seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)
