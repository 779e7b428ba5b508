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


def find_speaker_tags(
    script: str, *, voice_called: Callable[[str], str | None]
) -> list[SpeakerTag]:
    """Find the lines that switch the voice.

    Words in brackets are ordinary prose, unless a voice has that name and somebody can speak
    after it: the name is written as the voice's own or in small letters, or a colon or a new
    sentence follows. Once one line names a voice, the script is a dialogue, and a name that no
    voice has is taken for a misspelt one rather than read aloud, where a colon or a new sentence
    follows.

    Args:
        script: a plain script.
        voice_called: returns how the voice of that name is written, None if there is none; asked
            once for each name.

    Raises:
        InvalidRequest: a dialogue names a voice that does not exist, or speakers are written
            `[S1]`, which names no voice.
    """
    candidates = [tag for tag in _line_starts(script) if _can_speak(script, tag)]
    written = {name: voice_called(name) for name in {tag.voice for tag in candidates}}
    speaking = [tag for tag in candidates if _speaks(script, tag, written[tag.voice])]
    for tag in candidates:
        misspelt = speaking and _looks_spoken(script, tag) and any(map(str.isalpha, tag.voice))
        if written[tag.voice] is None and (misspelt or _OTHER_SYSTEM.fullmatch(tag.voice)):
            raise InvalidRequest(
                f"[{tag.voice}] at character {script.index('[', tag.start) + 1} of "
                f"{Parameter.TEXT} begins a line as a speaker, but there is no voice "
                f"{tag.voice!r}; write the name of a voice as the list of voices has it, or put "
                "other words in front of the bracket",
                field=Parameter.TEXT,
            )
    return speaking


def _speaks(script: str, tag: SpeakerTag, written: str | None) -> bool:
    """Tell whether a name is a speaker's, given how a voice of that name is written."""
    if written is None:
        return False
    return tag.voice == written or tag.voice.islower() or _looks_spoken(script, tag)


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
