"""Reads a script in turns with all others, first until it can be spoken, then while it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from app.bounds import READING_TURN_SECONDS
from app.speaking.plan import Batch, ScriptReader, ScriptRules
from app.work import CancelToken, ThreadPool

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reading:
    """Holds a script that was found good, and gives out the pieces of which it consists.

    Attributes:
        voices: the names in its markup, and None for the request's own voice.
        lead_seconds: how much silence comes before the first piece.
        first: the first pieces.
        left_out: stretches of letters that the model cannot read.
    """

    voices: tuple[str | None, ...]
    left_out: tuple[str, ...]
    lead_seconds: float
    first: Batch
    _next: Callable[[], Batch | None]
    _pool: ThreadPool

    @classmethod
    async def begin(cls, text: str, rules: ScriptRules, pool: ThreadPool) -> Reading:
        """Read a script until its first pieces can be spoken.

        Raises:
            InvalidRequest: whatever is wrong with all of it; see `ScriptReader.steps`.
        """
        reader = ScriptReader(text, rules)
        steps = reader.steps()
        first = await in_turns(pool, steps.__next__)
        return cls(reader.voices, reader.left_out, reader.lead_seconds, first, steps.__next__, pool)

    @classmethod
    def without_words(cls, pool: ThreadPool) -> Reading:
        """Stand for a script in which there is nothing to say."""
        nothing = Batch((), last=True)
        return cls((None,), (), 0.0, nothing, lambda: nothing, pool)

    async def next(self) -> Batch:
        """Read the next pieces; call it until one batch was the last."""
        return await in_turns(self._pool, self._next)


async def in_turns(pool: ThreadPool, step: Callable[[], T | None]) -> T:
    """Repeat a step until it gives something, and let others have their turn in between."""
    used_seconds = 0.0

    def turn(cancel: CancelToken) -> T | None:
        nonlocal used_seconds
        began_seconds = time.monotonic()
        while (given := step()) is None:
            cancel.check()
            if time.monotonic() - began_seconds > READING_TURN_SECONDS:
                break
        used_seconds += time.monotonic() - began_seconds
        return given

    while (given := await pool.run_cancellable(turn, used_seconds=used_seconds)) is None:
        pass
    return given
