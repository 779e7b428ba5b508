"""How fast this machine speaks, as seen from the work it did lately."""

from __future__ import annotations

MEMORY_SECONDS = 2.0
MAX_LATENTS_PER_DECODE = 12


class Pace:
    """Rates over the last few seconds of work, idle time not counted.

    The first guesses are those of a laptop; a moment of work replaces them.
    """

    def __init__(self, workers: int, frame_seconds: float) -> None:
        self._workers = workers
        self._frame_seconds = frame_seconds
        self._busy_seconds = 0.04
        self._decode_seconds = 0.02
        self._latents = 4.0

    @property
    def audio_seconds_per_second(self) -> float:
        """What all workers together make while they are busy."""
        return self._workers * self._latents * self._frame_seconds / self._busy_seconds

    def latents_in(self, seconds: float) -> int:
        """How many latents one worker decodes in about `seconds`; at least two."""
        fitting = int(seconds * self._latents / self._decode_seconds)
        return max(2, min(MAX_LATENTS_PER_DECODE, fitting))

    def stepped(self, seconds: float) -> None:
        """A worker was busy with a step for so long."""
        self._busy_seconds += seconds

    def decoded(self, latents: int, seconds: float) -> None:
        """A worker was busy with decoding so many latents for so long."""
        self._busy_seconds += seconds
        self._decode_seconds += seconds
        self._latents += latents
        if self._busy_seconds > self._workers * MEMORY_SECONDS:
            self._busy_seconds /= 2
            self._decode_seconds /= 2
            self._latents /= 2
