"""Answers with the times of words and sentences, and with captions made of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from app.captions.controls import CaptionControls
from app.captions.files import CAPTION_FORMATS, marks_content
from app.ranges import AnyCase
from app.speaking.encoded import CompleteAudio


class TimingControls(CaptionControls):
    """These fields say which times are told, and how captions look."""

    timestamps: Annotated[Literal["none", "sentence", "word"], AnyCase] = Field(
        "none",
        description="Say when each sentence, or each word as well, is heard: the answer is "
        "JSON, or with `stream` server-sent events.",
    )

    @property
    def timed(self) -> bool:
        """Tell whether any times are asked for."""
        return self.timestamps != "none" or bool(self.captions)

    def caption_texts(self, made: CompleteAudio) -> dict[str, str]:
        """Make the caption files that are asked for, by name. Blocks."""
        return {
            name: CAPTION_FORMATS[name].write(made.marks, made.speech_seconds, self.limits)
            for name in self.captions
        }

    def times(self, made: CompleteAudio) -> dict[str, Any]:
        """Return the times that are asked for, as they stand in JSON."""
        content = marks_content(made.marks, made.speech_seconds)
        if self.timestamps == "sentence":
            del content["words"]
        return content
