"""Makes recordings into a good voice prompt: trimmed, levelled, joined, ending on a pause.

A prompt that stops in the middle of a word makes the model go on with that word, and one with long
silence makes it begin late; a quiet one makes it speak quietly. What was done is reported.
"""

from __future__ import annotations

import io
import math
import wave
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from app.errors import InvalidClip
from app.speech import Clip, DecodedClip, Pcm

TARGET_LEVEL_DB = -20.0
"""Speech, without its pauses, is brought to this RMS, in dB of full scale."""
PEAK_DB = -1.0
"""No gain raises a sample over this."""
MAX_GAIN_DB = 30.0
NOISE_CEILING_DB = -50.0
"""No gain raises the background over this."""
SILENCE_UNDER_LOUDEST_DB = 35.0
"""What is this much quieter than the loudest frame is a pause."""
SPEECH_UNDER_LOUDEST_DB = 25.0
"""What is louder than that is speech; between the two may be soft sounds or a room's noise."""
SILENCE_DB = -80.0
MIN_SPEECH_SECONDS = 1.0
LEAD_SECONDS = 0.05
"""This much is kept before the first sound, so that its onset is whole."""
ONSET_SECONDS = 0.1
"""This much soft sound is kept before the first speech, as it may be an "f" or an "h"."""
DECAY_SECONDS = 0.15
"""This much soft sound is kept after the last speech."""
MAX_PAUSE_SECONDS = 1.0
LEFT_PAUSE_SECONDS = 0.5
"""This much is left of a pause longer than `MAX_PAUSE_SECONDS`."""
PREPARATION = 2
"""It goes up whenever the same recording becomes another prompt; older states are then void."""
JOIN_SECONDS = 0.2
"""Two recordings are joined with this much silence."""
END_PAUSE_SECONDS = 0.08
RECORDING_FADE_SECONDS = 0.02
"""Each recording fades out over this time."""

_FRAME_SECONDS = 0.02
_SPECTRUM_SECONDS = 0.085
_MOST_SPECTRA = 180
# Recordings and speech of the preview voice reach no more than 0.66, a square wave 0.90.
_TONE_SHARE = 0.88
# Within the last third of a prompt that is cut, a pause is worth more than the words after it.
_PAUSE_SEARCH_SHARE = 1 / 3
_PAUSE_FRAMES = 4
_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class ClipReport:
    """Reports what was done to one recording."""

    filename: str
    read_seconds: float
    used_seconds: float
    trimmed_start_seconds: float
    trimmed_end_seconds: float
    gain_db: float
    shortened_pauses_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class PromptReport:
    """Reports what was done to make a prompt, in numbers and words."""

    seconds: float
    sample_rate_hz: int
    level_db: float
    peak_db: float
    clips: tuple[ClipReport, ...]
    actions: tuple[str, ...]


class PromptBuilder:
    """Collects recordings one after another until the prompt is full.

    Args:
        sample_rate_hz: rate of every clip that is added, and of the prompt.
        max_seconds: how long the prompt may be, its pauses included.
    """

    def __init__(self, *, sample_rate_hz: int, max_seconds: float) -> None:
        self._rate_hz = sample_rate_hz
        self._room_samples = _samples(max_seconds - END_PAUSE_SECONDS, sample_rate_hz)
        self._max_seconds = max_seconds
        self._pieces: list[Pcm] = []
        self._reports: list[ClipReport] = []
        self._actions = [f"converted to one channel at {sample_rate_hz} Hz"]

    def add(self, decoded: DecodedClip, clip: Clip) -> None:
        """Take the speech of a recording as far as there is room.

        Args:
            decoded: what was read of `clip`.

        Raises:
            InvalidClip: less than a second of it is anything but silence, or it is a tone.
        """
        pcm, filename = decoded.pcm, clip.filename
        start, end = _speech_bounds(pcm, self._rate_hz)
        speech = _with_short_pauses(pcm[start:end], self._rate_hz)
        paused = end - start - len(speech)
        if len(speech) < MIN_SPEECH_SECONDS * self._rate_hz:
            raise InvalidClip(
                f"{clip.field} has {len(speech) / self._rate_hz:.2f} s of speech between "
                f"silences; {MIN_SPEECH_SECONDS:g} s is the least",
                field=clip.field,
            )
        if _is_tone(speech, self._rate_hz):
            raise InvalidClip(f"{clip.field} holds tones and no voice", field=clip.field)
        room = self._room_samples - sum(map(len, self._pieces))
        if self._pieces:
            room -= _samples(JOIN_SECONDS, self._rate_hz)
        if self._pieces and room < MIN_SPEECH_SECONDS * self._rate_hz:
            self._actions.append(f"{filename!r} left out: the prompt is full")
            return
        if decoded.only_channel:
            self._actions.append(
                f"the {decoded.only_channel} channel of {filename!r} taken alone: the other one "
                "is silent or cancels it"
            )
        speech = speech - np.mean(speech, dtype=np.float64).astype(np.float32)
        if len(speech) > room:
            speech = speech[: _cut_on_pause(speech, room, self._rate_hz)]
            self._actions.append(
                f"{filename!r} cut after {len(speech) / self._rate_hz:.1f} s: a prompt is at most "
                f"{self._max_seconds:g} s"
            )
        gain_db = _gain_db(speech, self._rate_hz)
        self._describe(filename, pcm, start, end, len(speech), gain_db, paused)
        self._append(_faded(speech * np.float32(10 ** (gain_db / 20)), self._rate_hz))

    def build(self) -> tuple[Pcm, PromptReport]:
        """Return the prompt, shape [samples], which ends in a short pause, and what was done."""
        pause = np.zeros(_samples(END_PAUSE_SECONDS, self._rate_hz), np.float32)
        prompt = np.concatenate([*self._pieces, pause])
        if len(self._reports) > 1:
            self._actions.append(f"{len(self._reports)} recordings joined with {JOIN_SECONDS:g} s")
        self._actions.append(f"ended on a pause of {END_PAUSE_SECONDS:g} s")
        report = PromptReport(
            seconds=round(len(prompt) / self._rate_hz, 3),
            sample_rate_hz=self._rate_hz,
            level_db=round(_speech_level_db(prompt, self._rate_hz), 1),
            peak_db=round(_db(float(np.abs(prompt).max())), 1),
            clips=tuple(self._reports),
            actions=tuple(self._actions),
        )
        return prompt, report

    def _append(self, speech: Pcm) -> None:
        if self._pieces:
            self._pieces.append(np.zeros(_samples(JOIN_SECONDS, self._rate_hz), np.float32))
        self._pieces.append(speech)

    def _describe(
        self,
        filename: str,
        pcm: Pcm,
        start: int,
        end: int,
        used: int,
        gain_db: float,
        paused: int,
    ) -> None:
        seconds = [round(count / self._rate_hz, 3) for count in (start, len(pcm) - end)]
        self._reports.append(
            ClipReport(
                filename=filename,
                read_seconds=round(len(pcm) / self._rate_hz, 3),
                used_seconds=round(used / self._rate_hz, 3),
                trimmed_start_seconds=seconds[0],
                trimmed_end_seconds=seconds[1],
                gain_db=round(gain_db, 1),
                shortened_pauses_seconds=round(paused / self._rate_hz, 3),
            )
        )
        if paused:
            self._actions.append(
                f"{paused / self._rate_hz:.1f} s of silence cut out of {filename!r}"
            )
        for where, cut in zip(("start", "end"), seconds, strict=True):
            if cut >= 0.1:
                self._actions.append(f"{cut:.1f} s of silence cut from the {where} of {filename!r}")
        if abs(gain_db) >= 0.5:
            how = "louder" if gain_db > 0 else "quieter"
            self._actions.append(f"{filename!r} made {abs(gain_db):.1f} dB {how}")
        below_db = TARGET_LEVEL_DB - _speech_level_db(pcm, self._rate_hz) - gain_db
        if below_db >= 3:
            self._actions.append(
                f"{filename!r} left {below_db:.0f} dB quieter than usual, so that neither its "
                "background becomes a noise nor its loudest moment clips"
            )


def wav_bytes(pcm: Pcm, sample_rate_hz: int) -> bytes:
    """Encode PCM as a mono 16-bit WAV file."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate_hz)
        file.writeframes(np.rint(np.clip(pcm, -1, 1) * 32767).astype("<i2").tobytes())
    return buffer.getvalue()


def _frame_levels_db(pcm: Pcm, rate_hz: int) -> NDArray[np.float64]:
    """Return the level of each whole frame of 20 ms, shape [frames]."""
    frame = _samples(_FRAME_SECONDS, rate_hz)
    count = len(pcm) // frame
    squares = np.square(pcm[: count * frame], dtype=np.float64).reshape(count, frame)
    levels: NDArray[np.float64] = 10 * np.log10(squares.mean(axis=1) + _TINY)
    return levels


def _speech_bounds(pcm: Pcm, rate_hz: int) -> tuple[int, int]:
    """Return the first sample of speech and the one after the last; (0, 0) if there is none."""
    loud = _speech_frames(pcm, rate_hz)
    if not len(loud):
        return 0, 0
    levels = _frame_levels_db(pcm, rate_hz)
    heard = np.flatnonzero(levels > _pause_level_db(levels))
    frame = _samples(_FRAME_SECONDS, rate_hz)
    start = max(
        int(heard[0]) * frame - _samples(LEAD_SECONDS, rate_hz),
        int(loud[0]) * frame - _samples(ONSET_SECONDS, rate_hz),
    )
    end = min(
        (int(heard[-1]) + 1) * frame,
        (int(loud[-1]) + 1) * frame + _samples(DECAY_SECONDS, rate_hz),
    )
    return max(0, start), end


def _speech_frames(pcm: Pcm, rate_hz: int) -> NDArray[np.intp]:
    """List the indices of the frames in which there is speech for sure, shape [frames]."""
    levels = _frame_levels_db(pcm, rate_hz)
    if not len(levels):
        return np.zeros(0, dtype=np.intp)
    loudest = _loudest_db(levels)
    # Where even the background is loud, only what stands out of it is speech.
    background = float(np.percentile(levels, 10)) + 6
    least = max(loudest - SPEECH_UNDER_LOUDEST_DB, min(background, loudest - 15), SILENCE_DB)
    return np.flatnonzero(levels > least)


def _with_short_pauses(pcm: Pcm, rate_hz: int) -> Pcm:
    """Return the recording without the middle of its long pauses."""
    frame = _samples(_FRAME_SECONDS, rate_hz)
    loud = _speech_frames(pcm, rate_hz)
    kept = _samples(LEFT_PAUSE_SECONDS / 2, rate_hz)
    pieces = []
    start = 0
    for last, following in pairwise(loud.tolist()):
        if (following - last - 1) * frame > MAX_PAUSE_SECONDS * rate_hz:
            pieces.append(_faded(pcm[start : (last + 1) * frame + kept], rate_hz))
            start = following * frame - kept
    return np.concatenate([*pieces, pcm[start:]]) if pieces else pcm


def _is_tone(speech: Pcm, rate_hz: int) -> bool:
    """Tell whether a sound is hardly more than two sines, as a test signal or a hum is.

    A voice has a few moments that are like this, and many that are not.
    """
    size = _samples(_SPECTRUM_SECONDS, rate_hz)
    if len(speech) < size:
        return False
    pieces = np.lib.stride_tricks.sliding_window_view(speech[: _MOST_SPECTRA * size], size)
    pieces = pieces[:: size // 2]
    energies = np.square(pieces).mean(axis=1)
    pieces = pieces[energies > energies.max() / 1000]
    power = np.square(np.abs(np.fft.rfft(pieces * np.hanning(size), axis=1)))
    whole = power.sum(axis=1)
    rows = np.arange(len(power))[:, None]
    for _ in range(2):
        near = power.argmax(axis=1)[:, None] + np.arange(-3, 4)
        power[rows, np.clip(near, 0, power.shape[1] - 1)] = 0
    shares = 1 - power.sum(axis=1) / whole
    return float(np.percentile(shares, 20)) > _TONE_SHARE


def _loudest_db(levels: NDArray[np.float64]) -> float:
    # A click at the edge must not count as the loudest frame.
    return float(np.percentile(levels, 98))


def _pause_level_db(levels: NDArray[np.float64]) -> float:
    return max(SILENCE_DB, _loudest_db(levels) - SILENCE_UNDER_LOUDEST_DB)


def _speech_level_db(pcm: Pcm, rate_hz: int) -> float:
    levels = _frame_levels_db(pcm, rate_hz)
    spoken = levels[levels > _pause_level_db(levels)]
    return 10 * math.log10(float(np.mean(10 ** (spoken / 10))) + _TINY) if len(spoken) else -120.0


def _gain_db(speech: Pcm, rate_hz: int) -> float:
    """Return the gain that levels speech, but neither clips it nor makes its background a noise."""
    wanted = TARGET_LEVEL_DB - _speech_level_db(speech, rate_hz)
    wanted = min(wanted, MAX_GAIN_DB, PEAK_DB - _db(float(np.abs(speech).max())))
    background_db = float(np.percentile(_frame_levels_db(speech, rate_hz), 5))
    if wanted > 0:
        wanted = max(0.0, min(wanted, NOISE_CEILING_DB - background_db))
    return wanted


def _cut_on_pause(speech: Pcm, room_samples: int, rate_hz: int) -> int:
    """Find where to cut so that at most `room_samples` remain, in a late pause if there is one."""
    frame = _samples(_FRAME_SECONDS, rate_hz)
    levels = _frame_levels_db(speech[:room_samples], rate_hz)
    quiet = levels < _pause_level_db(levels) + 10
    least = math.ceil(MIN_SPEECH_SECONDS / _FRAME_SECONDS) + _PAUSE_FRAMES
    earliest = max(least, int(len(quiet) * (1 - _PAUSE_SEARCH_SHARE)))
    for last in range(len(quiet), earliest, -1):
        if quiet[last - _PAUSE_FRAMES : last].all():
            return (last - _PAUSE_FRAMES // 2) * frame
    return room_samples


def _faded(speech: Pcm, rate_hz: int) -> Pcm:
    fade = min(_samples(RECORDING_FADE_SECONDS, rate_hz), len(speech))
    faded = speech.copy()
    faded[len(faded) - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
    return faded


def _samples(seconds: float, rate_hz: int) -> int:
    return max(1, round(seconds * rate_hz))


def _db(amplitude: float) -> float:
    return 20 * math.log10(max(amplitude, _TINY))
