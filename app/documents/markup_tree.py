"""Reads a tree of HTML elements into headings, paragraphs and notes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.entities import html5

from lxml import etree

from app.documents.blocks import Block, tidy
from app.documents.document import ReadingOptions

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCKS = frozenset(
    (  # noqa: SIM905 - a list of them would be longer than the screen
        "address article aside blockquote body caption center dd details dialog dir div dl dt "
        "fieldset figcaption figure footer form header hgroup hr html li main menu nav ol p pre "
        "section summary table tbody td tfoot th thead tr ul"
    ).split()
)
_SILENT = frozenset(
    (  # noqa: SIM905 - likewise
        "script style template head title noscript nav svg math object embed iframe audio video "
        "canvas select button input textarea img picture map rt rp"
    ).split()
)
_NOTES = frozenset({"footnote", "endnote", "rearnote", "doc-footnote", "doc-endnote"})
_REFERENCES = frozenset({"noteref", "doc-noteref"})
_PAGES = frozenset({"pagebreak", "doc-pagebreak"})
_BACKLINKS = frozenset({"doc-backlink", "backlink"})
# Mammoth and Markdown's renderer name notes like this.
_NOTE_ID = re.compile(r"(footnote|endnote|fn)-?\d+")
_TYPE = "{http://www.idpf.org/2007/ops}type"
_NAMED = re.compile(rb"&([A-Za-z][A-Za-z0-9]*);")
_OF_XML = frozenset({b"amp", b"lt", b"gt", b"quot", b"apos"})


def parse_html(data: bytes | str) -> etree._Element | None:
    """Parse HTML as browsers do, whatever is wrong with it; None if nothing is in it."""
    parser = etree.HTMLParser(
        encoding="utf-8",
        no_network=True,
        remove_comments=True,
        remove_pis=True,
        huge_tree=False,
    )
    encoded = data.encode("utf-8", "replace") if isinstance(data, str) else data
    return etree.fromstring(encoded, parser) if encoded.strip() else None


def parse_xhtml(data: bytes) -> etree._Element | None:
    """Parse XHTML, as far as it goes; named entities of HTML are known."""
    parser = etree.XMLParser(
        no_network=True,
        resolve_entities=False,
        load_dtd=False,
        recover=True,
        remove_comments=True,
        remove_pis=True,
        huge_tree=False,
    )
    return etree.fromstring(_NAMED.sub(_written_out, data), parser)


def _written_out(found: re.Match[bytes]) -> bytes:
    """Write a named entity as numbers, since the file that declares it is never fetched."""
    characters = html5.get(f"{found[1].decode()};")
    if characters is None or found[1] in _OF_XML:
        return found[0]
    return "".join(f"&#{ord(each)};" for each in characters).encode()


def local_name(element: etree._Element) -> str:
    """Return the name of an element without its namespace, in small letters."""
    tag = element.tag
    return tag.rpartition("}")[2].lower() if isinstance(tag, str) else ""


def text_of(element: etree._Element) -> str:
    """Return all the text in an element."""
    return "".join(map(str, element.itertext()))


def blocks_of(root: etree._Element, options: ReadingOptions, *, file: str = "") -> Iterator[Block]:
    """Read what is below an element, in order.

    Args:
        file: stands before each anchor, so that those of several files differ.
    """
    return _Walk(options, file).blocks(root)


class _Walk:
    """Goes through a tree, and collects the text between the bounds of two blocks."""

    def __init__(self, options: ReadingOptions, file: str) -> None:
        self._options = options
        self._file = file
        self._pieces: list[str] = []
        self._ids: list[str] = []
        self._notes: list[str] = []
        self._note: etree._Element | None = None
        self._note_pieces: list[str] = []
        self._note_ids: list[str] = []
        self._preformatted = 0

    def blocks(self, root: etree._Element) -> Iterator[Block]:
        walker = etree.iterwalk(root, events=("start", "end"))
        for event, element in walker:
            name = local_name(element)
            if event == "start":
                yield from self._start(walker, element, name)
            else:
                yield from self._end(element, name)
                if element is not root and element.tail:
                    self._add(element.tail)
        yield from self._flush("p")

    def _start(self, walker: etree.iterwalk, element: etree._Element, name: str) -> Iterator[Block]:
        if name in _BLOCKS or name in _HEADINGS:
            yield from self._flush("p")
        is_note = self._note is None and _is_note(element, name)
        if is_note:
            yield from self._flush("p")
            self._note = element
        self._ids += [
            f"{self._file}#{anchor}"
            for anchor in (element.get("id"), element.get("name") if name == "a" else None)
            if anchor
        ]
        if self._is_left_out(element, name):
            walker.skip_subtree()
        elif name == "table" and not _is_layout(element):
            walker.skip_subtree()
            if self._options.tables:
                yield from map(self._made, _rows(element))
        elif name == "br":
            self._pieces.append("\n")
        else:
            self._preformatted += name == "pre"
            if element.text:
                self._add(element.text)

    def _end(self, element: etree._Element, name: str) -> Iterator[Block]:
        if name == "pre":
            self._preformatted -= 1
        if name in _BLOCKS or name in _HEADINGS:
            yield from self._flush(name)
        if element is self._note:
            yield from self._flush("p")
            self._note = None
            text = "\n".join(self._note_pieces)
            if text:
                yield Block("note", text, ids=tuple(self._note_ids))
            self._note_pieces, self._note_ids = [], []

    def _is_left_out(self, element: etree._Element, name: str) -> bool:
        if name in _SILENT or "hidden" in element.attrib or element.get("aria-hidden") == "true":
            return True
        kinds = _kinds(element)
        if name in ("a", "sup") or kinds & _REFERENCES:
            target = _reference(element, name, kinds)
            if target is not None:
                file, _, anchor = target.partition("#")
                self._notes.append(f"{file or self._file}#{anchor}")
                return True
            if kinds & _BACKLINKS or _is_backlink(element, name):
                return True
        if kinds & _PAGES:
            number = element.get("title") or element.get("aria-label") or ""
            if self._options.page_numbers and not text_of(element).strip():
                self._add(f" {number} ")
            return not self._options.page_numbers
        return (
            name in ("header", "footer")
            and not self._options.running_heads
            and _is_of_page(element)
        )

    def _add(self, text: str) -> None:
        self._pieces.append(text if self._preformatted else re.sub(r"\s+", " ", text))

    def _flush(self, name: str) -> Iterator[Block]:
        text = tidy("".join(self._pieces))
        self._pieces = []
        if self._note is not None:
            self._note_pieces += [text] if text else []
            self._note_ids += self._ids
            self._ids = []
            return
        if not text:
            return  # its anchors belong to what comes next
        yield self._made(text, _HEADINGS.get(name, 0))

    def _made(self, text: str, level: int = 0) -> Block:
        ids, notes = tuple(self._ids), tuple(self._notes)
        self._ids, self._notes = [], []
        return Block("heading" if level else "paragraph", text, level, ids, notes)


def _kinds(element: etree._Element) -> set[str]:
    """Return what an element is by its types of EPUB and its roles of ARIA."""
    said = (element.get(_TYPE), element.get("epub:type"), element.get("role"))
    return {word for each in said if each for word in each.split()}


def _is_note(element: etree._Element, name: str) -> bool:
    if name in ("li", "aside", "div", "p", "section", "dd") and _kinds(element) & _NOTES:
        return True
    return name == "li" and _NOTE_ID.fullmatch(element.get("id") or "") is not None


def _reference(element: etree._Element, name: str, kinds: set[str]) -> str | None:
    """Return the target of a reference to a note; None if the element is none."""
    if name == "sup":
        links = [each for each in element.iter() if local_name(each) == "a"]
        return links[0].get("href") or "" if links and _is_mark(element) else None
    if kinds & _REFERENCES:
        return element.get("href") or ""
    above = [each for each in element.iter() if local_name(each) == "sup"]
    href = element.get("href") or ""
    return href if "#" in href and above and _is_mark(element) else None


def _is_mark(element: etree._Element) -> bool:
    """Tell whether an element holds no more than the number of a note."""
    text = text_of(element).strip()
    return len(text) <= 6 and re.fullmatch(r"\W*(\w{0,4})\W*", text) is not None


def _is_backlink(element: etree._Element, name: str) -> bool:
    is_inside = name == "a" and "#" in (element.get("href") or "")
    return is_inside and not any(map(str.isalnum, text_of(element)))


def _is_of_page(element: etree._Element) -> bool:
    """Tell whether a header or a footer is that of the whole page."""
    parent = element.getparent()
    return parent is not None and local_name(parent) == "body"


def _is_layout(table: etree._Element) -> bool:
    """Tell whether a table only arranges text: it has one column."""
    return all(len(_cells(row)) <= 1 for row in _table_rows(table))


def _table_rows(table: etree._Element) -> list[etree._Element]:
    return [each for each in table.iter() if local_name(each) == "tr"]


def _cells(row: etree._Element) -> list[etree._Element]:
    return [each for each in row if local_name(each) in ("td", "th")]


def _rows(table: etree._Element) -> Iterator[str]:
    """Read a table row by row, with a comma between two cells."""
    for row in _table_rows(table):
        texts = (" ".join(text_of(cell).split()) for cell in _cells(row))
        if line := ", ".join(filter(None, texts)):
            yield line if line[-1] in ".!?" else f"{line}."
