"""This module reads the markup of a script: plain text with tags in brackets, or SSML.

A script is SSML when it starts with `<speak>`. Anything else is plain: `[pause 0.5s]`, lines that
begin with the name of a voice, `<role:NAME>` in front of what a voice says, and the emotion tags of
other systems, which are not spoken.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from app.errors import InvalidRequest, Parameter
from app.lexicon import Lexicon, no_lexicon
from app.text.inline_tags import InlineTag, find_inline_tags, is_quoted
from app.text.mapped import MappedText
from app.text.passages import Passage, PassageBuilder, Style
from app.text.role_tags import find_role_tags
from app.text.speaker_lines import SpeakerTag, find_speaker_tags
from app.text.ssml import parse_ssml

_SSML_START = re.compile(r"[\s\ufeff]*(?:<\?xml\s|<!DOCTYPE\s|<speak(?![\w.-]))", re.IGNORECASE)
_SSML_TAG = re.compile(
    r"<(?P<close>/?)"
    r"(?P<name>(?:speak|voice|break|prosody|say-as|phoneme|emphasis)(?=[\s/>])|sub(?=\s+alias))"
    r"(?P<rest>[^<>]{0,300})>",
    re.IGNORECASE,
)


def parse_script(
    script: MappedText | str,
    *,
    voice_called: Callable[[str], str | None],
    lexicon_called: Callable[[str], Lexicon] = no_lexicon,
    language: str = "en",
) -> tuple[Passage, ...]:
    """Read a script as spans to be spoken and the pauses between them.

    White space at both ends and beside pauses is dropped. A plain script without any tag is one
    span of the same text.

    Args:
        script: as `clean_script` returns it; the spans lead where it leads.
        voice_called: returns how the voice of that name is written, None if there is none, for
            lines such as `[alba] Good morning.`; the names in SSML are not checked.
        lexicon_called: returns the dictionary that `<lexicon>` names, or raises DictionaryNotFound.
        language: two-letter code of what is spoken, for `<say-as>` and `xml:lang`.

    Returns:
        At least one span with something to speak. Pauses never stand side by side.

    Raises:
        InvalidRequest: markup that is malformed, unknown, out of range or refused, with its name
            and position; or nothing is left to speak.
        TooLarge: there is too much markup.
    """
    mapped = MappedText.of(script)
    if is_ssml(mapped.text):
        return parse_ssml(mapped, language=language, lexicon_called=lexicon_called)
    _refuse_loose_ssml(mapped.text)
    return _parse_plain(mapped, voice_called)


def is_ssml(script: str) -> bool:
    """Tell from the beginning of a script whether it is SSML."""
    return _SSML_START.match(script) is not None


def _parse_plain(
    script: MappedText, voice_called: Callable[[str], str | None]
) -> tuple[Passage, ...]:
    speakers = [
        *find_speaker_tags(script.text, voice_called=voice_called),
        *find_role_tags(script.text, voice_called=voice_called),
    ]
    inline = find_inline_tags(script.text, where=lambda index: f"at character {index + 1}")
    builder, style, done = PassageBuilder(), Style(), 0
    tags: list[SpeakerTag | InlineTag] = [*speakers, *inline]
    tags.sort(key=lambda tag: tag.start)
    for tag in tags:
        builder.text(script[done : tag.start], style)
        done = tag.end
        if isinstance(tag, InlineTag):
            builder.pause(tag.pause_seconds)
        else:
            style = Style(tag.voice, tag.prosody)
            builder.removed_tag()
    builder.text(script[done:], style)
    return builder.passages()


def _refuse_loose_ssml(script: str) -> None:
    """Refuse what can only be meant as SSML; a tag that a sentence mentions is ordinary text."""
    opened: set[str] = set()
    for found in _SSML_TAG.finditer(script):
        if is_quoted(script, found):
            continue
        name = found["name"].lower()
        if found["close"]:
            # A tag around a word touches it; "<emphasis> and </emphasis>" are talked about.
            meant = name in opened and not script[found.start() - 1].isspace()
        else:
            meant = bool(found["rest"].strip())
            if not script[found.end() : found.end() + 1].isspace():
                opened.add(name)
        if meant:
            raise InvalidRequest(
                f"<{found['name']}> at character {found.start() + 1} of {Parameter.TEXT} is a tag "
                "of SSML, but the text does not start with <speak>; put all of it between <speak> "
                "and </speak>, or write pauses as [pause 0.5s] and voices as lines that begin with "
                "[name]",
                field=Parameter.TEXT,
            )
