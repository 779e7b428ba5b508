"""Makes up what a model would look at, and what it would sound like."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from app.engine.alignment.words import Word
from app.speech import Pcm
from app.speech_engine import Alignment

FRAME_SAMPLES = 1920
FRAME_SECONDS = 0.08
SURE = Alignment("attention", gain=0.9)


def words_of(count: int, *, pauses: Sequence[int] = ()) -> tuple[Word, ...]:
    """Words of one letter, with a mark after some of them."""
    return tuple(Word(2 * i, 2 * i + 1, before_pause=i in pauses) for i in range(count))


def mass_at(borders: Sequence[float], frames: int, sharpness: float = 4.0) -> NDArray[np.float32]:
    """Looks that pass from word to word at `borders`, in frames: `[frames, words]`."""
    places = np.arange(frames)[:, None] + 0.5 - np.asarray(borders)[None]
    passed = 1 / (1 + np.exp(np.clip(-sharpness * places, -50, 50)))
    edges = np.concatenate([np.ones((frames, 1)), passed, np.zeros((frames, 1))], axis=1)
    mass: NDArray[np.float32] = (edges[:, :-1] - edges[:, 1:]).astype(np.float32)
    return mass


def look_at(attention: NDArray[np.float32]) -> Callable[[int], NDArray[np.float32]]:
    """Give out the frames of `[heads, frames, tokens]` one after the other."""
    given = 0

    def look(frames: int) -> NDArray[np.float32]:
        nonlocal given
        given += frames
        assert given <= attention.shape[1]
        return attention[:, given - frames : given]

    return look


def sound(frames: int, *, silent: Sequence[tuple[float, float]] = ()) -> Pcm:
    """A tone, with silences from one second to another."""
    seconds = np.arange(frames * FRAME_SAMPLES) / 24_000
    pcm = 0.3 * np.sin(2 * np.pi * 440 * seconds)
    for start, end in silent:
        pcm[(seconds >= start) & (seconds < end)] = 0.0
    return pcm.astype(np.float32)
