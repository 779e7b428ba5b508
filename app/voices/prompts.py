"""Makes uploaded recordings into the sound file of a voice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.errors import InvalidClip
from app.speech import Clip, Pcm
from app.voices.clips import PromptBuilder, PromptReport, wav_bytes

MAX_RECORDING_SECONDS = 600.0

RecordingDecoder = Callable[[Clip, float], Pcm]
"""A decoder takes (recording, seconds to read) and returns checked mono PCM at the model's rate."""


def beginning_of(read: RecordingDecoder, clip: Clip, *, seconds: float, sample_rate_hz: int) -> Pcm:
    """Decode the first `seconds` of a recording, as they are, shape [samples]. Blocks.

    Raises:
        InvalidClip: nothing can be heard in it, or it is longer than ten minutes.
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
    """Makes prompts of recordings. It decodes them one by one: a long one is tens of megabytes."""

    read: RecordingDecoder
    sample_rate_hz: int
    max_seconds: float
    """At most this much speech conditions a voice."""

    def make(self, clips: Sequence[Clip]) -> tuple[bytes, PromptReport]:
        """Make the prompt as a WAV file, and report what was done. Blocks.

        Raises:
            InvalidClip: one of them cannot be used.
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
        """Decode a recording, but little more than ten minutes, shape [samples]. Blocks.

        Args:
            named: whether an error has to say which file it is about.

        Raises:
            InvalidClip: nothing can be heard in it.
        """
        try:
            return self.read(clip, MAX_RECORDING_SECONDS + 1)
        except InvalidClip as error:
            if not named:
                raise
            raise InvalidClip(f"{error.template} ({clip.filename!r})", field=clip.field) from error
