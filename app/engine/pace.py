"""Measures how fast this machine speaks, by the work it did lately."""

from __future__ import annotations

MEMORY_SECONDS = 2.0
MAX_LATENTS_PER_DECODE = 12
CROWDED_DECAY = 0.9
"""So much of what was reached with company is left when another memory's worth of work is done."""


class Pace:
    """Keeps rates over the last few seconds of work; idle time does not count.

    The first guesses are those of a laptop; a moment of work replaces them.

    Args:
        workers: how many threads compute batches.
        frame_seconds: audio of one latent.
        max_latents_per_decode: the codec takes no more at once, however fast it is.
    """

    def __init__(
        self,
        workers: int,
        frame_seconds: float,
        max_latents_per_decode: int = MAX_LATENTS_PER_DECODE,
    ) -> None:
        self._max_latents = max_latents_per_decode
        self._workers = workers
        self._frame_seconds = frame_seconds
        self._busy_seconds = 0.04
        self._decode_seconds = 0.02
        self._latents = 4.0
        self._crowded = 0.0

    @property
    def audio_seconds_per_second(self) -> float:
        """Tell how much audio all workers together make in a second in which all are busy."""
        return self._workers * self._latents * self._frame_seconds / self._busy_seconds

    @property
    def crowded_audio_seconds_per_second(self) -> float:
        """Tell how much that was when most spoke at once lately: large batches make more of it."""
        return max(self._crowded, self.audio_seconds_per_second)

    def latents_in(self, seconds: float) -> int:
        """Tell how many latents one worker decodes in about `seconds`; 2 at least."""
        fitting = int(seconds * self._latents / self._decode_seconds)
        return max(2, min(self._max_latents, fitting))

    def sampled(self, seconds: float) -> None:
        """Count a batch of the language model that kept a worker busy for so long."""
        self._busy_seconds += seconds

    def decoded(self, latents: int, seconds: float) -> None:
        """Count a batch of the codec: how many latents it had, and how long a worker was busy."""
        self._busy_seconds += seconds
        self._decode_seconds += seconds
        self._latents += latents
        if self._busy_seconds > self._workers * MEMORY_SECONDS:
            self._crowded = max(CROWDED_DECAY * self._crowded, self.audio_seconds_per_second)
            self._busy_seconds /= 2
            self._decode_seconds /= 2
            self._latents /= 2
