"""This module says a formula as a teacher would: "E equals m c squared".

The formula is parsed by latex2mathml, and the tree of MathML that it gives is brought into words.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from xml.etree.ElementTree import Element

from latex2mathml import exceptions
from latex2mathml.converter import convert_to_element

from app.text.normalisation.formulas.chemistry import read_reaction
from app.text.normalisation.formulas.tree import (
    Unspeakable,
    begins_operand,
    closing,
    derives,
    flattened,
    has_sum,
    is_function,
    is_ratio,
    letter_function,
    letter_name,
    mixed_number,
    money,
    text_of,
    unit_after,
    whole_text,
    with_words,
)
from app.text.normalisation.formulas.vocabulary import FORMULA_WORDS, FormulaWords
from app.text.normalisation.language import Language

MAX_CHARS = 400
"""A longer formula is not said."""
_MAX_LEAVES = 48
"""A formula of more signs than these is not followed by ear."""
_BROKEN: tuple[type[Exception], ...] = (
    # The parser runs off the end of what is broken, or of what it has no name for.
    StopIteration,
    LookupError,
    ValueError,
    TypeError,
    *(
        each
        for each in vars(exceptions).values()
        if isinstance(each, type) and issubclass(each, Exception)
    ),
)
_ENVIRONMENT = re.compile(r"\\(?:begin|end)\{(?:equation|displaymath|math|split)\*?\}(?:\{\w*\})?")
_NUMBERED = re.compile(r"(?<=begin\{|..end\{)(align|gather|multline|eqnarray|alignat)(?=\})")
_DEGREES = re.compile(
    r"\^(?:\\circ|\{\s?\\circ\s?\})\s?(?:\\(?:text|mathrm)\{\s?([CF])\s?\}|([CF])(?![A-Za-z]))"
)
_NOT_SAID = re.compile(
    r"\\(?:label|tag|ref|cite)\*?\{[^{}]*\}|\\(?:nonumber|notag|displaystyle|limits)"
)
_TABLES = re.compile(r"matrix|cases|array|tikz|substack|xymatrix")
_DECIMALS = re.compile(r"(?<=\d)\{,\}(?=\d{1,2}(?!\d)|\d{4})")
_THOUSANDS = re.compile(r"(?<=\d)(?:\{,\}|,|\\,|~)(?=\d{3}(?!\d))")
_RUNNING = frozenset("∑∏∫∬∭∮⋃⋂")
_DOTS = frozenset("…⋯⋮⋱")
_SILENT = frozenset("\u2061\u2062\u2063\u2064\u200b\u00a0 &")
_CHILDREN = {
    "mfrac": 2, "mroot": 2, "msup": 2, "msub": 2, "munder": 2, "msubsup": 3, "munderover": 3,
    "mover": 2,
}  # fmt: skip
_FEWEST_LETTERS = 4
"""Fewer letters side by side are rather a product than a word."""
_PRIMES = {"′": 1, "'": 1, "″": 2, "‴": 3}


@lru_cache(maxsize=1024)
def speak_formula(latex: str, language: Language) -> str | None:
    """Say a formula written in LaTeX, without its delimiters.

    Returns:
        The words; digits stay only in front of units, which the rules of the language know. None
        if the formula is not simple, or not LaTeX.
    """
    words = FORMULA_WORDS.get(language.code)
    if words is None or len(latex) > MAX_CHARS or _TABLES.search(latex):
        return None
    if reaction := read_reaction(latex, words, language):
        return reaction
    # In braces a comma of three digits parts thousands, one of others decimals.
    latex = _DECIMALS.sub(".", latex)
    latex = _DEGREES.sub(r"\\,\\text{°\1\2}", latex.replace("\\ ", "\\,"))
    source = _NUMBERED.sub(r"\1*", _ENVIRONMENT.sub(" ", _NOT_SAID.sub(" ", latex)))
    try:
        spoken = _Speaker(words, language).row([_parsed(_THOUSANDS.sub("", source).strip())])
    except (Unspeakable, RecursionError):
        return None
    return re.sub(r"\s+(?=[,.;])", "", " ".join(spoken.split())) or None


def _parsed(latex: str) -> Element:
    try:
        root = convert_to_element(latex)
    except _BROKEN as error:
        raise Unspeakable from error
    if sum(len(each) == 0 for each in root.iter()) > _MAX_LEAVES:
        raise Unspeakable
    return root


class _Speaker:
    """Says the elements of MathML; each method returns words."""

    def __init__(self, words: FormulaWords, language: Language) -> None:
        self._words = words
        self._language = language

    def row(self, elements: list[Element]) -> str:
        """Say elements side by side, with what is in brackets taken together."""
        parts = with_words(flattened(elements), _FEWEST_LETTERS)
        spoken: list[str] = []
        index = 0
        while index < len(parts):
            part = parts[index]
            before = parts[index - 1] if index else None
            measured = unit_after(parts, index) or money(parts, index) or self._mixed(parts, index)
            if measured:
                spoken.append(measured[0])
                index = measured[1]
                continue
            if is_ratio(parts, index):
                spoken.append(self._words.ratio)
                index += 1
                continue
            end = closing(parts, index)
            if end is None:
                spoken.append(self._one(part))
                goes_on = index + 1 < len(parts) and begins_operand(parts[index + 1])
                if goes_on and (is_function(part) or derives(part)):
                    spoken.append(self._words.of)
                index += 1
                continue
            spoken.append(self._bracketed(parts[index + 1 : end], part, parts[end], before))
            index = end + 1
        return " ".join(word for word in spoken if word)

    def _mixed(self, parts: list[Element], index: int) -> tuple[str, int] | None:
        found = mixed_number(parts, index)
        said = self._language.fraction(*found) if found else None
        return (said, index + 2) if said else None

    def _bracketed(
        self, inside: list[Element], opener: Element, closer: Element, before: Element | None
    ) -> str:
        words, spoken = self._words, self.row(inside)
        power, sign = self._power_of(closer), text_of(opener)
        if (around := _around(words).get(sign)) is not None:
            return f"{around.format(spoken)} {power}"
        if sign == "{":
            if power or not inside or any(text_of(each) in {"|", "∣", ":"} for each in inside):
                raise Unspeakable
            return f"{words.set_of} {spoken}"
        if inside and text_of(inside[0]) == "mod":
            return f", {spoken}"
        if before is not None and (letter_function(before) or is_function(before)):
            of = "" if is_function(before) else words.of
            return f"{of} {spoken} {power}"
        if len(inside) == 1 and (not len(inside[0]) or _chooses(inside[0])):
            return f"{spoken} {power}"
        return (
            f"{spoken}, {words.all_of_it} {power}"
            if power
            else f"{words.opened} {spoken} {words.closed}"
        )

    def _power_of(self, closer: Element) -> str:
        return self._raised(closer[1]) if closer.tag == "msup" else ""

    def _one(self, element: Element) -> str:  # noqa: C901, PLR0911, PLR0912 - one case an element
        words = self._words
        if len(element) < _CHILDREN.get(element.tag, 0):
            raise Unspeakable
        match element.tag:
            case "mn":
                return self._number(text_of(element))
            case "mi":
                return self._name(element)
            case "mo":
                return self._sign(text_of(element))
            case "mtext":
                return text_of(element)
            case "mspace" | "mphantom":
                return "," if element.get("linebreak") else ""
            case "mfrac":
                return self._fraction(element)
            case "msqrt":
                return f"{words.root} {self.row(list(element))}"
            case "mroot":
                return self._root(element)
            case "msup":
                return f"{self.row([element[0]])} {self._raised(element[1])}"
            case "msub" | "munder":
                return self._with_index(element[0], element[1], None)
            case "msubsup" | "munderover":
                return self._with_index(element[0], element[1], element[2])
            case "mover":
                return self._accented(element)
            case "menclose" | "mpadded" | "mstyle":
                return self.row(list(element))
            case "mtable":
                return ", ".join(self.row([*row.iter("mtd")]) for row in element)
            case _:
                raise Unspeakable

    def _number(self, written: str) -> str:
        if not re.fullmatch(r"\d{1,36}(?:[.,]\d{1,36})?|\.\d{1,36}", written):
            raise Unspeakable
        return self._language.number(written)

    def _name(self, element: Element) -> str:
        text = text_of(element)
        if len(text) > 1:
            if not text.replace(" ", "").isalpha():
                raise Unspeakable
            return self._words.functions.get(text, text)
        if not text or text in _SILENT:
            return ""
        plain = unicodedata.normalize("NFKC", text)
        if text in self._words.signs or text in _DOTS or not plain.isalpha():
            return self._sign(text)
        return letter_name(plain)

    def _sign(self, char: str) -> str:
        words = self._words
        if char in _RUNNING and char in words.signs:
            return f"{words.signs[char]} {words.of}"
        said = words.signs.get(char) or words.functions.get(char)
        if said is None and char in _PRIMES:
            said = " ".join([words.prime] * _PRIMES[char])
        if said is None and char in {"/", "...", "⋅⋅⋅", *_DOTS}:
            said = words.over if char == "/" else words.and_so_on
        if said is None and not char.isalpha() and char not in {"", *_SILENT, *",;.?"}:
            raise Unspeakable
        return said or ("" if char in _SILENT else char)

    def _fraction(self, element: Element) -> str:
        above, below = element[0], element[1]
        if _chooses(element):
            return self._words.choose.format(self.row([above]), self.row([below]))
        digits = [whole_text(part) for part in (above, below)]
        if all(each.isdecimal() and each.isascii() and len(each) < 5 for each in digits):
            named = self._language.fraction("", *digits) if int(digits[1]) else None
            if named:
                return named
        numerator = self.row([above])
        pause = (
            ","
            if len(with_words(flattened([above]), _FEWEST_LETTERS)) > 2
            or (" " in numerator.strip() and has_sum(above))
            else ""
        )
        return f"{numerator}{pause} {self._words.over} {self.row([below])}"

    def _root(self, element: Element) -> str:
        inside = self.row([element[0]])
        index = whole_text(element[1]) or self.row([element[1]])
        if index == "3":
            return f"{self._words.cube_root} {inside}"
        if index.isdecimal() and len(index) < 4:
            return f"{self._words.nth_root.format(self._language.ordinal(index))} {inside}"
        nth = f"{index}th" if self._language.code == "en" and len(index) == 1 else index
        return f"{self._words.nth_root.format(nth)} {inside}"

    def _raised(self, exponent: Element) -> str:
        words, text = self._words, whole_text(exponent)
        if text in {"2", "3"}:
            return words.squared if text == "2" else words.cubed
        if text and all(char in _PRIMES for char in text):
            return " ".join([words.prime] * sum(_PRIMES[char] for char in text))
        if text in {"∘", "°"}:
            return words.signs["°"]
        return f"{words.power} {self.row([exponent])}"

    def _with_index(self, base: Element, below: Element, above: Element | None) -> str:
        words, name = self._words, text_of(base)
        if name in _RUNNING:
            sign = words.signs.get(name)
            if sign is None:
                raise Unspeakable
            lower = self.row([below])
            if above is None:
                return f"{sign} {words.over_set.format(lower)}"
            return f"{sign} {words.from_to.format(lower, self.row([above]))}"
        if name == "lim":
            return self._limit(below)
        spoken = self.row([base])
        if name in {"max", "min", "sup", "inf", "argmax", "argmin"}:
            return f"{spoken} {words.over_set.format(self.row([below]))}"
        if name in {"log", "lg"}:
            return f"{spoken} {words.base.format(self.row([below]))}"
        if base.tag in {"munder", "munderover", "mover"}:
            raise Unspeakable
        # An upright letter is a chemical element, or a name: "H two O".
        sub = "" if base.get("mathvariant") == "normal" else words.sub
        index = with_words(flattened([below]), _FEWEST_LETTERS - 1)
        power = self._raised(above) if above is not None else ""
        return f"{spoken} {sub} {self.row(index)} {power}"

    def _limit(self, below: Element) -> str:
        parts = flattened([below])
        arrow = next((i for i, part in enumerate(parts) if text_of(part) in {"→", "⟶"}), None)
        if arrow is None:
            raise Unspeakable
        words = self._words
        goes = words.as_limit.format(self.row(parts[:arrow]))
        return f"{words.limit} {goes} {self.row(parts[arrow + 1 :])} {words.of}"

    def _accented(self, element: Element) -> str:
        accent = self._words.accents.get(text_of(element[1]))
        if accent is None:
            raise Unspeakable
        return accent.format(self.row([element[0]]))


def _around(words: FormulaWords) -> dict[str, str]:
    """Return what is said of what stands between two signs that are no brackets."""
    sides = dict.fromkeys("|∣", words.absolute)
    return {**sides, "‖": words.norm, "⌊": words.floor, "⌈": words.ceiling}


def _chooses(element: Element) -> bool:
    """Tell whether an element is a binomial, "n choose k"."""
    return element.get("linethickness") == "0"
