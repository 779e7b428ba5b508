"""Chooses, without any reference, the attention heads that tell which word is being spoken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.engine.alignment.loudness import STEP_SECONDS, power_of
from app.engine.alignment.path import best_path, crossing_frames
from app.engine.alignment.words import Word
from app.speech import Pcm
from app.speech_engine import ESTIMATED, Alignment, Head

MOST_HEADS = 4
LEAST_GAIN = 0.45
"""Heads that do not align have gains of at most .25, positional ones of up to .67."""
GAIN_BEHIND_BEST = 0.25
LEAST_DEVIATION_TOKENS = 0.5
LEAST_CORRELATION = 0.35
SURE_ALONE_GAIN = 0.75
"""A head that nothing confirms is believed from this gain on."""
LATE_SECONDS = 0.025
"""The softest moment around a border is this much later than the border."""
_REACH_STEPS = 20
_SMOOTH_STEPS = 3
_FLOOR = 1e-10
"""The power of digital silence, which has no logarithm."""


@dataclass(frozen=True, slots=True)
class Recording:
    """Holds a chunk that was spoken with all heads watched.

    Attributes:
        shares: how much of each token is each word's, `[tokens, words]`.
        attention: `[heads, frames, tokens]`.
    """

    words: tuple[Word, ...]
    shares: NDArray[np.float32]
    attention: NDArray[np.float32]
    pcm: Pcm


def choose(
    recordings: Sequence[Recording], heads: Sequence[Head], frame_seconds: float
) -> Alignment:
    """Choose the heads that follow the words, and measure how late words sound after their looks.

    Args:
        heads: names of those in the recordings, in order.
    """
    usable = [each for each in recordings if each.attention.shape[1] >= len(each.words) > 1]
    if not usable:
        return ESTIMATED
    gains = np.mean([gains_of(each.attention @ each.shares) for each in usable], axis=0)
    chosen = _confirmed(usable, gains)
    if not chosen:
        return ESTIMATED
    together = [each.attention[chosen].mean(0, keepdims=True) for each in usable]
    gain = float(
        np.mean([gains_of(a @ each.shares)[0] for a, each in zip(together, usable, strict=True)])
    )
    return Alignment(
        "attention",
        tuple(heads[head] for head in chosen),
        round(gain, 3),
        round(_offset_seconds(usable, together, frame_seconds), 4),
    )


def gains_of(mass: NDArray[np.float32]) -> NDArray[np.float64]:
    """Tell for each head how much better than by chance its looks follow the words.

    The looks at a word during its own frames, averaged over the words: 1 for a head that looks at
    nothing else, and counted from what the same frames give in a random order.

    Args:
        mass: `[heads, frames, words]`.
    """
    order = np.random.default_rng(0).permutation(mass.shape[1])
    own, by_chance = _own_looks(mass), _own_looks(mass[:, order])
    return (own - by_chance) / np.maximum(1 - by_chance, 1e-6)


def _own_looks(mass: NDArray[np.float32]) -> NDArray[np.float64]:
    """Average over the words how much each is looked at in its frames: `[heads]`."""
    own = best_path(mass)[..., None] == np.arange(mass.shape[2])
    looks: NDArray[np.float64] = ((mass * own).sum(1) / own.sum(1)).mean(1, dtype=float)
    return looks


def _confirmed(recordings: Sequence[Recording], gains: NDArray[np.float64]) -> list[int]:
    """Choose heads by gain, without those that only count the frames.

    Such a head moves on evenly whatever is spoken. So a real one leaves the straight line, and does
    so where another one does too.
    """
    wandering = [_off_the_line(each.attention) for each in recordings]
    deviations = np.mean([each.std(1) for each in wandering], axis=0)
    gains = np.where(deviations >= LEAST_DEVIATION_TOKENS, gains, 0.0)
    best = np.argsort(-gains)[:MOST_HEADS]
    best = best[gains[best] >= max(LEAST_GAIN, gains.max() - GAIN_BEHIND_BEST)]
    if len(best) < 2:
        return [int(head) for head in best if gains[head] >= SURE_ALONE_GAIN]
    alike = np.corrcoef(np.concatenate([each[best] for each in wandering], axis=1))
    np.fill_diagonal(alike, -1.0)
    return [int(head) for head in best[alike.max(1) >= LEAST_CORRELATION]]


def _off_the_line(attention: NDArray[np.float32]) -> NDArray[np.float64]:
    """Tell how far each frame's look is from where an even pace would have it, in tokens.

    Args:
        attention: `[heads, frames, tokens]`.

    Returns:
        `[heads, frames]`.
    """
    looks = (attention @ np.arange(attention.shape[2])).astype(float)
    frames = np.arange(looks.shape[1], dtype=float)
    line = np.stack([frames, np.ones_like(frames)], axis=1)
    evenly: NDArray[np.float64] = line @ np.linalg.lstsq(line, looks.T, rcond=None)[0]
    return looks - evenly.T


def _offset_seconds(
    recordings: Sequence[Recording],
    attention: Sequence[NDArray[np.float32]],
    frame_seconds: float,
) -> float:
    """Tell how much later than the looks say the borders between words are.

    Speech is softest at borders: the level around all of them is averaged, and its deepest dip
    taken. 0 where there is none.
    """
    around = []
    for each, looks in zip(recordings, attention, strict=True):
        mass = (looks @ each.shares)[0]
        path, masses = best_path(mass), mass.tolist()
        levels = np.pad(_levels_db(each.pcm), _REACH_STEPS + _SMOOTH_STEPS, mode="edge")
        smooth = np.convolve(levels, np.full(_SMOOTH_STEPS, 1 / _SMOOTH_STEPS), "same")
        for word in range(1, len(each.words)):
            crossing = crossing_frames(masses, int(np.searchsorted(path, word)), word)
            at = round(crossing * frame_seconds / STEP_SECONDS) + _SMOOTH_STEPS
            around.append(smooth[at : at + 2 * _REACH_STEPS + 1])
    deepest = deepest_dip(np.mean(around, axis=0))
    if deepest is None:
        return 0.0
    return (deepest - _REACH_STEPS) * STEP_SECONDS - LATE_SECONDS


def deepest_dip(levels: NDArray[np.float64]) -> int | None:
    """Find the dip out of which one has to climb highest to get to a deeper place, or to an end.

    It is what `scipy.signal.find_peaks` says of prominences, without the 60 MB of that module.

    Returns:
        Its place in `levels`, the middle of a flat one; None if there is no dip.
    """
    starts = np.flatnonzero(np.diff(levels, prepend=np.nan))  # of stretches of equal levels
    ends = np.append(starts[1:], len(levels)) - 1
    steps = levels[starts]
    climbs = {
        index: min(_climb(steps[index::-1]), _climb(steps[index:]))
        for index in range(1, len(steps) - 1)
        if steps[index - 1] > steps[index] < steps[index + 1]
    }
    if not climbs:
        return None
    deepest = max(climbs, key=lambda index: climbs[index])
    return int(starts[deepest] + ends[deepest]) // 2


def _climb(steps: NDArray[np.float64]) -> float:
    """Tell how high the steps rise above the first of them before one is lower than that."""
    lower = np.flatnonzero(steps < steps[0])
    return float(steps[: lower[0] if len(lower) else None].max() - steps[0])


def _levels_db(pcm: Pcm) -> NDArray[np.float32]:
    levels: NDArray[np.float32] = 10 * np.log10(power_of(pcm) + np.float32(_FLOOR))
    return levels
