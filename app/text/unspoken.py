"""This module leaves out what a text holds beside what is to be said.

These are the thoughts of language models, as `<think>…</think>` and what other models write in its
place, their calls of tools, and the scripts and styles of web pages. Time is linear in the text.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from app.text.mapped import Edit, MappedText

_THOUGHTS = (
    "think|thinking|thoughts?|reasoning|reasoning_content|reflection|scratchpad|analysis|antthinking|seed:think|"
    "chain_of_thought|cot|internal_reasoning|inner_thoughts|inner_monologue|internal_monologue|internal_thoughts"
)
_OTHERS = "tool_calls?|tool_use|function_calls?|function|tool_response|script|style"
_MARK = re.compile(
    rf"<(?P<close>/?)(?:(?P<thought>{_THOUGHTS})|(?P<other>{_OTHERS}))(?:[\s=][^<>]{{0,500}})?>"
    rf"|<\|(?P<pipe_close>/?)(?:{_THOUGHTS})\|>"
    r"|(?P<bracket>\[(?P<bracket_close>/?)THINK\])"
    r"|(?P<kimi>◁(?P<kimi_close>/?)think▷)"
    r"|<\|(?P<edge>begin|end)_of_(?:thought|thinking|reasoning)\|>"
    r"|(?P<channel><\|channel\|>\s{0,4}(?P<name>analysis|commentary|final)[^<]{0,200}"
    r"(?:<\|message\|>)?)"
    r"|(?P<turn_end><\|(?:end|return|call|im_end|end_of_turn)\|>)"
    r"|(?P<turn><\|(?:start|im_start|start_of_turn)\|>\s{0,4}(?:assistant|user|system|model)?"
    r"|<\|start_header_id\|>[^<]{0,40}<\|end_header_id\|>"
    # Other tokens of models stand for nothing that is said.
    r"|<[|｜][\w▁]{1,40}[|｜]>)",
    re.IGNORECASE,
)
_CHANNEL = "channel"
_THOUGHT = "thought"
_WITHOUT_TOKENS = re.compile(
    r"\A\s*analysis(?=[A-Z]).{0,200000}?assistant(?:final)(?=\S)", re.DOTALL
)
_REACH_CHARS = 20


class Stretch(NamedTuple):
    """Marks `text[start:end]` as unspoken."""

    start: int
    end: int
    closed: bool = True
    """This is false where the end of the text ends it, so that more may belong to it."""


class _Mark(NamedTuple):
    start: int
    end: int
    family: str
    """Marks of one family close one another; it is empty where the mark stands alone."""
    opens: bool


def leave_out_unspoken(text: MappedText) -> MappedText:
    """Take out thoughts, calls of tools, scripts and styles.

    A thought that does not end goes on to the end of the text, if it begins a line. One whose
    beginning is missing, as some models leave it out, goes from the beginning of the text. What
    is quoted in backticks, or only talked about as in "the <think> tag", stays.
    """
    text = text.sub(_WITHOUT_TOKENS, "")
    edits: list[Edit] = []
    for start, end, _ in find_unspoken(text.text):
        spaces = text.text[start - 1 : start] == text.text[end : end + 1] == " "
        edits.append((start, end + spaces, ""))
    return text.edited(edits) if edits else text


def find_unspoken(text: str) -> list[Stretch]:
    """Find what is not to be said, from left to right, without overlap."""
    marks = _marks(text)
    closers = _next_closers(marks)
    found: list[Stretch] = []
    done = 0
    for index, mark in enumerate(marks):
        if mark.start < done:
            continue
        if not mark.family:
            stretch = Stretch(mark.start, mark.end)
        elif mark.opens:
            stretch = _opened(text, mark, closers[index])
        elif mark.family != _THOUGHT:
            stretch = Stretch(mark.start, mark.end)
        elif _ends_thoughts(text, mark):
            found, stretch = [], Stretch(0, mark.end)
        else:
            continue
        if stretch.start < stretch.end:
            found.append(stretch)
            done = stretch.end
    return found


def _marks(text: str) -> list[_Mark]:
    if "<" not in text and "[" not in text and "◁" not in text:
        return []
    marks: list[_Mark] = []
    for found in _MARK.finditer(text):
        start, end = found.span()
        if text[start - 1 : start] == "`" and text[end : end + 1] == "`":
            continue
        if found["channel"]:
            marks.append(
                _Mark(start, end, _CHANNEL if found["name"] != "final" else "", opens=True)
            )
        elif found["turn_end"]:
            marks.append(_Mark(start, end, _CHANNEL, opens=False))
        elif found["turn"]:
            marks.append(_Mark(start, end, "", opens=False))
        else:
            marks_of_closing = ("close", "pipe_close", "bracket_close", "kimi_close")
            closes = any(found[name] == "/" for name in marks_of_closing)
            opens = not closes and (found["edge"] or "begin").lower() == "begin"
            marks.append(_Mark(start, end, (found["other"] or _THOUGHT).lower(), opens=opens))
    return marks


def _next_closers(marks: list[_Mark]) -> list[_Mark | None]:
    """Return for each mark the next one after it that would close it."""
    closers: list[_Mark | None] = [None] * len(marks)
    upcoming: dict[str, _Mark] = {}
    for index in range(len(marks) - 1, -1, -1):
        mark = marks[index]
        closers[index] = upcoming.get(mark.family)
        if mark.family and not mark.opens:
            upcoming[mark.family] = mark
        elif not mark.family:
            upcoming[_CHANNEL] = mark._replace(end=mark.start)
    return closers


def _opened(text: str, mark: _Mark, closer: _Mark | None) -> Stretch:
    """Return what a mark opens; it is empty where the mark is only talked about."""
    nothing = Stretch(mark.start, mark.start)
    begins = _begins_line(text, mark.start)
    if closer is None:
        begins = begins or mark.family == _CHANNEL
        return Stretch(mark.start, len(text), closed=False) if begins else nothing
    inside = text[mark.end : closer.start]
    talked_about = inside[:1] == " " and inside[-1:] == " " and "\n" not in inside
    return nothing if talked_about and not begins else Stretch(mark.start, closer.end)


def _begins_line(text: str, at: int) -> bool:
    """Tell whether nothing but white space and marks of quotation are before a place in its"
    " line."""
    before = text[max(0, at - _REACH_CHARS) : at]
    line = before.rpartition("\n")[2]
    return not line.strip(" \t>") and (len(line) < len(before) or at <= _REACH_CHARS)


def _ends_thoughts(text: str, mark: _Mark) -> bool:
    """Tell whether a closing mark that nothing opened ends thoughts, and is not talked about."""
    before = text[max(0, mark.start - _REACH_CHARS) : mark.start].rstrip(" \t")[-1:]
    after = text[mark.end : mark.end + 1]
    return before in "\n.!?…:;)\"'”’" or after == "\n"
