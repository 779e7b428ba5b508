"""Keeps the sound of one take, and notices at once what no further sound can mend."""

from __future__ import annotations

import numpy as np

from app.engine.takes.faults import LEAST_FLUX, Fault, is_finite
from app.engine.takes.flux import Flux
from app.speech import NO_PCM, Pcm


class Hearing:
    """Hears one take as it is spoken."""

    def __init__(self) -> None:
        self._pieces: list[Pcm] = [NO_PCM]
        self._flux = Flux()

    @property
    def pcm(self) -> Pcm:
        """Return all of it so far, shape [samples]."""
        return np.concatenate(self._pieces)

    @property
    def least_flux(self) -> float:
        """Return how little the spectrum changed over a second, as `Flux` has it."""
        return self._flux.least

    def hear(self, pcm: Pcm) -> Fault | None:
        """Take the next of it; name what is wrong with the take already, if anything is."""
        if not is_finite(pcm):
            return "not finite"
        self._pieces.append(pcm)
        self._flux.feed(pcm)
        return "stuck" if self._flux.least < LEAST_FLUX else None
