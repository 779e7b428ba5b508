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
_OTHER_SYSTEM = re.compile(r"S[0-9]{1,2}")


class SpeakerTag(NamedTuple):
    """Marks `script[start:end]`, which names the voice of what follows and maybe its manner."""

    start: int
    end: int
    voice: str
    prosody: Prosody = Prosody()


def find_speaker_tags(script: str, *, is_voice: Callable[[str], bool]) -> list[SpeakerTag]:
    """Find the lines that switch the voice.

    Words in brackets are ordinary prose, unless a voice has that name. Once one line names a
    voice, the script is a dialogue, and a name that no voice has is taken for a misspelt one
    rather than read aloud.

    Args:
        script: a plain script.
        is_voice: whether a voice of that name exists; asked once for each name.

    Raises:
        InvalidRequest: a dialogue names a voice that does not exist, or speakers are written
            `[S1]`, which names no voice.
    """
    candidates = list(_line_starts(script))
    known = {name for name in {tag.voice for tag in candidates} if is_voice(name)}
    for tag in candidates:
        if tag.voice not in known and (known or _OTHER_SYSTEM.fullmatch(tag.voice)):
            raise InvalidRequest(
                f"[{tag.voice}] at character {script.index('[', tag.start) + 1} of "
                f"{Parameter.TEXT} begins a line as a speaker, but there is no voice "
                f"{tag.voice!r}; write the name of a voice as the list of voices has it, or put "
                "other words in front of the bracket",
                field=Parameter.TEXT,
            )
    return [tag for tag in candidates if tag.voice in known]


def _line_starts(script: str) -> Iterator[SpeakerTag]:
    for found in _LINE_START.finditer(script):
        if not is_inline_tag(found["name"]):
            yield SpeakerTag(found.start(), found.end(), found["name"])
