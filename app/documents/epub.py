"""Reads EPUB, versions 2 and 3."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from urllib.parse import unquote

from lxml import etree

from app.bounds import COVER_BYTES
from app.documents.archive import Archive
from app.documents.blocks import Block, bounded, chapters_of, one_line, with_notes
from app.documents.document import Cover, Document, ReadingOptions, Unreadable
from app.documents.markup_tree import blocks_of, local_name, parse_html, parse_xhtml, text_of

CONTAINER = "META-INF/container.xml"
_PAGES = ("application/xhtml+xml", "text/html", "application/xml", "text/x-oeb1-document")
# Books that may only be read with a licence list their files here; so do those that only have
# scrambled fonts, which are no text.
_ENCRYPTION = "META-INF/encryption.xml"
_TYPE = "{http://www.idpf.org/2007/ops}type"


@dataclass(frozen=True, slots=True)
class _Item:
    path: str
    media_type: str
    properties: tuple[str, ...]


def read_epub(archive: Archive, options: ReadingOptions) -> Document:
    """Read a book.

    Raises:
        Unreadable: it is damaged, protected or too large.
    """
    package_path = _package_path(archive)
    package = _parsed(archive, package_path)
    items = _items(package, package_path)
    protected = _protected(archive)
    contents = _contents(archive, package, items)
    pages = list(_spine(package, items))
    if any(page.path in protected for page in pages):
        raise Unreadable("is protected by digital rights management; send it without")
    blocks = bounded(block for page in pages for block in _page(archive, page, options, contents))
    return Document(
        title=one_line(_said(package, "title")),
        author=one_line(", ".join(_all_said(package, "creator"))),
        language=one_line(_said(package, "language")),
        chapters=chapters_of(with_notes(blocks, options)),
        cover=_cover(archive, package, items),
    )


def _parsed(archive: Archive, path: str) -> etree._Element:
    root = parse_xhtml(archive.read_xml(path))
    if root is None:
        raise Unreadable(f"is damaged: its file {path[:100]!r} is no XML")
    return root


def _named(root: etree._Element, name: str) -> Iterator[etree._Element]:
    return (each for each in root.iter() if local_name(each) == name)


def _package_path(archive: Archive) -> str:
    for rootfile in _named(_parsed(archive, CONTAINER), "rootfile"):
        if path := rootfile.get("full-path"):
            return path
    raise Unreadable("is damaged: its container names no package")


def _items(package: etree._Element, package_path: str) -> dict[str, _Item]:
    return {
        item.get("id") or "": _Item(
            _resolved(package_path, item.get("href") or ""),
            item.get("media-type") or "",
            tuple((item.get("properties") or "").split()),
        )
        for item in _named(package, "item")
    }


def _resolved(base: str, reference: str) -> str:
    """Return the path in the archive, with a fragment if there is one, of what a file refers to."""
    path, mark, fragment = reference.partition("#")
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(base), unquote(path)))
    return f"{joined if path else base}{mark}{fragment}"


def _spine(package: etree._Element, items: Mapping[str, _Item]) -> Iterator[_Item]:
    """Go through the pages in reading order, each once; what is off the order is left out."""
    seen = set()
    for reference in _named(package, "itemref"):
        item = items.get(reference.get("idref") or "")
        if item is None or item.path in seen or reference.get("linear") == "no":
            continue
        seen.add(item.path)
        if item.media_type in _PAGES and "nav" not in item.properties:
            yield item


def _page(
    archive: Archive, item: _Item, options: ReadingOptions, contents: Mapping[str, str]
) -> Iterator[Block]:
    data = archive.read_xml(item.path)
    root = parse_html(data) if item.media_type == "text/html" else parse_xhtml(data)
    if root is None:
        return
    opening = contents.get(item.path)
    for block in blocks_of(root, options, file=item.path):
        notes = tuple(_resolved(item.path, each) for each in block.notes)
        anchored = next((contents[each] for each in block.ids if each in contents), None)
        label = anchored if anchored is not None else opening
        if block.kind != "note":
            opening = None
        yield replace(block, notes=notes, opens=label if block.kind != "note" else None)


def _contents(
    archive: Archive, package: etree._Element, items: Mapping[str, _Item]
) -> dict[str, str]:
    """Return the label of each place that the table of contents names, to its second level."""
    nav = next((each for each in items.values() if "nav" in each.properties), None)
    if nav is not None and nav.path in archive.names:
        return _of_nav(_parsed(archive, nav.path), nav.path)
    spine = next(_named(package, "spine"), None)
    ncx = items.get(spine.get("toc") or "") if spine is not None else None
    if ncx is not None and ncx.path in archive.names:
        return _of_ncx(_parsed(archive, ncx.path), ncx.path)
    return {}


def _depth(element: etree._Element, name: str) -> int:
    return sum(1 for each in element.iterancestors() if local_name(each) == name)


def _of_nav(root: etree._Element, path: str) -> dict[str, str]:
    contents: dict[str, str] = {}
    for nav in _named(root, "nav"):
        if "toc" not in (nav.get(_TYPE) or "").split():
            continue
        for link in _named(nav, "a"):
            if link.get("href") and _depth(link, "ol") <= 2:
                label = one_line(text_of(link)) or ""
                contents.setdefault(_resolved(path, link.get("href") or ""), label)
    return contents


def _of_ncx(root: etree._Element, path: str) -> dict[str, str]:
    contents: dict[str, str] = {}
    for point in _named(root, "navpoint"):
        if _depth(point, "navpoint") >= 2:
            continue
        label = next((each for each in point if local_name(each) == "navlabel"), None)
        content = next((each for each in point if local_name(each) == "content"), None)
        if content is not None and content.get("src"):
            text = "" if label is None else one_line(text_of(label)) or ""
            contents.setdefault(_resolved(path, content.get("src") or ""), text)
    return contents


def _protected(archive: Archive) -> set[str]:
    if _ENCRYPTION not in archive.names:
        return set()
    references = _named(_parsed(archive, _ENCRYPTION), "cipherreference")
    return {unquote(each.get("URI") or "") for each in references}


def _all_said(package: etree._Element, name: str) -> list[str]:
    said = (text_of(each).strip() for each in _named(package, name))
    return [each for each in said if each][:10]


def _said(package: etree._Element, name: str) -> str | None:
    return next(iter(_all_said(package, name)), None)


def _cover(archive: Archive, package: etree._Element, items: Mapping[str, _Item]) -> Cover | None:
    named = [
        each.get("content") or "" for each in _named(package, "meta") if each.get("name") == "cover"
    ]
    found = [each for each in items.values() if "cover-image" in each.properties]
    found += [items[name] for name in named if name in items]
    for item in found:
        is_there = item.path in archive.names and archive.size_of(item.path) <= COVER_BYTES
        if item.media_type.startswith("image/") and is_there:
            return Cover(item.media_type, archive.read(item.path, COVER_BYTES))
    return None
