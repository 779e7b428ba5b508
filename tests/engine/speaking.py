"""Shared by the engine's tests: a tiny model, a voice, and what upstream makes of both."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pocket_tts import TTSModel

from app.engine.engine import BatchedEngine
from app.engine.interface import SpeechJob, SpeechStream
from app.engine.voice_state import KvPrefix
from app.speech import Pcm, Sampling

STILL = Sampling(temperature=0.0)

TEXTS = (
    "Hello there.",
    "The quick brown fox jumps over the lazy dog.",
    "one two three",
    "A somewhat longer sentence, with a comma; and a semicolon, to be read in one go.",
    "Is it so?",
)

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


@dataclass(repr=False)
class Upstream:
    """The reference: upstream's own generation at temperature 0, remembered per text."""

    model: TTSModel
    _state: Any = None
    _known: dict[str, Pcm] = field(default_factory=dict)

    @classmethod
    def load(cls, config: Path) -> Upstream:
        model = TTSModel.load_model(config=config, temp=0.0)
        clip = torch.from_numpy(voice_clip(model.sample_rate))
        return cls(model, model.get_state_for_audio_prompt(clip[None]))

    def speak(self, text: str) -> Pcm:
        if text not in self._known:
            self._known[text] = self.model.generate_audio(self._state, text).numpy()
        return self._known[text]


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
    return await collect(engine.submit(SpeechJob(tuple(texts), voice, sampling)), len(texts))


def speak_now(
    engine: BatchedEngine, voice: KvPrefix, texts: Sequence[str], sampling: Sampling = STILL
) -> list[Pcm]:
    return asyncio.run(speak(engine, voice, texts, sampling))


def assert_same(ours: Pcm, theirs: Pcm, tolerance: float = 1e-4) -> None:
    assert ours.shape == theirs.shape
    assert float(np.abs(ours - theirs).max()) < tolerance
