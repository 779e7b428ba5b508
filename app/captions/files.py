"""Writes captions in the formats that players and editors read: SRT, WebVTT, LRC and JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from app.captions.cues import Cue, CueLimits, lay_out
from app.marks import Mark, Marks


@dataclass(frozen=True, slots=True)
class CaptionFormat:
    """Describes a kind of caption file."""

    name: str
    media_type: str
    write: Callable[[Marks, float, CueLimits], str]
    """It makes the file of marks, of the length of the audio in seconds, and of limits."""

    @property
    def extension(self) -> str:
        """Return the ending of a file's name, with its dot."""
        return f".{self.name}"


def srt(marks: Marks, _duration_seconds: float, limits: CueLimits) -> str:
    """Write SubRip: numbered cues."""
    blocks = (
        f"{number}\n{_clock(cue.start_seconds, ',')} --> {_clock(cue.end_seconds, ',')}\n"
        f"{cue.text}\n"
        for number, cue in enumerate(_cues(marks, limits), start=1)
    )
    return "\n".join(blocks)


def vtt(marks: Marks, _duration_seconds: float, limits: CueLimits) -> str:
    """Write WebVTT, in which every word has its own time, for words that light up.

    Times inside a cue stand before the words; W3C's WebVTT, section 4.2.2.
    """
    blocks = (
        f"{_clock(cue.start_seconds, '.')} --> {_clock(cue.end_seconds, '.')}\n{_karaoke(cue)}\n"
        for cue in _cues(marks, limits)
    )
    return "\n".join(["WEBVTT\n", *blocks])


def lrc(marks: Marks, duration_seconds: float, limits: CueLimits) -> str:
    """Write LRC: a line for each cue, with a time before each word (the enhanced format)."""
    lines = [f"[length:{_lrc_clock(duration_seconds)}]"]
    for cue in _cues(marks, limits):
        words = " ".join(f"<{_lrc_clock(word.start_seconds)}>{word.text}" for word in cue.words)
        lines.append(f"[{_lrc_clock(cue.start_seconds)}]{words}")
    return "\n".join([*lines, ""])


def as_json(marks: Marks, duration_seconds: float, _limits: CueLimits) -> str:
    """Write all that is known as JSON."""
    return json.dumps(marks_content(marks, duration_seconds), ensure_ascii=False)


def marks_content(marks: Marks, duration_seconds: float) -> dict[str, object]:
    """Return marks as they stand in JSON."""
    return {
        "duration_seconds": round(duration_seconds, 3),
        "method": marks.method,
        "sentences": [mark_content(mark) for mark in marks.sentences],
        "words": [mark_content(mark) for mark in marks.words],
    }


def mark_content(mark: Mark) -> dict[str, object]:
    """Return a mark as it stands in JSON."""
    return {
        "text": mark.text,
        "start": round(mark.start_seconds, 3),
        "end": round(mark.end_seconds, 3),
        "script_start": mark.script_start,
        "script_end": mark.script_end,
    }


CAPTION_FORMATS: Mapping[str, CaptionFormat] = MappingProxyType(
    {
        each.name: each
        for each in (
            CaptionFormat("srt", "application/x-subrip", srt),
            CaptionFormat("vtt", "text/vtt; charset=utf-8", vtt),
            CaptionFormat("json", "application/json", as_json),
            CaptionFormat("lrc", "text/plain; charset=utf-8", lrc),
        )
    }
)


def caption_formats(names: str) -> tuple[str, ...]:
    """Read names of formats with commas between them.

    Raises:
        ValueError: there is no such format, or no name at all; the message says which there are.
    """
    listed = [name.strip().lower().removeprefix(".") for name in names.split(",")]
    wanted = tuple(dict.fromkeys(filter(None, listed)))
    if not wanted or any(name not in CAPTION_FORMATS for name in wanted):
        raise ValueError(f"takes {', '.join(CAPTION_FORMATS)}; it is {names!r}")
    return wanted


def _cues(marks: Marks, limits: CueLimits) -> Sequence[Cue]:
    return lay_out(marks.words, limits)


def _karaoke(cue: Cue) -> str:
    lines = []
    for line in cue.lines:
        words = [
            f"<{_clock(word.start_seconds, '.')}><c>{_escaped(word.text)}</c>" for word in line
        ]
        lines.append(" ".join(words))
    return "\n".join(lines)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(seconds: float, point: str) -> str:
    whole_ms = round(seconds * 1000)
    whole_seconds, ms = divmod(whole_ms, 1000)
    minutes, second = divmod(whole_seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour:02}:{minute:02}:{second:02}{point}{ms:03}"


def _lrc_clock(seconds: float) -> str:
    minutes, hundredths = divmod(round(seconds * 100), 6000)
    return f"{minutes:02}:{hundredths // 100:02}.{hundredths % 100:02}"
