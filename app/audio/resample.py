"""Changes sample rates, with the same result for complete clips and for streams."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Iterator

import numpy as np
import scipy

from app.audio.child import closed_at_the_end
from app.audio.filters import filters_ready
from app.speech import Pcm

# The filter has 16 zero crossings on each side under a Kaiser window of 7. It is flat to 85 % of
# the lower rate's half and 70 dB down from 110 %. What folds back lies between, where speech has
# next to nothing.
_ZERO_CROSSINGS = 16
_KAISER_BETA = 7.0
_PASSBAND = 0.96


class Resampler:
    """Changes the sample rate of one stream by polyphase filtering.

    How the stream is cut into pieces makes no difference to the result, which starts and ends
    when the input does.
    """

    def __init__(self, from_hz: int, to_hz: int) -> None:
        shared = math.gcd(from_hz, to_hz)
        self._up, self._down = to_hz // shared, from_hz // shared
        lower = max(self._up, self._down)
        # As a multiple of `down` it makes the filter's delay a whole number of output samples.
        self._half = math.ceil(_ZERO_CROSSINGS * lower / self._down) * self._down
        taps = scipy.signal.firwin(
            2 * self._half + 1, _PASSBAND / lower, window=("kaiser", _KAISER_BETA)
        )
        self._taps = (taps * self._up).astype(np.float32)
        self._input: Pcm = np.zeros(0, dtype=np.float32)
        self._input_start = 0
        """The first sample kept has this position in the stream, a multiple of `down`."""
        self._fed = 0
        self._given = 0

    def feed(self, pcm: Pcm) -> Pcm:
        """Take PCM and return the output that it completes, shape [samples], possibly empty."""
        self._fed += len(pcm)
        return self._advance(pcm)

    def finish(self) -> Pcm:
        """Return the rest, after which input and output have the same duration."""
        total = math.ceil(self._fed * self._up / self._down)
        missing = total - self._given
        silence = np.zeros(math.ceil(self._half / self._up) + 1, dtype=np.float32)
        return self._advance(silence)[:missing]

    def _advance(self, pcm: Pcm) -> Pcm:
        self._input = np.concatenate([self._input, pcm], dtype=np.float32)
        end = self._input_start + len(self._input)
        # Output sample m is centred on m*down of the upsampled input and needs `half` around it.
        ready = max(self._given, -((self._half - end * self._up) // self._down))
        if ready == self._given:
            return np.zeros(0, dtype=np.float32)
        offset = (self._half - self._input_start * self._up) // self._down
        filtered = scipy.signal.upfirdn(self._taps, self._input, self._up, self._down)
        given = filtered[self._given + offset : ready + offset]
        self._given = ready
        needed = max(0, (ready * self._down - self._half) // self._up)
        kept_from = needed // self._down * self._down
        self._input = self._input[kept_from - self._input_start :]
        self._input_start = kept_from
        return np.asarray(given, dtype=np.float32)


def resampled_clip(pieces: Iterable[Pcm], from_hz: int, to_hz: int) -> Iterator[Pcm]:
    """Yield consecutive pieces at another rate. Blocks: about 2 ms for each second of audio."""
    resampler = Resampler(from_hz, to_hz)
    yield from map(resampler.feed, pieces)
    yield resampler.finish()


async def resampled(
    pieces: AsyncIterable[Pcm], from_hz: int, to_hz: int
) -> AsyncGenerator[Pcm, None]:
    """Yield a stream at another rate; if `pieces` is a generator, it is closed at the end."""
    async with closed_at_the_end(pieces):
        await filters_ready()
        resampler = Resampler(from_hz, to_hz)
        async for pcm in pieces:
            yield resampler.feed(pcm)
    yield resampler.finish()
