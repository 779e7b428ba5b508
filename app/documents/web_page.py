"""Reads HTML, and Markdown by way of it."""

from __future__ import annotations

import re
from collections.abc import Mapping

import yaml
from lxml import etree
from markdown_it import MarkdownIt
from mdit_py_plugins.footnote import footnote_plugin
from mdit_py_plugins.front_matter import front_matter_plugin

from app.documents.blocks import bounded, chapters_of, one_line, with_notes
from app.documents.document import Document, ReadingOptions, Unreadable
from app.documents.markup_tree import blocks_of, local_name, parse_html, text_of

_FRONT_MATTER_CHARACTERS = 10_000


def read_html(text: str, options: ReadingOptions) -> Document:
    """Read a page.

    Raises:
        Unreadable: there is no text in it, or too much.
    """
    root = parse_html(text)
    if root is None:
        raise Unreadable("is empty")
    meta = {
        (each.get("name") or "").lower(): each.get("content")
        for each in root.iter("meta")
        if each.get("name")
    }
    title = next((each.text for each in root.iter("title")), None)
    body = next((each for each in root.iter() if local_name(each) == "body"), root)
    return Document(
        title=one_line(title),
        author=one_line(meta.get("author")),
        language=one_line(root.get("lang")),
        chapters=chapters_of(with_notes(bounded(blocks_of(body, options)), options)),
    )


def read_markdown(text: str, options: ReadingOptions) -> Document:
    """Read Markdown as CommonMark has it, with tables, footnotes and front matter.

    A first heading that stands alone at its level is the title, if the front matter has none.

    Raises:
        Unreadable: there is no text in it, or too much.
    """
    markdown = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    markdown.use(footnote_plugin).use(front_matter_plugin)
    state: dict[str, object] = {}
    tokens = markdown.parse(text, state)
    said = _front_matter(next((each.content for each in tokens if each.type == "front_matter"), ""))
    root = parse_html(markdown.renderer.render(tokens, markdown.options, state))
    if root is None:
        raise Unreadable("is empty")
    return Document(
        title=one_line(said.get("title") or _only_title(root)),
        author=one_line(said.get("author")),
        language=one_line(said.get("lang") or said.get("language")),
        chapters=chapters_of(with_notes(bounded(blocks_of(root, options)), options)),
    )


def _front_matter(text: str) -> Mapping[str, str]:
    if len(text) > _FRONT_MATTER_CHARACTERS:
        raise Unreadable(f"has front matter of more than {_FRONT_MATTER_CHARACTERS} characters")
    if re.search(r"[&*]\w", text):
        return {}  # an alias can stand for more than is there
    try:
        said = yaml.safe_load(text)
    except yaml.YAMLError:
        return {}
    if not isinstance(said, dict):
        return {}
    return {str(name): str(value) for name, value in said.items() if isinstance(value, str | int)}


def _only_title(root: etree._Element) -> str | None:
    titles = list(root.iter("h1"))
    return text_of(titles[0]) if len(titles) == 1 else None
