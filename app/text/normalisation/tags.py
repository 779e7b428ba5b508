"""This module reads tags that are none of HTML: "<answer>42</answer>", "cat <file>"."""

from __future__ import annotations

import re

from app.text.mapped import MappedText

_TAG = re.compile(
    r"<(?P<close>/)?(?P<name>[A-Za-z][\w:.-]{0,40})"
    r"(?P<rest>(?:\s{1,9}[\w:@.-]{1,40}\s?=\s?(?:\"[^\"<>]{0,500}\"|'[^'<>]{0,500}'|[^\s<>\"']{1,300}))"
    r"{0,20}\s{0,9}/?)>"
)

_TYPES = re.compile(r"(?<=\w)<([A-Z]\w{0,30}(?:, ?[A-Z]\w{0,30}){1,4})>")


def remove_tags(text: MappedText) -> MappedText:
    """Take out tags around something, and say the name of those that stand for something.

    A tag is one around something if another closes it, or if it has attributes; "<break/>" is
    around nothing. It touches what it is around; in "between <b> and </b>" tags are talked about,
    and in "cat <file>" the name is a word of the sentence.
    """
    if "<" not in text.text:
        return text
    text = text.sub(_TYPES, lambda found: f" {found[1]}")
    found = list(_TAG.finditer(text.text))
    closed = {tag["name"].lower() for tag in found if tag["close"]}

    def spoken(tag: re.Match[str]) -> str:
        before = tag.string[tag.start() - 1 : tag.start()]
        after = tag.string[tag.end() : tag.end() + 1]
        if tag["close"]:
            around = before != " "
        else:
            has_attributes = bool(tag["rest"].strip(" \t\n/"))
            around = has_attributes or (tag["name"].lower() in closed and after != " ")
        if around:
            return ""
        left, right = (" " if char.isalnum() else "" for char in (before, after))
        return f"{left}{tag['name']}{right}"

    return text.edited([(*tag.span(), spoken(tag)) for tag in found]) if found else text
