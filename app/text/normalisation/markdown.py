"""This module turns Markdown and HTML into plain text: words stay, marks go.

The text of headings, links, tables, quotations and code stays; an image leaves its description.
List items and table rows end as sentences do, since their marks no longer part them.
"""

from __future__ import annotations

import html
import re
import unicodedata
from itertools import zip_longest

from app.text.mapped import MappedText
from app.text.normalisation.rules import Rule, apply_rules, rule
from app.text.normalisation.tables import read_tables
from app.text.normalisation.tags import remove_tags

_ROUNDS = 4
"""Marks may stand inside marks: one round uncovers what the next removes."""
_MARKS = re.compile(
    r"[*_#`~\[\]<>&|\\=]|^[ \t]*[-+•·▪◦‣●○■–][ \t]|^[ \t]*\d{1,3}[.)] |---", re.MULTILINE
)
_TARGET = (
    r"\([ \t]?(?:<[^<>\n]{0,2000}>"
    r"|<?(?:[^()\s<>]|\([^()\s]{0,200}\)){0,2000}>?"
    # A path may hold spaces, though Markdown has it that it may not.
    r"|(?=[./#]|\w{1,8}:|[^()\n/.]{1,200}(?:\([^()\n]{0,60}\))?[/.]\S)[^()<>\n\"']{0,300}"
    r"(?:\([^()<>\n\"']{0,100}\)[^()<>\n\"']{0,300})?)"
    r"(?:[ \t]+[\"'][^\"'\n]{0,300}[\"'])?[ \t]?\)"
)
_INLINE_TAGS = (
    "abbr big bdi bdo button cite code del dfn em font img ins input kbd label mark "
    "samp small span strike strong sub sup time tt var wbr svg path"
)
_BLOCK_TAGS = (
    "article aside blockquote body br center dd details div dl dt figcaption figure footer form "
    "h1 h2 h3 h4 h5 h6 head header hr html li main nav ol pre section summary table tbody td "
    "tfoot th thead title tr ul"
)


_LETTER_TAGS = "a b i q s u"


def _tag(names: str) -> str:
    return rf"</?(?:{'|'.join(names.split())})(?:[ \t\n][^<>]{{0,2000}})?/?>"


def _letter_tag(names: str) -> str:
    """Return a pattern for tags of one letter, which "a<b and c>d" is none of."""
    attributes = r"[ \t\n][^<>=]{0,50}=[^<>]{0,2000}|[ \t\n]{0,3}"
    return rf"</?(?:{'|'.join(names.split())})(?:{attributes})/?>"


def _escaped_tag(found: re.Match[str]) -> str | None:
    """Say the name of a tag that is talked about, not of one that another closes or opens."""
    around = found.string[max(0, found.start() - 500) : found.end() + 500]
    partner = f"&lt;{'' if found[1] else '/'}{found[2]}"
    return None if partner in around else found[2]


_INLINE: tuple[Rule, ...] = (
    rule(r"<(?:!DOCTYPE\s[^<>]{1,200}|\?xml\s[^<>]{1,200}\?)>", "", needs="<", flags=re.IGNORECASE),
    rule(r"<!--[^<>]{0,5000}-->", " ", needs="<"),
    # A tag that is talked about is a word.
    rule(
        r"</?(\w{1,20})>(?= (?:tags?|elements?|nodes?|Tags?|Elemente?)(?!\w))",
        lambda found: found[1],
        needs="<",
    ),
    rule(
        r"(?<![^\s(\"'])&lt;(/?)([A-Za-z][\w-]{0,40}) ?/?&gt;(?=[\s.,;:!?)\"']|$)",
        _escaped_tag,
        needs="&",
    ),
    rule(_letter_tag("p"), "\n", needs="<", flags=re.IGNORECASE),
    rule(_letter_tag(_LETTER_TAGS), "", needs="<", flags=re.IGNORECASE),
    rule(_tag(_BLOCK_TAGS), "\n", needs="<", flags=re.IGNORECASE),
    rule(_tag(_INLINE_TAGS), "", needs="<", flags=re.IGNORECASE),
    rule(
        r"<((?:https?://|mailto:)[^\s<>]{1,2000}|[\w.+-]{1,64}@[\w.-]{1,200})>",
        lambda found: found[1].removeprefix("mailto:"),
        needs="<",
    ),
    rule(r"\[\^[^\]\[\s]{1,50}\]:?", "", needs="["),
    rule(
        rf"!\[([^\[\]\n]{{0,500}})\](?:{_TARGET}|\[[^\[\]\n]{{0,200}}\])",
        lambda found: found[1],
        needs="[",
    ),
    rule(
        rf"\[((?:[^\[\]\n]|\[[^\[\]\n]{{0,200}}\]){{0,500}})\](?:{_TARGET}|\[[^\[\]\n]{{0,200}}\])",
        lambda found: found[1],
        needs="[",
    ),
    rule(r"\\([*_`~#>])", lambda found: _literally(found[1], found), needs="\\"),
    rule(r"\\([\[\](){}+.!|$%&\"'-])", lambda found: found[1], needs="\\"),
    # A tag that is talked about is not one.
    rule(r"`</?([A-Za-z][\w-]{0,40})[ ]?/?>`", lambda found: found[1], needs="`"),
    rule(r"`+", "", needs="`"),
    rule(
        r"(?<![\w*])(\*{1,3})(?=[^\s*])([^*\n]{1,1000})(?<=\S)\1(?![\w*])",
        lambda found: found[2],
        needs="*",
    ),
    rule(r"(?<=\w)\*\*(?=[^\s*\d])([^*\n]{1,200})\*\*", lambda found: found[1], needs="*"),
    rule(
        r"(?<![\w*])(\*{1,3})(?=[^\s*])([^*\n]{1,200})(?<=[^\s*])\1(?=s\b)",
        lambda found: found[2],
        needs="*",
    ),
    rule(
        r"(?<!\w)(_{1,3})(?=[^\s_])([^_\n]{1,1000})(?<=\S)\1(?!\w)",
        lambda found: found[2],
        needs="_",
    ),
    rule(r"(?<![\w~])~~(?=[^\s~])([^~\n]{1,1000})~~(?!\w)", lambda found: found[1], needs="~"),
    rule(r"(?<![\w=])==(?=[^\s=])([^=\n]{1,1000})==(?!\w)", lambda found: found[1], needs="="),
)
_ENTITY = re.compile(r"&(?:[A-Za-z][A-Za-z0-9]{1,30}|#\d{1,7}|#[xX][0-9a-fA-F]{1,6});")
_BRACKETS = {"[": "(", "]": ")"}
_DOUBLY_ESCAPED = re.compile(r"&(?:amp;)+")
_LINE_MARK = re.compile(r"[ \t]*[-*+•·▪◦‣●○■>#`~_=\[\d]")
"""Without one of these at its beginning, or a bar, a line stays as it is."""
_HEADING = re.compile(r"[ \t]{0,3}#{1,6}[ \t]+(?=\S)")
_QUOTATION = re.compile(r"[ \t]{0,3}>(?=[ \t>]|$)[> \t]*")
_BULLET = re.compile(r"[ \t]*[-*+•·▪◦‣●○■][ \t]+(?:\[[ xX]\][ \t]+)?(?=\S)")
# "5. November 2020" is a date.
_NUMBERED = re.compile(
    r"[ \t]*(\d{1,3})[.)][ \t]+(?=\S)(?![^\W\d_a-z][^\W\d_]{2,9}\.? \d{4}(?!\d))"
)
_DEFINITION = re.compile(r"[ \t]{0,3}\[[^\[\]\n]{1,200}\]:[ \t]+<?(?:https?://|mailto:|[/#.])\S")
_CELL = re.compile(r"[^|\s](?:[^|]*[^|\s])?")
_FENCE = re.compile(r"[ \t]{0,3}(?:`{3,}|~{3,})[ \t]*[\w+#.-]{0,30}[ \t]*")
_NOTHING = MappedText("")
_ENDS = frozenset(".!?,;:…。！？—")


def strip_markdown(text: MappedText) -> MappedText:
    """Remove the marks of Markdown and HTML, keep the words and the paragraphs.

    Lines of code keep their text, fences and rules go; `[text](url)` gives "text",
    `![description](url)` its description.
    """
    text = read_tables(text)
    for _ in range(_ROUNDS):
        if not _MARKS.search(text.text):
            break
        plain = _strip_once(text)
        if plain.text == text.text:
            break
        text = plain
    return text


def _strip_once(text: MappedText) -> MappedText:
    lines: list[MappedText] = []
    plain_start = start = 0
    written = text.text.split("\n")
    for line, following in zip_longest(written, written[1:], fillvalue=""):
        end = start + len(line)
        if "|" in line or _LINE_MARK.match(line):
            if plain_start < start:
                lines.append(text[plain_start : start - 1])
            wraps = following[:1] == " " and not _BULLET.match(following)
            lines.extend(_strip_line(text[start:end], wraps=wraps))
            plain_start = end + 1
        start = end + 1
    if plain_start < start:
        lines.append(text[plain_start:])
    text = remove_tags(apply_rules(MappedText.join(lines, "\n"), _INLINE))
    return text.sub(_DOUBLY_ESCAPED, "&").sub(_ENTITY, _unescape)


def _unescape(found: re.Match[str]) -> str:
    chars = html.unescape(found[0])
    if chars in _BRACKETS:
        return _BRACKETS[chars]
    if len(chars) == 1 and unicodedata.category(chars) == "Cf":
        return ""
    return _literally(chars, found) if chars in "*_`~#>|\\" else chars


def _literally(sign: str, found: re.Match[str]) -> str:
    """Write a sign that was escaped so that it is not taken for a mark, or leave it out."""
    written, start, end = found.string, found.start(), found.end()
    before, after = written[max(0, start - 2) : start], written[end : end + 2]
    is_first = not before.strip(" \t") or before.endswith("\n")
    if sign == "*" and before.strip()[-1:].isalnum() and after.strip()[:1].isalnum():
        spaced = before[-1:] == after[:1] == " "
        return "×" if spaced or (before[-1:].isdigit() and after[:1].isdigit()) else " "
    if sign == "#":
        return sign if after[:1].isalnum() or before[-1:].isalpha() else " "
    if sign == ">":
        return " " if is_first else sign
    return sign if sign == "~" and after[:1].isdigit() else " "


def _strip_line(line: MappedText, *, wraps: bool) -> list[MappedText]:
    """Return what becomes of a line: nothing, the line, or the line and an empty one.

    Args:
        line: without line feed.
        wraps: whether the next line would go on with a list item.
    """
    if quotation := _QUOTATION.match(line.text):
        line = line[quotation.end() :]
    if _is_drawn(line.text):
        return [_NOTHING]
    if _FENCE.fullmatch(line.text) or _DEFINITION.match(line.text):
        return []
    if heading := _HEADING.match(line.text):
        return [line[heading.end() :].rstrip("# \t"), _NOTHING]
    return [_strip_item(line, wraps=wraps)]


def _strip_item(line: MappedText, *, wraps: bool) -> MappedText:
    written = line.text
    # Two bars side by side are the "or" of programs.
    if written.lstrip().startswith("|") or written.replace("||", "").count("|") >= 2:
        return _row(line)
    if bullet := _BULLET.match(written):
        item = line[bullet.end() :]
        return item if wraps else _as_sentence(item)
    if numbered := _NUMBERED.match(written):
        number = line[numbered.start(1) : numbered.end(1)]
        item = MappedText.join((number, ". ", line[numbered.end() :]))
        return item if wraps else _as_sentence(item)
    return line


def _is_drawn(line: str) -> bool:
    """Tell whether a line is a rule, or underlines a heading."""
    signs = line.replace(" ", "").replace("\t", "")
    return len(signs) >= 3 and signs[0] in "-*_=+" and signs == signs[0] * len(signs)


def _row(line: MappedText) -> MappedText:
    cells = [line[found.start() : found.end()] for found in _CELL.finditer(line.text)]
    if all(not cell.text.strip("-: \t+") for cell in cells):
        return _NOTHING
    return _as_sentence(MappedText.join(cells, ", "))


def _as_sentence(line: MappedText) -> MappedText:
    line = line.rstrip()
    bare = line.text.rstrip("*_`~\"'”’)")
    return line if not bare or bare[-1] in _ENDS else MappedText.join((line, "."))
