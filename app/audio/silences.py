"""Makes the pauses that the model itself makes longer or shorter, while the speech flows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.audio.heard import MovedMoments
from app.audio.pcm import samples_in
from app.speech import Pcm

_HOP_SECONDS = 0.01
_UNDER_LOUDEST_DB = 35.0
# The loudest moment of quiet speech is as loud as this, and none softer is expected.
_LEAST_LOUDEST_DB = -20.0
# The loudest moment counts for this much less in the next chunk, whose voice may be softer.
_FORGOTTEN_DB = 6.0
# Shorter silences belong to words: before a "p" or a "k" the mouth is closed for nearly as long.
_LEAST_PAUSE_SECONDS = 0.1
# This much silence stays beside a word, since words begin and end more softly than they are.
_KEPT_SECONDS = 0.02
_FADE_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class PauseScales:
    """Says how many times as long silences become before, between and after a chunk's words."""

    before: float = 1.0
    inside: float = 1.0
    after: float = 1.0


class SilenceScaler:
    """Scales the silences of chunks that follow each other; their words are not touched.

    It is behind its input by a silence that has not ended yet, and by 10 ms. How a chunk is cut
    into pieces makes no difference.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        self._hop_samples = samples_in(_HOP_SECONDS, sample_rate_hz)
        self._least_samples = samples_in(_LEAST_PAUSE_SECONDS, sample_rate_hz)
        self._kept_samples = samples_in(_KEPT_SECONDS, sample_rate_hz)
        self._fade_samples = samples_in(_FADE_SECONDS, sample_rate_hz)
        self._loudest_db = _LEAST_LOUDEST_DB
        self._waiting: Pcm = np.zeros(0, dtype=np.float32)
        self._silence: list[Pcm] = []
        self._speaking = False
        """It tells whether a word of this chunk was heard."""

    def feed(self, pcm: Pcm, scales: PauseScales, moments: MovedMoments, *, last: bool) -> Pcm:
        """Take more of a chunk and return what can be played now, shape [samples], possibly empty.

        Args:
            moments: is told where the moments of the chunk go.
            last: whether the chunk ends here.
        """
        pcm = np.concatenate([self._waiting, pcm], dtype=np.float32)
        whole = len(pcm) // self._hop_samples * self._hop_samples
        hops = list(pcm[:whole].reshape(-1, self._hop_samples))
        if last and whole < len(pcm):
            hops.append(pcm[whole:])
        self._waiting = pcm[len(pcm) if last else whole :]
        ready: list[Pcm] = [self._waiting[:0]]
        for hop in hops:
            if self._is_silent(hop):
                self._silence.append(hop)
            else:
                ready += [self._before_word(scales, moments), hop]
                moments.keep(len(hop))
                self._speaking = True
        if last:
            ready.append(self._at_end(scales.after, moments))
            self._speaking = False
            self._loudest_db = max(_LEAST_LOUDEST_DB, self._loudest_db - _FORGOTTEN_DB)
        return np.concatenate(ready)

    def _is_silent(self, hop: Pcm) -> bool:
        level_db = 10 * np.log10(float(np.dot(hop, hop)) / len(hop) + 1e-12)
        self._loudest_db = max(self._loudest_db, level_db)
        return bool(level_db < self._loudest_db - _UNDER_LOUDEST_DB)

    def _before_word(self, scales: PauseScales, moments: MovedMoments) -> Pcm:
        silence = self._taken()
        if not self._speaking:
            samples = self._scaled(len(silence), scales.before, least=self._kept_samples)
            return self._resized(silence, samples, moments, from_start=0)
        if len(silence) < self._least_samples:
            moments.keep(len(silence))
            return silence
        samples = self._scaled(len(silence), scales.inside, least=2 * self._kept_samples)
        from_start = min(len(silence), samples) // 2
        return self._resized(silence, samples, moments, from_start=from_start)

    def _at_end(self, scale: float, moments: MovedMoments) -> Pcm:
        silence = self._taken()
        samples = self._scaled(len(silence), scale, least=self._kept_samples)
        from_start = min(len(silence), samples)
        return self._resized(silence, samples, moments, from_start=from_start)

    def _taken(self) -> Pcm:
        silence = np.concatenate([self._waiting[:0], *self._silence])
        self._silence = []
        return silence

    @staticmethod
    def _scaled(samples: int, scale: float, *, least: int) -> int:
        return max(min(samples, least), round(samples * scale))

    def _resized(
        self, silence: Pcm, samples: int, moments: MovedMoments, *, from_start: int
    ) -> Pcm:
        """Make a silence `samples` long: `from_start` of its own, zeros, the rest from its end."""
        if samples == len(silence):
            moments.keep(samples)
            return silence
        from_end = min(len(silence), samples) - from_start
        start = silence[:from_start].copy()
        end = silence[len(silence) - from_end :].copy()
        for edge in (start[::-1], end):
            fade = min(self._fade_samples, len(edge))
            edge[:fade] *= np.arange(fade, dtype=np.float32) / max(1, fade)
        zeros = np.zeros(samples - from_start - from_end, dtype=np.float32)
        moments.keep(from_start)
        moments.resize(len(silence) - from_start - from_end, len(zeros))
        moments.keep(from_end)
        return np.concatenate([start, zeros, end])
