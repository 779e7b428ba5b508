"""Reads and writes PLS 1.0, the W3C's format for pronunciations, as far as these are letters.

Document types, entities and external references are refused by defusedxml. What PLS has no word for
stands in attributes of our own namespace, which other programs pass over.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn
from xml.etree import ElementTree as ET
from xml.sax import SAXParseException
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesNSImpl

from defusedxml.common import DefusedXmlException
from defusedxml.expatreader import DefusedExpatParser

from app.errors import shortened
from app.lexicon import LANGUAGES, Pronunciation, checked
from app.pronunciations.lines import LineError, text_of

NAMESPACE = "http://www.w3.org/2005/01/pronunciation-lexicon"
OWN_NAMESPACE = "urn:pocket-speech:pronunciations"
"""A `lexeme` may have these: `case="any"`, where capitals do not count; `words="part"`, where it
may be a part of a longer word; `language`, where it is not that of the whole."""
_XML = "http://www.w3.org/XML/1998/namespace"
_UNDETERMINED = "und"
_ANY_LANGUAGE = (_UNDETERMINED, "mul", "")
_PHONEME = (
    "is said in phonemes, and the model reads letters: write an <alias> as it sounds, such as "
    "<alias>toe-mah-toe</alias>"
)
_NOTES = ("meta", "metadata", "example")
_MAX_DEPTH = 32


def read_pls(data: bytes) -> list[Pronunciation]:
    """Read a lexicon: each spelling (`grapheme`) with the `alias` that is spoken for it.

    Of several aliases the one with `prefer="true"` counts, or the first. Capitals count, unless our
    own attribute says otherwise.

    Raises:
        LineError: it is no PLS, or something in it cannot be spoken; phonemes cannot.
    """
    return _Reader().read(data)


def write_pls(pronunciations: Iterable[Pronunciation]) -> bytes:
    """Write a lexicon that `read_pls` reads as the same pronunciations."""
    found = list(pronunciations)
    languages = {each.language for each in found}
    common = languages.pop() if len(languages) == 1 else None
    root = ET.Element(
        "lexicon",
        {
            "version": "1.0",
            "xmlns": NAMESPACE,
            "xmlns:speech": OWN_NAMESPACE,
            "alphabet": "ipa",
            "xml:lang": common or _UNDETERMINED,
        },
    )
    for each in found:
        ours = {
            "case": None if each.case_sensitive else "any",
            "words": None if each.whole_words else "part",
            "language": each.language if common is None else None,
        }
        attributes = {f"speech:{name}": value for name, value in ours.items() if value}
        lexeme = ET.SubElement(root, "lexeme", attributes)
        ET.SubElement(lexeme, "grapheme").text = each.written
        ET.SubElement(lexeme, "alias").text = each.spoken
    ET.indent(root)
    written = io.BytesIO()
    ET.ElementTree(root).write(written, encoding="UTF-8", xml_declaration=True)
    return written.getvalue() + b"\n"


@dataclass
class _Lexeme:
    """Holds what one `lexeme` says."""

    line: int
    attributes: Mapping[str, str]
    graphemes: list[str] = field(default_factory=list)
    aliases: list[tuple[bool, str]] = field(default_factory=list)
    has_phonemes: bool = False


class _Reader(ContentHandler):
    """Follows the tags of a document. Prefixes of namespaces are resolved, whatever they are."""

    def __init__(self) -> None:
        super().__init__()
        self._parser = DefusedExpatParser(namespaceHandling=1, forbid_dtd=True)
        self._parser.setContentHandler(self)
        self._open: list[str] = []
        self._language: str | None = None
        self._lexeme: _Lexeme | None = None
        self._preferred = False
        self._text: list[str] = []
        self._found: list[Pronunciation] = []
        self._wrong: list[tuple[int, str]] = []

    def read(self, data: bytes) -> list[Pronunciation]:
        # Of text the parser needs no encoding: not every one that a file may name can be read.
        text = text_of(data)
        try:
            self._parser.feed(text)
            self._parser.close()
        except SAXParseException as broken:
            self._refuse(
                f"it is not well-formed XML: {broken.getMessage()}", broken.getLineNumber()
            )
        except DefusedXmlException:
            self._refuse("it declares a document type or an entity; neither is allowed")
        if self._wrong:
            raise LineError(self._wrong)
        return self._found

    def startElementNS(  # noqa: N802 - SAX's name
        self,
        name: tuple[str | None, str],
        qname: str | None,  # noqa: ARG002
        attrs: AttributesNSImpl,
    ) -> None:
        tag = self._name(name)
        around = self._open[-1] if self._open else None
        self._open.append(tag)
        if len(self._open) > _MAX_DEPTH:
            self._refuse(f"<{tag}> is more than {_MAX_DEPTH} tags deep")
        if around is None and tag != "lexicon":
            self._refuse(f"it is no PLS: its outermost tag is <{tag}>, not <lexicon>")
        if any(each in _NOTES for each in self._open):
            return
        attributes = {self._name(each): value for each, value in attrs.items()}
        match around, tag:
            case None, _:
                self._language = self._language_of(attributes.get(f"{{{_XML}}}lang", ""))
            case "lexicon", "lexeme":
                self._lexeme = _Lexeme(self._line, attributes)
            case "lexeme", "grapheme" | "alias" | "phoneme":
                self._text = []
                self._preferred = attributes.get("prefer", "").strip() in ("true", "1")
            case _:
                self._refuse(f"<{tag}> does not belong there")

    def characters(self, content: str) -> None:
        self._text.append(content)

    def endElementNS(  # noqa: N802
        self,
        name: tuple[str | None, str],  # noqa: ARG002
        qname: str | None,  # noqa: ARG002
    ) -> None:
        tag = self._open.pop()
        if any(each in _NOTES for each in self._open):
            return
        lexeme = self._lexeme
        if lexeme is None:
            return
        match tag:
            case "grapheme":
                lexeme.graphemes.append("".join(self._text))
            case "alias":
                lexeme.aliases.append((self._preferred, "".join(self._text)))
            case "phoneme":
                lexeme.has_phonemes = True
            case "lexeme":
                self._take(lexeme)
                self._lexeme = None

    def _take(self, lexeme: _Lexeme) -> None:
        """Add the pronunciations of a lexeme, or note what is wrong with it."""
        try:
            self._found += _pronunciations_of(lexeme, self._language)
        except ValueError as wrong:
            self._wrong.append((lexeme.line, str(wrong)))

    def _language_of(self, tag: str) -> str | None:
        code = tag.strip().lower().replace("_", "-").split("-")[0]
        if code in _ANY_LANGUAGE:
            return None
        if code not in LANGUAGES:
            self._refuse(
                f"its language is {shortened(tag, 40)!r}; allowed: {', '.join(LANGUAGES)} or und"
            )
        return code

    def _name(self, name: Sequence[Any]) -> str:
        """Return a name without the namespace of PLS; that is often left out."""
        if len(name) != 2:  # the parser parts it at spaces
            self._refuse("it has a namespace with a space in it")
        namespace, local = name
        return local if namespace in (None, NAMESPACE) else f"{{{namespace}}}{local}"

    @property
    def _line(self) -> int:
        return self._parser.getLineNumber() or 1

    def _refuse(self, reason: str, line: int | None = None) -> NoReturn:
        raise LineError([(line or self._line, reason)])


def _pronunciations_of(lexeme: _Lexeme, language: str | None) -> list[Pronunciation]:
    """Return what a lexeme says of each of its spellings.

    Raises:
        ValueError: it cannot be spoken.
    """
    if not lexeme.graphemes:
        raise ValueError("a lexeme has no <grapheme>")
    shown = repr(shortened(" ".join(lexeme.graphemes[0].split()), 40))
    if not lexeme.aliases:
        raise ValueError(
            f"{shown} {_PHONEME}" if lexeme.has_phonemes else f"{shown} has no <alias>"
        )
    _, spoken = max(lexeme.aliases, key=lambda alias: alias[0])
    case, words, its_language = (
        lexeme.attributes.get(f"{{{OWN_NAMESPACE}}}{name}")
        for name in ("case", "words", "language")
    )
    if case not in (None, "any") or words not in (None, "part"):
        raise ValueError(f'{shown}: case may be "any" and words "part", or neither is said')
    return [
        checked(
            Pronunciation(
                written,
                spoken,
                its_language or language,
                case_sensitive=case is None,
                whole_words=words is None,
            )
        )
        for written in lexeme.graphemes
    ]
