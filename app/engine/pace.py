"""Measures how fast this machine speaks, by the work it did lately."""

from __future__ import annotations

MEMORY_SECONDS = 2.0
MAX_LATENTS_PER_DECODE = 12


class BatchTimes:
    """Tells how long a batch takes, whatever its size: a time for itself, and one for each row.

    It is the line that fits the batches of late best.
    """

    def __init__(self, rows: float, seconds: float) -> None:
        self._batches = 0.0
        self._rows = self._seconds = self._squares = self._products = 0.0
        self.add(rows, seconds)

    def add(self, rows: float, seconds: float) -> None:
        """Count a batch."""
        self._batches += 1
        self._rows += rows
        self._seconds += seconds
        self._squares += rows * rows
        self._products += rows * seconds

    def fade(self) -> None:
        """Let what has been counted weigh half."""
        self._batches /= 2
        self._rows /= 2
        self._seconds /= 2
        self._squares /= 2
        self._products /= 2

    @property
    def line(self) -> tuple[float, float]:
        """Return the seconds of a batch of no rows, and those that each row adds."""
        rows, seconds = self._rows / self._batches, self._seconds / self._batches
        # That rows alone take time is assumed with the weight of one batch of twice the size.
        assumed, weight = seconds / rows, rows * rows
        spread = self._squares - rows * self._rows
        steepness = (self._products - rows * self._seconds + weight * assumed) / (spread + weight)
        each = min(max(steepness, 0.0), seconds / rows)
        return seconds - each * rows, each


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
        self._busy_seconds = 0.06
        self._latents = 4.0
        self._sampling = BatchTimes(4.0, 0.03)
        self._decoding = BatchTimes(4.0, 0.03)

    @property
    def audio_seconds_per_second(self) -> float:
        """Tell how much audio all workers together made in a second in which all were busy."""
        return self._workers * self._latents * self._frame_seconds / self._busy_seconds

    def audio_seconds_per_second_with(self, rows: int, latents: int) -> float:
        """Estimate how much they would make in a second in which so many rows speak.

        Args:
            rows: how many sequences the language model has in a batch.
            latents: how many latents the codec has.
        """
        batch, row = self._sampling.line
        sample_seconds = batch / rows + row
        batch, row = self._decoding.line
        decode_seconds = batch / latents + row
        return self._workers * self._frame_seconds / (sample_seconds + decode_seconds)

    def latents_in(self, seconds: float) -> int:
        """Tell how many latents one worker decodes in about `seconds`; 2 at least."""
        batch, latent = self._decoding.line
        fitting = (seconds - batch) / latent if latent > 0 else self._max_latents
        return int(max(2, min(self._max_latents, fitting)))

    def read(self, seconds: float) -> None:
        """Count a batch in which newcomers read their texts: it says nothing of the other rows."""
        self._worked(seconds)

    def sampled(self, rows: int, seconds: float) -> None:
        """Count a batch of the language model: how many rows, and how long a worker was busy."""
        self._sampling.add(rows, seconds)
        self._worked(seconds)

    def decoded(self, latents: int, seconds: float) -> None:
        """Count a batch of the codec: how many latents, and how long a worker was busy."""
        self._decoding.add(latents, seconds)
        self._latents += latents
        self._worked(seconds)

    def _worked(self, seconds: float) -> None:
        self._busy_seconds += seconds
        if self._busy_seconds > self._workers * MEMORY_SECONDS:
            self._busy_seconds /= 2
            self._latents /= 2
            self._sampling.fade()
            self._decoding.fade()
