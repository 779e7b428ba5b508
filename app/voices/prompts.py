"""Makes recordings, whichever way they come in, into the sound that conditions a voice."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from app.errors import InvalidClip
from app.speech import Clip, DecodedClip, Pcm
from app.voices.clips import PREPARATION, PromptBuilder, PromptReport, wav_bytes
from app.work import CancelToken

logger = logging.getLogger(__name__)

MAX_RECORDING_SECONDS = 600.0

RecordingDecoder = Callable[[Clip, float, CancelToken], DecodedClip]
"""A decoder returns the first so many seconds of a recording as checked mono PCM at the model's
rate."""


class Prompt(NamedTuple):
    """Holds the sound that conditions a voice, shape [samples], and what was done to make it."""

    pcm: Pcm
    preparation: tuple[str, ...] = ()
    """It is in words, one phrase for each thing done."""


@dataclass(frozen=True, slots=True)
class PromptMaker:
    """Makes prompts of recordings. It decodes them one by one: a long one is tens of megabytes."""

    read: RecordingDecoder
    sample_rate_hz: int
    max_seconds: float
    """At most this much speech conditions a voice."""

    @property
    def recipe(self) -> str:
        """Return a text that changes whenever the same recording becomes another prompt."""
        return f"preparation {PREPARATION}, {self.max_seconds:g} s"

    def make(self, clips: Sequence[Clip], cancel: CancelToken) -> tuple[bytes, PromptReport]:
        """Make the prompt as a WAV file, and report what was done. Blocks.

        Raises:
            InvalidClip: one of them cannot be used.
        """
        prompt, report = self._prepared(clips, cancel)
        return wav_bytes(prompt, self.sample_rate_hz), report

    def prepare(self, clip: Clip, cancel: CancelToken) -> Prompt:
        """Make the prompt of one recording, and log what was done. Blocks.

        Raises:
            InvalidClip: it is no voice.
        """
        prompt, report = self._prepared([clip], cancel)
        done = clip.preparation or report.actions
        logger.info("a recording became %.1f s of speech: %s", report.seconds, "; ".join(done))
        return Prompt(prompt, (f"{report.seconds:.1f} s of speech", *done))

    def decode(self, clip: Clip, cancel: CancelToken) -> DecodedClip:
        """Decode a recording, a little over ten minutes at most. Blocks.

        Raises:
            InvalidClip: nothing can be heard in it.
        """
        return self.read(clip, MAX_RECORDING_SECONDS + 1, cancel)

    def _prepared(self, clips: Sequence[Clip], cancel: CancelToken) -> tuple[Pcm, PromptReport]:
        builder = PromptBuilder(sample_rate_hz=self.sample_rate_hz, max_seconds=self.max_seconds)
        for clip in clips:
            try:
                decoded = self.decode(clip, cancel)
                self._check_length(decoded.pcm, clip)
                cancel.check()
                builder.add(decoded, clip)
                cancel.check()
            except InvalidClip as error:
                if len(clips) == 1:
                    raise
                which = f"{error.template} ({clip.filename!r})"
                raise InvalidClip(which, field=clip.field) from error
        return builder.build()

    def _check_length(self, pcm: Pcm, clip: Clip) -> None:
        if len(pcm) > MAX_RECORDING_SECONDS * self.sample_rate_hz:
            raise InvalidClip(
                f"{clip.field} is longer than {MAX_RECORDING_SECONDS / 60:g} minutes; "
                f"{self.max_seconds:g} seconds of clean speech are enough",
                field=clip.field,
            )
