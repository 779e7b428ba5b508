"""Reads subtitles, SRT and WebVTT, as one text."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pysubs2

from app.documents.blocks import Block, bounded, chapters_of, paragraph, tidy
from app.documents.document import Document, Unreadable

PARAGRAPH_PAUSE_SECONDS = 2.0
"""After a pause of this length, and the end of a sentence, a paragraph begins."""

_TAG = re.compile(r"<[^<>\n]{0,200}>|\{\\[^{}\n]{0,200}\}")
# pysubs2 takes the name of a cue in WebVTT for a part of the cue before it.
_CUE_NAME = re.compile(r"(?<=\n\n)[^\n]{1,200}\n(?=[ \t]*[\d:.]{5,12}[ \t]*-->)")
# What is heard but not said: [door slams], (laughs), ♪
_SOUND = re.compile(r"\[[^\[\]\n]{0,100}\]|^\([^()\n]{0,100}\)$|[♪♫]")
_SENTENCE_END = (".", "!", "?", "…", '"', "”", "»", "'")


def read_subtitles(text: str, form: str) -> Document:
    """Read subtitles; sounds that they describe in brackets are left out.

    Args:
        form: `srt` or `vtt`.

    Raises:
        Unreadable: they cannot be understood, or there are too many.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if form == "vtt":
        text = _CUE_NAME.sub("", text)
    try:
        cues = pysubs2.SSAFile.from_string(text, format_=form)
    except (pysubs2.Pysubs2Error, ValueError) as error:
        raise Unreadable(f"is not {form.upper()}: its cues cannot be understood") from error
    return Document(None, None, None, chapters_of(bounded(_blocks(cues))))


def _blocks(cues: pysubs2.SSAFile) -> Iterator[Block]:
    lines: list[str] = []
    ended_seconds = 0.0
    for cue in cues:
        said = " ".join(_SOUND.sub("", _TAG.sub("", tidy(cue.plaintext))).split())
        if not said or said in lines[-1:]:
            continue  # captions that roll up say a line twice
        pause_seconds = cue.start / 1000 - ended_seconds
        if lines and pause_seconds >= PARAGRAPH_PAUSE_SECONDS and lines[-1].endswith(_SENTENCE_END):
            yield paragraph(" ".join(lines))
            lines = []
        lines.append(said)
        ended_seconds = cue.end / 1000
    if lines:
        yield paragraph(" ".join(lines))
