"""From uploaded recordings to the sound file of a voice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.errors import InvalidClip
from app.speech import Clip, Pcm
from app.voices.clips import PromptBuilder, PromptReport, wav_bytes

MAX_RECORDING_SECONDS = 600.0

RecordingDecoder = Callable[[Clip, float], Pcm]
"""(recording, seconds to read) → checked mono PCM at the model's rate"""


def beginning_of(read: RecordingDecoder, clip: Clip, *, seconds: float, sample_rate_hz: int) -> Pcm:
    """The first `seconds` of a recording, as it is. Blocks.

    Raises:
        InvalidClip: it is no voice, or so long that it cannot be meant.
    """
    pcm = read(clip, MAX_RECORDING_SECONDS + 1)
    if _is_too_long(pcm, sample_rate_hz):
        raise _too_long(clip, f"{clip.field}", seconds)
    return pcm[: round(seconds * sample_rate_hz)]


def _is_too_long(pcm: Pcm, sample_rate_hz: int) -> bool:
    return len(pcm) > MAX_RECORDING_SECONDS * sample_rate_hz


def _too_long(clip: Clip, name: str, wanted_seconds: float) -> InvalidClip:
    return InvalidClip(
        f"{name} is longer than {MAX_RECORDING_SECONDS / 60:g} minutes; "
        f"{wanted_seconds:g} seconds of clean speech are enough",
        field=clip.field,
    )


@dataclass(frozen=True, slots=True)
class PromptMaker:
    """Reads recordings without trusting them, one at a time: a long one is tens of megabytes."""

    read: RecordingDecoder
    sample_rate_hz: int
    max_seconds: float
    """how much speech conditions a voice"""

    def make(self, clips: Sequence[Clip]) -> tuple[bytes, PromptReport]:
        """The prompt as a WAV file, and what was done. Blocks.

        Raises:
            InvalidClip: one of them is no voice.
        """
        rate_hz = self.sample_rate_hz
        builder = PromptBuilder(sample_rate_hz=rate_hz, max_seconds=self.max_seconds)
        for clip in clips:
            pcm = self.decode(clip, named=len(clips) > 1)
            if _is_too_long(pcm, rate_hz):
                raise _too_long(clip, repr(clip.filename), self.max_seconds)
            builder.add(pcm, clip)
        prompt, report = builder.build()
        return wav_bytes(prompt, rate_hz), report

    def decode(self, clip: Clip, *, named: bool = False) -> Pcm:
        """What is heard in a recording, shape [samples], a little over ten minutes at most. Blocks.

        Args:
            named: whether an error has to say which file it is about.

        Raises:
            InvalidClip: nothing is.
        """
        try:
            return self.read(clip, MAX_RECORDING_SECONDS + 1)
        except InvalidClip as error:
            if not named:
                raise
            raise InvalidClip(f"{error.template} ({clip.filename!r})", field=clip.field) from error
