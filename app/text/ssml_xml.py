"""This module reads XML as a stream of tags and texts, and refuses attacks and excess.

It is a stream so that no depth of tags exhausts the stack and every error has a line and column.
Document types, entities and external references are refused by defusedxml.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple, NoReturn, Protocol
from xml.sax import SAXParseException
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl

from defusedxml.common import DefusedXmlException
from defusedxml.expatreader import DefusedExpatParser

from app.errors import InvalidRequest, Parameter, TooLarge
from app.text.mapped import MappedText

MAX_DEPTH = 64
"""Tags may be nested at most this deep."""

MAX_ELEMENTS = 20_000
"""A document may have at most this many tags."""

_LINE_END = re.compile(r"\r\n?|\n")
_REFERENCE = re.compile(r"&[^;]{1,12};")
_TAG = re.compile(r"<[^<>\"']*(?:\"[^\"]*\"[^<>\"']*|'[^']*'[^<>\"']*)*>")
_BEFORE_XML = re.compile(r"[\s\ufeff]*")


class Position(NamedTuple):
    """Holds a place in the document, line and column counted from 1."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"at line {self.line}, column {self.column}"


class Tag(NamedTuple):
    """Holds an opening tag; names have their prefix as written, such as "xml:lang"."""

    name: str
    attributes: Mapping[str, str]
    position: Position
    written: MappedText

    def __str__(self) -> str:
        return f"<{self.name}> {self.position}"


class XmlHandler(Protocol):
    """Receives the events of a document, in order."""

    def start(self, tag: Tag) -> None: ...

    def text(self, text: MappedText, end: Position) -> None:
        """Receive all the text between two tags, and the position where it ends."""

    def end(self) -> None: ...


def read_xml(document: MappedText, handler: XmlHandler) -> None:
    """Tell a handler the tags and texts of a document.

    Args:
        document: XML; white space and a byte order mark may stand in front.
        handler: what it raises is passed on.

    Raises:
        InvalidRequest: it is not well-formed, too deep, or has a document type or entities.
        TooLarge: it has too many tags.
    """
    written = document.text
    prefix = _BEFORE_XML.match(written)
    start = prefix.end() if prefix else 0
    line_start = written.rfind("\n", 0, start) + 1
    before = Position(written.count("\n", 0, start), start - line_start)
    _Events(document[start:], handler, before).read()


class _Events(ContentHandler):
    """Turns the parser's events into those of a handler."""

    def __init__(self, document: MappedText, handler: XmlHandler, offset: Position) -> None:
        super().__init__()
        self._document = document
        self._line_starts = [0, *(found.end() for found in _LINE_END.finditer(document.text))]
        self._handler = handler
        self._offset = offset
        self._texts: list[MappedText] = []
        self._depth = 0
        self._elements = 0
        self._parser = DefusedExpatParser(forbid_dtd=True)
        self._parser.setContentHandler(self)

    def read(self) -> None:
        try:
            self._parser.feed(self._document.text)
            self._parser.close()
        except SAXParseException as broken:
            at = self._position(broken.getLineNumber(), broken.getColumnNumber())
            raise InvalidRequest(
                f"the SSML of {Parameter.TEXT} is not well-formed {at}: {broken.getMessage()}",
                field=Parameter.TEXT,
            ) from broken
        except DefusedXmlException as attack:
            self._refuse(
                f"the SSML of {Parameter.TEXT} declares a document type or an entity "
                f"{self._here()}; neither is allowed",
                attack,
            )
        except UnicodeEncodeError as broken:
            self._refuse(f"{Parameter.TEXT} holds half a surrogate pair", broken)

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802 - SAX's name
        self._flush()
        here = self._here()
        self._depth += 1
        self._elements += 1
        if self._depth > MAX_DEPTH:
            self._refuse(f"<{name}> {here} is more than {MAX_DEPTH} tags deep")
        if self._elements > MAX_ELEMENTS:
            raise TooLarge(
                f"the SSML of {Parameter.TEXT} has more than {MAX_ELEMENTS} tags",
                field=Parameter.TEXT,
            )
        start = self._index()
        tag = _TAG.match(self._document.text, start)
        written = self._document[start : tag.end() if tag else start]
        self._handler.start(Tag(name, dict(attrs.items()), here, written))

    def endElement(self, name: str) -> None:  # noqa: ARG002, N802 - SAX's names
        self._flush()
        self._depth -= 1
        self._handler.end()

    def characters(self, content: str) -> None:
        # References and line ends come one by one; only those are written otherwise.
        document, start = self._document.text, self._index()
        found = _REFERENCE.match(document, start) or _LINE_END.match(document, start)
        if found and not content.startswith(found[0]):
            text = self._document[start : found.end()].rewritten(content)
        else:
            text = self._document[start : start + len(content)]
        self._texts.append(text)

    def _flush(self) -> None:
        if self._texts:
            text, self._texts = MappedText.join(self._texts), []
            self._handler.text(text, self._here())

    def _index(self) -> int:
        """Return where in the document the event is that is being read."""
        line, column = self._parser.getLineNumber() or 1, self._parser.getColumnNumber() or 0
        return self._line_starts[line - 1] + column

    def _here(self) -> Position:
        return self._position(self._parser.getLineNumber(), self._parser.getColumnNumber())

    def _position(self, line: int | None, column: int | None) -> Position:
        line, column = line or 1, column or 0
        indent = self._offset.column if line == 1 else 0
        return Position(self._offset.line + line, indent + column + 1)

    def _refuse(self, message: str, cause: Exception | None = None) -> NoReturn:
        raise InvalidRequest(message, field=Parameter.TEXT) from cause
