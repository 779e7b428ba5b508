"""This module finds lines that begin with a voice in square brackets: `[alba] Good morning.`"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from app.errors import InvalidRequest, Parameter
from app.speech import Prosody
from app.text.inline_tags import is_inline_tag

# A bracket with "(" after it is a Markdown link, and "[name]: http" is where such a link leads.
_LINE_START = re.compile(
    r"^[ \t]{0,20}\[(?P<name>[\w.-](?:[\w. -]{0,62}[\w.-])?)\]"
    r"(?!\((?:https?:|mailto:|[./#])|:[ \t]{0,20}https?:):?",
    re.MULTILINE,
)
# What follows a bracket in the middle of a sentence.
_GOES_ON = tuple("'’,.;!?)-–—/")
_NEXT = re.compile(r"[\s\"'“”‘’„«(*_]{0,40}(\S)")
_OTHER_SYSTEM = re.compile(r"S[0-9]{1,2}")


class SpeakerTag(NamedTuple):
    """Marks `script[start:end]`, which names the voice of what follows and maybe its manner."""

    start: int
    end: int
    voice: str
    prosody: Prosody = Prosody()


def find_speaker_tags(script: str, *, is_voice: Callable[[str], bool]) -> list[SpeakerTag]:
    """Find the lines that switch the voice.

    Words in brackets are ordinary prose, unless a voice has that name and somebody can speak
    after it: the name is in small letters, or a colon or a new sentence follows. Once one line
    names a voice, the script is a dialogue, and a name that no voice has is taken for a misspelt
    one rather than read aloud, where a colon or a new sentence follows.

    Args:
        script: a plain script.
        is_voice: whether a voice of that name exists; asked once for each name.

    Raises:
        InvalidRequest: a dialogue names a voice that does not exist, or speakers are written
            `[S1]`, which names no voice.
    """
    candidates = [tag for tag in _line_starts(script) if _can_speak(script, tag)]
    names = {tag.voice for tag in candidates if _looks_spoken(script, tag) or tag.voice.islower()}
    known = {name for name in names if is_voice(name)}
    for tag in candidates:
        misspelt = known and _looks_spoken(script, tag) and any(map(str.isalpha, tag.voice))
        if tag.voice not in known and (misspelt or _OTHER_SYSTEM.fullmatch(tag.voice)):
            raise InvalidRequest(
                f"[{tag.voice}] at character {script.index('[', tag.start) + 1} of "
                f"{Parameter.TEXT} begins a line as a speaker, but there is no voice "
                f"{tag.voice!r}; write the name of a voice as the list of voices has it, or put "
                "other words in front of the bracket",
                field=Parameter.TEXT,
            )
    return [
        tag
        for tag in candidates
        if tag.voice in known and (tag.voice.islower() or _looks_spoken(script, tag))
    ]


def _can_speak(script: str, tag: SpeakerTag) -> bool:
    """Tell whether words can follow; not after "[Mary]'s" or "[sic],", which go on a sentence."""
    after = script[tag.end : tag.end + 1]
    return after not in _GOES_ON or script[tag.end - 1] == ":"


def _looks_spoken(script: str, tag: SpeakerTag) -> bool:
    """Tell whether a colon or the beginning of a sentence follows, as where somebody speaks.

    "[Mary] went home." goes on in small letters: the brackets are an editor's.
    """
    if script[tag.end - 1] == ":":
        return True
    found = _NEXT.match(script, tag.end)
    return found is None or not found[1].islower()


def _line_starts(script: str) -> Iterator[SpeakerTag]:
    for found in _LINE_START.finditer(script):
        if not is_inline_tag(found["name"]):
            yield SpeakerTag(found.start(), found.end(), found["name"])
