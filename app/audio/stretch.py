"""Changes the speed or the pitch of flowing speech, each without the other, by FFmpeg's filters.

`atempo` is WSOLA: it repeats or skips whole periods of the voice where they overlap best. The
pitch moves by playing faster or slower (`asetrate`, `aresample`) what `atempo` made longer or
shorter before. Both are in every build of FFmpeg.
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import aclosing
from pathlib import Path

import numpy as np

from app.audio.child import FfmpegChild, closed_at_the_end
from app.audio.pcm import F32_BYTES, samples_in
from app.speech import Pcm

_FADE_SECONDS = 0.005

# FFmpeg cuts headerless PCM into packets of a tenth of a second, rounded down to a power of two
# bytes. Told the true rate it needs three frames of 80 ms for the first sound; told 12 kHz, it
# takes 1024 samples at a time and needs two. Still smaller packets cost more than they gain.
_DECLARED_RATE_HZ = 12000

# Silence is fed after the end, since a window of atempo (a twelfth of a second at most) that is
# not filled gives nothing. Up to three of them follow each other, and pitch can double their tempo.
_FLUSH_SECONDS = 0.34


class Stretch:
    """Sends one stretch of speech through one FFmpeg. Start it early, and always `stop` it."""

    def __init__(self, child: FfmpegChild, speed: float, sample_rate_hz: int) -> None:
        self._child = child
        self._speed = speed
        self._flush_samples = samples_in(_FLUSH_SECONDS * max(1.0, speed), sample_rate_hz)
        self._fade_samples = samples_in(_FADE_SECONDS, sample_rate_hz)
        self._fed_samples = 0

    @classmethod
    async def start(
        cls, *, speed: float, pitch_semitones: float, sample_rate_hz: int, ffmpeg: Path
    ) -> Stretch:
        """Start an FFmpeg with these filters; raise SynthesisFailed if it does not start."""
        filters = _filters(speed, pitch_semitones, sample_rate_hz)
        raw = ["-f", "f32le", "-ac", "1"]
        general = [str(ffmpeg), "-hide_banner", "-nostdin", "-loglevel", "error"]
        reading = [*raw, "-ar", str(_DECLARED_RATE_HZ), "-i", "pipe:0"]
        writing = ["-c:a", "pcm_f32le", *raw, "-flush_packets", "1", "pipe:1"]
        child = await FfmpegChild.start(
            [*general, *reading, "-af", ",".join(filters), *writing], "speed and pitch filter"
        )
        return cls(child, speed, sample_rate_hz)

    async def run(self, pieces: AsyncIterable[Pcm]) -> AsyncGenerator[Pcm, None]:
        """Yield the pieces, shaped; their duration is exactly divided by the speed. Call it once.

        The end is faded out within 5 ms, since that is where a join follows. If `pieces` is a
        generator, it is closed at the end.

        Raises (while iterating):
            SynthesisFailed: FFmpeg failed.
            Whatever iterating `pieces` raises, likewise.
        """
        held: Pcm = np.zeros(0, dtype=np.float32)
        given = 0
        partial = b""
        async with aclosing(self._child.run(self._fed(pieces))) as output:
            async for data in output:
                partial += data
                whole = len(partial) - len(partial) % F32_BYTES
                shaped = np.frombuffer(partial[:whole], dtype="<f4")
                partial = partial[whole:]
                held = np.concatenate([held, shaped], dtype=np.float32)
                # Nothing is given beyond what is sure to belong to the stretch, minus its fade.
                room = int(self._fed_samples / self._speed) - self._fade_samples - given
                ready = max(0, min(len(held), room))
                if ready > 0:
                    given += ready
                    yield held[:ready]
                    held = held[ready:]
        yield self._end(held, round(self._fed_samples / self._speed) - given)

    async def stop(self) -> None:
        """End the process and close its pipes. Call it with nobody reading."""
        self._child.kill()
        await self._child.reap()

    async def _fed(self, pieces: AsyncIterable[Pcm]) -> AsyncGenerator[bytes, None]:
        async with closed_at_the_end(pieces):
            async for pcm in pieces:
                self._fed_samples += len(pcm)
                yield pcm.astype("<f4", copy=False).tobytes()
        yield bytes(self._flush_samples * F32_BYTES)

    def _end(self, held: Pcm, samples: int) -> Pcm:
        ended = np.zeros(samples, dtype=np.float32)
        kept = min(samples, len(held))
        ended[:kept] = held[:kept]
        fade = min(self._fade_samples, samples)
        ended[samples - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
        return ended


def _filters(speed: float, pitch_semitones: float, sample_rate_hz: int) -> list[str]:
    # FFmpeg takes a whole number, which is 0.002 % off at worst; the tempo makes up for it.
    raised_hz = round(sample_rate_hz * 2 ** (pitch_semitones / 12))
    tempo = speed * sample_rate_hz / raised_hz
    # Up to a tempo of 2 atempo overlaps all it reads, beyond 2 it skips; below 0.5 it refuses.
    steps = math.ceil(abs(math.log2(tempo)) - 1e-9)
    filters = [f"asetrate={sample_rate_hz}"]
    filters += [f"atempo={tempo ** (1 / steps):.9f}"] * steps if steps else []
    if raised_hz != sample_rate_hz:
        filters += [f"asetrate={raised_hz}", f"aresample={sample_rate_hz}"]
    return filters
