"""This module reads the tree of MathML of a formula: brackets, functions, words and measures."""

from __future__ import annotations

import html
import re
import unicodedata
from itertools import groupby
from string import ascii_lowercase
from xml.etree.ElementTree import Element

_UNIT = re.compile(r"[A-Za-zµμΩ°%]{1,4}(?:/[A-Za-zµ]{1,4})?")
_FUNCTION_LETTERS = frozenset("fghEFGHNPOTLuvpqΦΨφψΓζ")
_OPENERS = {"(": ")", "[": "]", "{": "}", "⟨": "⟩", "⌊": "⌋", "⌈": "⌉"}
_NAME = re.compile(r"[A-Z][a-z]{1,9}")
_ROWS = frozenset(("math", "mrow", "mtd", "mstyle"))
_ALPHABET = ascii_lowercase
_VOWELS = frozenset("aeiou")
_ARROWS = frozenset("→⟶↦⟼")
_SUMS = frozenset("+-−±")
_SIDES = frozenset("|∣‖")
"""These signs open and close."""


class Unspeakable(Exception):
    """Means that a formula is beyond what is said; it is no error of a caller."""


def text_of(element: Element) -> str:
    """Return the text of an element that has no children but one, or else nothing."""
    if len(element):
        return (
            "" if element.tag not in {"mrow", "mstyle"} or len(element) > 1 else text_of(element[0])
        )
    # Text keeps its words apart.
    text = html.unescape(element.text or "").replace("\u00a0", " ")
    return text if element.tag == "mtext" else text.strip()


def whole_text(element: Element) -> str:
    """Return the text of an element and of all in it; none if there are roots or powers in it."""
    if any(len(each) and each.tag not in _ROWS for each in element.iter()):
        return ""
    return html.unescape("".join(element.itertext())).strip()


def flattened(elements: list[Element]) -> list[Element]:
    """Return elements side by side, without the rows that hold them.

    The power of a row in brackets becomes that of its closing bracket, as it is written.
    """
    flat: list[Element] = []
    for element in elements:
        if element.tag in _ROWS:
            flat += flattened(list(element))
        elif element.tag == "msup" and len(element) == 2 and element[0].tag in _ROWS:
            base = flattened([element[0]])
            if len(base) > 1 and closing(base, 0) == len(base) - 1:
                raised = Element("msup")
                raised.extend((base.pop(), element[1]))
                flat += [*base, raised]
            else:
                flat.append(element)
        else:
            flat.append(element)
    return flat


def with_words(parts: list[Element], fewest_letters: int) -> list[Element]:
    """Join letters that are a word side by side, as in "v = distance / time"."""
    joined: list[Element] = []
    for is_letter, run in groupby(parts, _is_small_letter):
        letters = list(run)
        word = "".join(map(text_of, letters)) if is_letter else ""
        if len(word) < fewest_letters or not _VOWELS.intersection(word) or word in _ALPHABET:
            joined += letters
        else:
            joined.append(Element("mtext"))
            joined[-1].text = word
    return joined


def _is_small_letter(part: Element) -> bool:
    text = text_of(part) if part.tag == "mi" else ""
    return len(text) == 1 and text.isascii() and text.islower()


def closing(parts: list[Element], index: int) -> int | None:
    """Return where the bracket that opens at an index is closed, or None if none opens there."""
    opener = text_of(parts[index]) if parts[index].tag in {"mo", "mi"} else ""
    if opener in _SIDES:
        if index and begins_operand(parts[index - 1]):
            return None
        return next(
            (end for end in range(index + 2, len(parts)) if closes(parts[end], opener)), None
        )
    if opener not in _OPENERS:
        return None
    depth = 0
    for end in range(index, len(parts)):
        if text_of(parts[end]) == opener:
            depth += 1
        elif closes(parts[end], _OPENERS[opener]):
            depth -= 1
            if not depth:
                return end
    raise Unspeakable


def closes(part: Element, char: str) -> bool:
    """Tell whether a part is a certain closing bracket, raised or not."""
    return text_of(part[0] if part.tag == "msup" else part) == char


def is_function(part: Element) -> bool:
    """Tell whether a name such as "sin" stands here, raised or with a base."""
    base = part[0] if part.tag in {"msup", "msub", "msubsup"} else part
    text = text_of(base)
    return (
        base.tag in {"mi", "mo"} and len(text) > 1 and text.isalpha() and text not in {"lim", "mod"}
    )


def letter_function(part: Element) -> bool:
    """Tell whether a letter stands here that names a function more often than a number."""
    base = part[0] if part.tag in {"msup", "msub"} else part
    if base.tag == "mtext":
        return _NAME.fullmatch(text_of(base)) is not None
    letter = unicodedata.normalize("NFKC", text_of(base))
    return base.tag == "mi" and letter in _FUNCTION_LETTERS


def begins_operand(part: Element) -> bool:
    """Tell whether a number or what stands for one may begin here."""
    return part.tag != "mo" or text_of(part) in {"(", "[", "|"}


def has_sum(element: Element) -> bool:
    """Tell whether something is added or taken away in an element."""
    return any(part.tag == "mo" and text_of(part) in _SUMS for part in element.iter())


def unit_after(parts: list[Element], index: int) -> tuple[str, int] | None:
    """Return a number with its unit, as written in running text, and where that ends."""
    if parts[index].tag != "mn":
        return None
    following = index + 1
    while following < len(parts) and parts[following].tag == "mspace":
        following += 1
    if following >= len(parts):
        return None
    unit, power = parts[following], ""
    if unit.tag == "msup":
        unit, power = unit[0], whole_text(unit[1])
    letters = whole_text(unit) if unit.tag == "mtext" else ""
    end = following + 1
    while not power and unit.get("mathvariant") == "normal":
        letters += text_of(unit)
        if end < len(parts) and text_of(parts[end]) == "/" and _goes_on(parts, end + 1):
            letters, end = letters + "/", end + 1
        if end < len(parts) and parts[end].tag == "msup" and is_upright(list(parts[end]), 0):
            letters, power = letters + text_of(parts[end][0]), whole_text(parts[end][1])
            end += 1
            break
        if not is_upright(parts, end):
            break
        unit, end = parts[end], end + 1
    if not _UNIT.fullmatch(letters) or power not in {"", "2", "3"}:
        return None
    raised = f"^{power}" if power else ""
    # A single letter after a space may be taken for a word.
    space = "" if letters in {"s", "h"} else " "
    return f"{text_of(parts[index])}{space}{letters}{raised}", end


def mixed_number(parts: list[Element], index: int) -> tuple[str, str, str] | None:
    """Return a whole number, and both of the fraction that stands right after it."""
    if index + 1 >= len(parts) or parts[index].tag != "mn" or parts[index + 1].tag != "mfrac":
        return None
    found = (text_of(parts[index]), *map(whole_text, parts[index + 1]))
    small = all(each.isdecimal() and each.isascii() and len(each) < 5 for each in found)
    return found if small and len(found) == 3 and int(found[2]) else None


def is_ratio(parts: list[Element], index: int) -> bool:
    """Tell whether a colon parts two numbers, and no arrow after it makes a mapping of them."""
    return text_of(parts[index]) == ":" and not any(text_of(part) in _ARROWS for part in parts)


def _goes_on(parts: list[Element], index: int) -> bool:
    powered = index < len(parts) and parts[index].tag == "msup"
    return is_upright(list(parts[index]), 0) if powered else is_upright(parts, index)


def is_upright(parts: list[Element], index: int) -> bool:
    """Tell whether an upright letter stands at an index, as those of units do."""
    return index < len(parts) and parts[index].get("mathvariant") == "normal"


def money(parts: list[Element], index: int) -> tuple[str, int] | None:
    """Return an amount as written in running text, and where it ends."""
    if text_of(parts[index]) != "$" or index + 1 == len(parts) or parts[index + 1].tag != "mn":
        return None
    return f"${text_of(parts[index + 1])}", index + 2


def derives(part: Element) -> bool:
    """Tell whether a fraction stands for a derivative, "d over d x"."""
    return part.tag == "mfrac" and whole_text(part[0]) in {"d", "∂"}


def letter_name(letter: str) -> str:
    """Name a letter: one of Latin itself, one of Greek in English.

    Raises:
        Unspeakable: it is neither, or is several, as compatible forms of some letters are.
    """
    if letter.isascii():
        return letter
    if letter == "ħ":
        return "h bar"
    if len(letter) > 1:
        raise Unspeakable
    name = unicodedata.name(letter, "")
    if not name.startswith("GREEK"):
        raise Unspeakable
    for ending in (" SYMBOL", " FINAL SIGMA"):
        name = name.removesuffix(ending)
    return name.rpartition(" ")[2].lower().replace("lamda", "lambda")
