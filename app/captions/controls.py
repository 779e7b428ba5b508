"""Defines what callers say of captions, under the same names wherever there are any."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field

from app.captions.cues import CueLimits

_DEFAULT = CueLimits()


def _separate(value: object) -> object:
    """Take names in a list, in one text with commas, or both, as forms have them."""
    parts = [value] if isinstance(value, str) else value
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        return value
    names = [name.strip().lower().removeprefix(".") for part in parts for name in part.split(",")]
    return list(dict.fromkeys(filter(None, names)))


CaptionName = Literal["srt", "vtt", "json", "lrc"]


class CaptionControls(BaseModel):
    """These fields say which caption files are wanted, and how captions look."""

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
    def limits(self) -> CueLimits:
        """Return how much a caption may hold and how long it is shown."""
        return CueLimits(
            self.caption_line_chars,
            self.caption_lines,
            self.caption_min_seconds,
            self.caption_max_seconds,
            self.caption_close_gap_seconds,
        )
