"""Answers with the times of words and sentences, and with captions made of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field

from app.captions.cues import CueLimits
from app.captions.files import CAPTION_FORMATS, marks_content
from app.ranges import AnyCase
from app.speaking.encoded import CompleteAudio

_DEFAULT = CueLimits()


def _separate(value: object) -> object:
    """Take names in a list, in one text with commas, or both, as forms have them."""
    parts = [value] if isinstance(value, str) else value
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        return value
    names = [name.strip().lower().removeprefix(".") for part in parts for name in part.split(",")]
    return list(dict.fromkeys(filter(None, names)))


CaptionName = Literal["srt", "vtt", "json", "lrc"]


class TimingControls(BaseModel):
    """These fields say which times are told, and how captions look."""

    timestamps: Annotated[Literal["none", "sentence", "word"], AnyCase] = Field(
        "none",
        description="Say when each sentence, or each word as well, is heard: the answer is "
        "JSON, or with `stream` server-sent events.",
    )
    captions: Annotated[list[CaptionName], BeforeValidator(_separate)] = Field(
        [],
        description="Caption files to make: srt, vtt (words light up), json, lrc. With `type=url` "
        "the answer has their addresses, else they stand in it.",
    )
    caption_line_chars: int = Field(
        _DEFAULT.max_line_chars, ge=10, le=200, description="Characters on a line of a caption."
    )
    caption_lines: int = Field(
        _DEFAULT.max_lines, ge=1, le=4, description="Lines of a caption, at most."
    )
    caption_min_seconds: float = Field(
        _DEFAULT.min_seconds, ge=0, le=10, description="A caption is shown at least so long."
    )
    caption_max_seconds: float = Field(
        _DEFAULT.max_seconds, ge=0.5, le=60, description="A caption is shown at most so long."
    )
    caption_close_gap_seconds: float = Field(
        _DEFAULT.close_gap_seconds, ge=0, le=5, description="Shorter gaps between them are closed."
    )

    @property
    def timed(self) -> bool:
        """Tell whether any times are asked for."""
        return self.timestamps != "none" or bool(self.captions)

    def caption_texts(self, made: CompleteAudio) -> dict[str, str]:
        """Make the caption files that are asked for, by name. Blocks."""
        limits = CueLimits(
            self.caption_line_chars,
            self.caption_lines,
            self.caption_min_seconds,
            self.caption_max_seconds,
            self.caption_close_gap_seconds,
        )
        return {
            name: CAPTION_FORMATS[name].write(made.marks, made.speech_seconds, limits)
            for name in self.captions
        }

    def times(self, made: CompleteAudio) -> dict[str, Any]:
        """Return the times that are asked for, as they stand in JSON."""
        content = marks_content(made.marks, made.speech_seconds)
        if self.timestamps == "sentence":
            del content["words"]
        return content
