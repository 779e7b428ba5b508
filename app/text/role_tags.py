"""This module finds tags that switch the voice: `<role:alba>Hi! <role:marius,pitch:low>Hello.`

They are Flash-TTS's way to write a dialogue, and understood in every plain script.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import get_args

from app.errors import InvalidRequest, Parameter, shortened
from app.speech import Level, Prosody, leveled_prosody
from app.text.speaker_lines import SpeakerTag

# A tag that is not closed ends at the next bracket, which begins another tag, or with the line.
_TAG = re.compile(r"<role:(?P<inner>[^<>()\[\]*|\n]{0,200})(?P<close>>?)", re.IGNORECASE)
_LEVELS: tuple[Level, ...] = get_args(Level)


def find_role_tags(script: str, *, voice_called: Callable[[str], str | None]) -> list[SpeakerTag]:
    """Find the roles in a script.

    Args:
        script: a plain script.
        voice_called: returns how the voice of that name is written, None if there is none; asked
            once for each name.

    Raises:
        InvalidRequest: a tag is malformed, or names a voice or a level that does not exist.
    """
    tags: list[SpeakerTag] = []
    called = functools.cache(voice_called)
    for found in _TAG.finditer(script):
        try:
            name, prosody = _read_role(found, called)
        except ValueError as error:
            raise InvalidRequest(
                f"{shortened(found[0])} at character {found.start() + 1} of {Parameter.TEXT} "
                f"{error}; write <role:NAME> or <role:NAME,pitch:high,speed:low>",
                field=Parameter.TEXT,
            ) from None
        tags.append(SpeakerTag(found.start(), found.end(), name, prosody))
    return tags


def _read_role(
    tag: re.Match[str], voice_called: Callable[[str], str | None]
) -> tuple[str, Prosody]:
    """Read who speaks and how; a ValueError says what is wrong in words that follow the tag."""
    name, *attributes = (part.strip() for part in tag["inner"].split(","))
    if not tag["close"] or not name:
        raise ValueError("is not a role")
    if voice_called(name) is None:
        raise ValueError(f"names a voice that does not exist: {name!r}")
    levels: dict[str, Level] = {}
    for attribute in attributes:
        key, _, value = (part.strip().lower() for part in attribute.partition(":"))
        level = next((each for each in _LEVELS if each == value), None)
        if key not in ("pitch", "speed") or key in levels:
            raise ValueError("may have one pitch and one speed after the name, nothing else")
        if level is None:
            raise ValueError(f"has a {key} that is none of {', '.join(_LEVELS)}")
        levels[key] = level
    return name, leveled_prosody(levels.get("pitch"), levels.get("speed"))
