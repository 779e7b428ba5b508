"""This module reads SSML (W3C Speech Synthesis Markup Language 1.1) as spans and pauses."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NoReturn

from app.errors import DictionaryNotFound, InvalidRequest, Parameter, TooLarge
from app.lexicon import Lexicon
from app.text.inline_tags import MAX_PAUSE_SECONDS, find_inline_tags
from app.text.mapped import MappedText
from app.text.passages import Passage, PassageBuilder, Span, Style
from app.text.say_as import say_as
from app.text.script import clean_script
from app.text.ssml_elements import ELEMENTS, REFUSED, Content
from app.text.ssml_values import break_seconds, nested_prosody
from app.text.ssml_xml import Position, Tag, read_xml

_WHITE_SPACE = re.compile(r"[ \t\r\n]{2,}|[\t\r\n]")
_MAX_NAME_CHARS = 200
MAX_SAY_AS_CHARS = 10_000
"""All `<say-as>` of a script together hold at most so much: they are put into words in one go."""

MAX_LEXICONS = 10
"""A script may name so many dictionaries, each as often as it likes."""
LEXICON_TYPE = "application/pls+xml"


def parse_ssml(
    script: MappedText, *, language: str, lexicon_called: Callable[[str], Lexicon]
) -> tuple[Passage, ...]:
    """Read SSML; `app.text.markup.parse_script` says what comes back and what is raised.

    White space in a row counts as one space, as XML has it: paragraphs are `<p>`.
    """
    handler = _SsmlHandler(language, lexicon_called)
    read_xml(script, handler)
    passages = handler.builder.passages()
    # References such as `&#769;` may have brought in what `clean_script` refuses.
    text = "".join(part.text for part in passages if isinstance(part, Span))
    clean_script(text, max_chars=len(text))
    return tuple(_clean(part) if isinstance(part, Span) else part for part in passages)


@dataclass
class _Frame:
    """Holds an open tag, and how the text inside it is spoken."""

    tag: Tag
    content: Content
    style: Style
    texts: list[MappedText] = field(default_factory=list)


class _SsmlHandler:
    """Follows the tags of a document and builds its passages."""

    def __init__(self, language: str, lexicon_called: Callable[[str], Lexicon]) -> None:
        self.builder = PassageBuilder()
        self._language = language
        self._lexicon_called = lexicon_called
        self._lexicons: dict[str, Lexicon] = {}
        self._lexicons_by_id: dict[str, Lexicon] = {}
        self._frames: list[_Frame] = []
        self._say_as_chars = 0

    def start(self, tag: Tag) -> None:
        outer = self._frames[-1] if self._frames else None
        if outer is not None and outer.content is Content.UNSPOKEN:
            self._frames.append(_Frame(tag, Content.UNSPOKEN, outer.style))
            return
        self._check(tag, outer)
        frame = _Frame(tag, ELEMENTS[tag.name].content, outer.style if outer else Style())
        match tag.name:
            case "p":
                self.builder.end_paragraph()
            case "s":
                self.builder.end_sentence()
            case "break":
                self._break(tag)
            case "voice":
                frame.style = replace(frame.style, voice=self._voice(tag))
            case "prosody":
                frame.style = self._prosody(tag, frame.style)
            case "lexicon" if outer is not None:
                self._lexicon(tag, outer)
            case "lookup":
                frame.style = self._lookup(tag, frame.style)
        self._frames.append(frame)

    def text(self, text: MappedText, end: Position) -> None:
        frame = self._frames[-1]
        plain = text.sub(_WHITE_SPACE, " ")
        if frame.content is Content.REPLACED:
            frame.texts.append(plain)
        elif frame.content is Content.SPOKEN:
            self._speak(plain, end, frame.style)

    def end(self) -> None:
        frame = self._frames.pop()
        if frame.content is Content.REPLACED:
            self._replace(frame)
        elif frame.content is Content.SPOKEN and frame.tag.name == "p":
            self.builder.end_paragraph()
        elif frame.content is Content.SPOKEN and frame.tag.name == "s":
            self.builder.end_sentence()

    def _check(self, tag: Tag, outer: _Frame | None) -> None:
        if tag.name in REFUSED:
            self._refuse(f"{tag} is not supported: {REFUSED[tag.name]}")
        if tag.name not in ELEMENTS:
            known = ", ".join(ELEMENTS)
            self._refuse(f"<{tag.name[:60]}> {tag.position} is not known; known are {known}")
        if (outer is None) != (tag.name == "speak"):
            self._refuse(f"{tag}: the outermost tag, and no other, must be <speak>")
        if outer is not None and outer.content is Content.REPLACED:
            self._refuse(f"{tag} is inside <{outer.tag.name}>, which holds text alone")
        element = ELEMENTS[tag.name]
        if element.required and not tag.attributes.get(element.required, "").strip():
            self._refuse(f"{tag} needs the attribute {element.required!r}")
        for name in tag.attributes:
            of_xml = ":" in name or name == "xmlns" or element.content is Content.UNSPOKEN
            if not of_xml and name not in element.attributes:
                known = ", ".join(element.attributes) or "none"
                self._refuse(f"{tag} has no attribute {name[:60]!r}; supported: {known}")
        self._check_language(tag)

    def _check_language(self, tag: Tag) -> None:
        asked = tag.attributes.get("xml:lang", "").strip()
        if asked and re.split("[-_]", asked.lower())[0] != self._language.lower():
            self._refuse(
                f"{tag} asks for the language {asked[:40]!r}, but this request is spoken in "
                f"{self._language!r}; send each language in a request of its own"
            )

    def _break(self, tag: Tag) -> None:
        time, strength = tag.attributes.get("time"), tag.attributes.get("strength")
        seconds = break_seconds(time, strength)
        if seconds is None:
            self._refuse(
                f"{tag} has a malformed time or strength; write time as 0.5s or 500ms, "
                "strength as none, x-weak, weak, medium, strong or x-strong"
            )
        if seconds > MAX_PAUSE_SECONDS:
            self._refuse(f"{tag} is too long; allowed is 0 to {MAX_PAUSE_SECONDS:.0f} seconds")
        self.builder.pause(seconds)

    def _voice(self, tag: Tag) -> str:
        name = tag.attributes["name"].strip()
        if len(name) > _MAX_NAME_CHARS:
            self._refuse(f"{tag} has a name of more than {_MAX_NAME_CHARS} characters")
        return name

    def _prosody(self, tag: Tag, outer: Style) -> Style:
        try:
            return replace(outer, prosody=nested_prosody(tag.attributes, outer.prosody))
        except ValueError as wrong:
            self._refuse(f"{tag}: {wrong}")

    def _lexicon(self, tag: Tag, outer: _Frame) -> None:
        """Let a dictionary hold from here to the end of the tag around this, or inside `<lookup>`.

        The latter is SSML 1.1, where a lexicon has an id; without one it is SSML 1.0.
        """
        name = tag.attributes["uri"].strip()
        kind = tag.attributes.get("type", LEXICON_TYPE).strip()
        if kind != LEXICON_TYPE:
            self._refuse(f"{tag} has the type {kind[:60]!r}; supported: {LEXICON_TYPE}")
        if name not in self._lexicons:
            if len(self._lexicons) >= MAX_LEXICONS:
                self._refuse(f"{tag}: a script may name {MAX_LEXICONS} dictionaries at most")
            if "//" in name:
                self._refuse(
                    f"{tag} names an address, and none is fetched from here; keep the dictionary "
                    "on this server, with POST /pronunciations/import, and write its name as uri"
                )
            try:
                self._lexicons[name] = self._lexicon_called(name)
            except (DictionaryNotFound, InvalidRequest) as missing:
                self._refuse(f"{tag}: {missing.message}")
        lexicon = self._lexicons[name]
        if own_id := tag.attributes.get("xml:id", "").strip():
            self._lexicons_by_id[own_id] = lexicon
        elif lexicon not in outer.style.lexicons:
            # What is named later comes first, as in SSML 1.0.
            outer.style = replace(outer.style, lexicons=(lexicon, *outer.style.lexicons))

    def _lookup(self, tag: Tag, outer: Style) -> Style:
        own_id = tag.attributes["ref"].strip()
        lexicon = self._lexicons_by_id.get(own_id)
        if lexicon is None:
            known = ", ".join(each[:60] for each in self._lexicons_by_id) or "none"
            self._refuse(
                f"{tag} refers to {own_id[:60]!r}, but no <lexicon> before it has that xml:id; "
                f"there are: {known}"
            )
        others = tuple(each for each in outer.lexicons if each is not lexicon)
        return replace(outer, lexicons=(lexicon, *others))

    def _speak(self, text: MappedText, end: Position, style: Style) -> None:
        def where(_: int) -> str:
            return f"in the text that ends {end}"

        done = 0
        for tag in find_inline_tags(text.text, where=where):
            self._add(text[done : tag.start], style)
            self.builder.pause(tag.pause_seconds)
            done = tag.end
        self._add(text[done:], style)

    def _add(self, text: MappedText, style: Style) -> None:
        self.builder.text(text.lstrip(" ") if self.builder.at_white_space else text, style)

    def _replace(self, frame: _Frame) -> None:
        text, attributes = MappedText.join(frame.texts), frame.tag.attributes
        content = text.strip()
        style = replace(frame.style, verbatim=True)
        if frame.tag.name == "sub":
            alias = _WHITE_SPACE.sub(" ", attributes["alias"]).strip()
            self.builder.text((content or frame.tag.written).rewritten(alias), style)
            return
        if not content:
            self._refuse(f"{frame.tag} is empty")
        self._say_as_chars += len(content)
        if self._say_as_chars > MAX_SAY_AS_CHARS:
            raise TooLarge(
                f"the tags <say-as> of {Parameter.TEXT} hold more than {MAX_SAY_AS_CHARS} "
                "characters together; text outside of them is put into words as well",
                field=Parameter.TEXT,
            )
        try:
            spoken = say_as(
                content.text,
                interpret_as=attributes["interpret-as"].strip(),
                detail=attributes.get("format") or attributes.get("detail"),
                language=self._language,
            )
        except InvalidRequest as wrong:
            self._refuse(f"{frame.tag}: {wrong.message}")
        self._add(text[: text.text.startswith(" ")], style)
        self.builder.text(content.rewritten(spoken), style)
        self._add(text[len(text) - text.text.endswith(" ") :], style)

    def _refuse(self, message: str) -> NoReturn:
        raise InvalidRequest(f"{message} (in {Parameter.TEXT})", field=Parameter.TEXT)


def _clean(span: Span) -> Span:
    """Return a span without the invisible characters that came as references, such as `&#8203;`."""
    text = span.mapped
    if not any(map(str.isalnum, text.text)):
        return span
    body = clean_script(text, max_chars=len(text))
    before = text[: len(text) - len(text.lstrip())]
    return span.saying(MappedText.join((before, body, text[len(text.rstrip()) :])))
