"""Gives out speech as it is made, and tells who is heard and how far it has come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from app.audio.shaping import Shaper
from app.errors import Overloaded, SynthesisFailed
from app.speaking.speaker import Origin
from app.speech import Pcm, SpeechRequest
from app.speech_engine import JobTimings, SpeechStream


class Utterance:
    """Follows one request on its way through the engine. Read its sound once, then close it.

    Attributes:
        request: the request that is spoken.
        origin: the model and the voice that are heard.
        began_seconds: when the request came in, as `time.monotonic` has it.
        spoken_seconds: how much sound has been read so far.

    Args:
        patience_seconds: how long whoever reads waits for the first audio.
    """

    def __init__(
        self,
        request: SpeechRequest,
        origin: Origin,
        stream: SpeechStream,
        shaper: Shaper,
        *,
        sample_rate_hz: int,
        began_seconds: float,
        patience_seconds: float,
        count_script_tokens: Callable[[], int],
    ) -> None:
        self.request = request
        self.origin = origin
        self.sample_rate_hz = sample_rate_hz
        self.began_seconds = began_seconds
        self.spoken_seconds = 0.0
        self._stream = stream
        self._shaper = shaper
        self._patience_seconds = patience_seconds
        self._count_script_tokens = count_script_tokens

    @property
    def timings(self) -> JobTimings:
        """Return how many seconds each stage took that is over."""
        return self._stream.timings

    async def pcm(self) -> AsyncGenerator[Pcm, None]:
        """Yield the whole speech in order, pauses included: mono, shape [samples].

        Raises:
            Overloaded: no audio came in time. Nothing was yielded before that.
            SynthesisFailed, ModelUnavailable: what was yielded is not the whole speech.
        """
        async with self._shaper as shaper, aclosing(shaper.run(self._stream)) as pieces:
            piece = await self._first_of(pieces)
            while piece is not None:
                self.spoken_seconds += len(piece) / self.sample_rate_hz
                yield piece
                piece = await anext(pieces, None)
            if not shaper.spoken_samples:
                raise SynthesisFailed("the engine made no audio")

    def count_script_tokens(self) -> int:
        """Count the tokens that the model reads of the script. Blocks."""
        return self._count_script_tokens()

    def close(self) -> None:
        """Stop the work behind this speech, if any is left."""
        self._stream.abort()

    async def _first_of(self, pieces: AsyncGenerator[Pcm, None]) -> Pcm | None:
        """Wait for the first audio, but no longer than that is of use to anybody."""
        try:
            async with asyncio.timeout(self._patience_seconds):
                return await anext(pieces, None)
        except TimeoutError:
            raise Overloaded(
                f"no audio within {self._patience_seconds:.0f} s: too much is being spoken",
                retry_after_seconds=self._patience_seconds,
            ) from None
