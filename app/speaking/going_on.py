"""Goes on reading a script while its beginning is spoken."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from app.audio.shaping import Shaper
from app.bounds import CHUNKS_AHEAD
from app.speaking.marking import Marking
from app.speaking.plan import Batch
from app.speaking.reading import Reading, in_turns
from app.speech_engine import SpeechEngine, SpeechStream, SpokenChunk, VoiceState
from app.work import ThreadPool


class GoingOn:
    """Gives the engine the rest of a script, only so far ahead of the listener as is of use.

    Use from the event loop.

    Args:
        script: was read until its first pieces, which the engine has.
        voices: the voice states of all its voices.
        marking: is told of all pieces before they are spoken.
    """

    def __init__(
        self,
        script: Reading,
        voices: Mapping[str | None, VoiceState],
        stream: SpeechStream,
        shaper: Shaper,
        marking: Marking,
        engine: SpeechEngine,
        pool: ThreadPool,
    ) -> None:
        self._script = script
        self._voices = voices
        self._stream = stream
        self._shaper = shaper
        self._engine = engine
        self._pool = pool
        self._marking = marking
        marking.extend(script.first.pieces)
        self._texts = [piece.text for piece in script.first.pieces]
        self._heard_chunks = 0
        self._was_heard = asyncio.Event()

    def heard(self, chunks: int) -> None:
        """Note that so many chunks have been read to their end by whoever listens."""
        if chunks != self._heard_chunks:
            self._heard_chunks = chunks
            self._was_heard.set()

    async def read_on(self) -> None:
        """Read to the end of the script; cancel it to stop."""
        batch = self._script.first
        while not batch.last:
            while len(self._texts) >= self._heard_chunks + CHUNKS_AHEAD:
                self._was_heard.clear()
                await self._was_heard.wait()
            batch = await self._script.next()
            self._texts += [piece.text for piece in batch.pieces]
            self._marking.extend(batch.pieces)
            # The shapes come first: once the engine has the chunks, their sound may come.
            self._shaper.extend([piece.shape for piece in batch.pieces], more=not batch.last)
            self._stream.extend(spoken_chunks(batch, self._voices), more=not batch.last)

    async def count_tokens(self) -> int:
        """Count the tokens that the model reads for what has been read of the script."""
        counts: list[int] = []
        texts = iter(self._texts)

        def count_one() -> int | None:
            text = next(texts, None)
            if text is None:
                return sum(counts)
            counts.append(self._engine.count_tokens(text))
            return None

        return await in_turns(self._pool, count_one)


def spoken_chunks(batch: Batch, voices: Mapping[str | None, VoiceState]) -> tuple[SpokenChunk, ...]:
    """Return what the engine is to speak."""
    return tuple(SpokenChunk(piece.text, voices[piece.voice]) for piece in batch.pieces)
