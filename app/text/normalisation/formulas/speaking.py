"""This module says a formula as a teacher would: "E equals m c squared".

The formula is parsed by latex2mathml, and the tree of MathML that it gives is brought into words.
"""

from __future__ import annotations

import html
import re
import unicodedata
from functools import lru_cache
from xml.etree.ElementTree import Element

from latex2mathml import exceptions
from latex2mathml.converter import convert_to_element

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
_NOT_SAID = re.compile(
    r"\\(?:label|tag|ref|cite)\*?\{[^{}]*\}|\\(?:nonumber|notag|displaystyle|limits)"
)
_TABLES = re.compile(r"matrix|cases|array|tikz|substack|xymatrix")
_THOUSANDS = re.compile(r"(?<=\d)(?:\{,\}|,|\\,|~)(?=\d{3}(?!\d))")
_UNIT = re.compile(r"[A-Za-zµμΩ°%]{1,4}(?:/[A-Za-zµ]{1,4})?")
_FUNCTION_LETTERS = frozenset("fghFGHPOTLuvpqΦΨφψΓζ")
_RUNNING = frozenset("∑∏∫∬∭∮⋃⋂")
_OPENERS = {"(": ")", "[": "]", "{": "}", "⟨": "⟩", "⌊": "⌋", "⌈": "⌉"}
_DOTS = frozenset("…⋯⋮⋱")
_SILENT = frozenset("\u2061\u2062\u2063\u2064\u200b\u00a0 &")
_CHILDREN = {
    "mfrac": 2, "mroot": 2, "msup": 2, "msub": 2, "munder": 2, "msubsup": 3, "munderover": 3,
    "mover": 2,
}  # fmt: skip
_CHEMISTRY = re.compile(r"\\ce\{([A-Za-z0-9()]{1,30})\}")
_PRIMES = {"′": 1, "'": 1, "″": 2, "‴": 3}


class Unspeakable(Exception):
    """Means that a formula is beyond what is said; it is no error of a caller."""


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
    if chemistry := _CHEMISTRY.fullmatch(latex):
        return chemistry[1]
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
        parts = _flat(elements)
        spoken: list[str] = []
        index = 0
        while index < len(parts):
            part = parts[index]
            before = parts[index - 1] if index else None
            unit = _unit_after(parts, index) or _money(parts, index)
            if unit:
                spoken.append(unit[0])
                index = unit[1]
                continue
            end = _closing(parts, index)
            if end is None:
                spoken.append(self._one(part))
                goes_on = index + 1 < len(parts) and _begins_operand(parts[index + 1])
                if goes_on and (_is_function(part) or _derives(part)):
                    spoken.append(self._words.of)
                index += 1
                continue
            spoken.append(self._bracketed(parts[index + 1 : end], part, parts[end], before))
            index = end + 1
        return " ".join(word for word in spoken if word)

    def _bracketed(
        self, inside: list[Element], opener: Element, closer: Element, before: Element | None
    ) -> str:
        words, spoken = self._words, self.row(inside)
        power = self._power_of(closer)
        if _text(opener) in {"|", "∣", "‖"}:
            return f"{words.absolute.format(spoken)} {power}"
        if _text(opener) == "{":
            raise Unspeakable
        if before is not None and (_letter_function(before) or _is_function(before)):
            of = "" if _is_function(before) else words.of
            return f"{of} {spoken} {power}"
        if len(inside) == 1 and not len(inside[0]):
            return f"{spoken} {power}"
        if power:
            return f"{spoken}, {words.all_of_it} {power}"
        return f"{words.opened} {spoken} {words.closed}"

    def _power_of(self, closer: Element) -> str:
        return self._raised(closer[1]) if closer.tag == "msup" else ""

    def _one(self, element: Element) -> str:  # noqa: C901, PLR0911, PLR0912 - one case an element
        words = self._words
        if len(element) < _CHILDREN.get(element.tag, 0):
            raise Unspeakable
        match element.tag:
            case "mn":
                return self._number(_text(element))
            case "mi":
                return self._name(element)
            case "mo":
                return self._sign(_text(element))
            case "mtext":
                return _text(element)
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
        text = _text(element)
        if len(text) > 1:
            if not text.replace(" ", "").isalpha():
                raise Unspeakable
            return self._words.functions.get(text, text)
        if not text or text in _SILENT:
            return ""
        plain = unicodedata.normalize("NFKC", text)
        if text in self._words.signs or text in _DOTS or not plain.isalpha():
            return self._sign(text)
        return _letter_name(plain)

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
        if element.get("linethickness") == "0":
            return self._words.choose.format(self.row([above]), self.row([below]))
        digits = [_whole_text(part) for part in (above, below)]
        if all(each.isdecimal() and each.isascii() and len(each) < 5 for each in digits):
            named = self._language.fraction("", *digits) if int(digits[1]) else None
            if named:
                return named
        numerator = self.row([above])
        pause = (
            "," if len(_flat([above])) > 2 or (" " in numerator.strip() and _has_sum(above)) else ""
        )
        return f"{numerator}{pause} {self._words.over} {self.row([below])}"

    def _root(self, element: Element) -> str:
        inside, index = self.row([element[0]]), _whole_text(element[1])
        if index == "3":
            return f"{self._words.cube_root} {inside}"
        if index.isdecimal() and len(index) < 4:
            return f"{self._words.nth_root.format(self._language.ordinal(index))} {inside}"
        nth = f"{index}th" if self._language.code == "en" and len(index) == 1 else index
        return f"{self._words.nth_root.format(nth)} {inside}"

    def _raised(self, exponent: Element) -> str:
        words, text = self._words, _whole_text(exponent)
        if text in {"2", "3"}:
            return words.squared if text == "2" else words.cubed
        if text and all(char in _PRIMES for char in text):
            return " ".join([words.prime] * sum(_PRIMES[char] for char in text))
        if text in {"∘", "°"}:
            return words.signs["°"]
        return f"{words.power} {self.row([exponent])}"

    def _with_index(self, base: Element, below: Element, above: Element | None) -> str:
        words, name = self._words, _text(base)
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
        power = self._raised(above) if above is not None else ""
        return f"{spoken} {sub} {self.row([below])} {power}"

    def _limit(self, below: Element) -> str:
        parts = _flat([below])
        arrow = next((i for i, part in enumerate(parts) if _text(part) in {"→", "⟶"}), None)
        if arrow is None:
            raise Unspeakable
        words = self._words
        goes = words.as_limit.format(self.row(parts[:arrow]))
        return f"{words.limit} {goes} {self.row(parts[arrow + 1 :])} {words.of}"

    def _accented(self, element: Element) -> str:
        accent = self._words.accents.get(_text(element[1]))
        if accent is None:
            raise Unspeakable
        return accent.format(self.row([element[0]]))


def _text(element: Element) -> str:
    if len(element):
        return (
            "" if element.tag not in {"mrow", "mstyle"} or len(element) > 1 else _text(element[0])
        )
    # Text keeps its words apart.
    text = html.unescape(element.text or "").replace("\u00a0", " ")
    return text if element.tag == "mtext" else text.strip()


def _whole_text(element: Element) -> str:
    return html.unescape("".join(element.itertext())).strip()


def _flat(elements: list[Element]) -> list[Element]:
    flat: list[Element] = []
    for element in elements:
        if element.tag in {"math", "mrow", "mtd", "mstyle"}:
            flat += _flat(list(element))
        else:
            flat.append(element)
    return flat


def _closing(parts: list[Element], index: int) -> int | None:
    """Return where the bracket that opens at an index is closed, or None if none opens there."""
    opener = _text(parts[index]) if parts[index].tag == "mo" else ""
    if opener in {"|", "∣", "‖"}:
        if index and _begins_operand(parts[index - 1]):
            return None
        return next(
            (end for end in range(index + 2, len(parts)) if _closes(parts[end], opener)), None
        )
    if opener not in _OPENERS:
        return None
    depth = 0
    for end in range(index, len(parts)):
        if parts[end].tag == "mo" and _text(parts[end]) == opener:
            depth += 1
        elif _closes(parts[end], _OPENERS[opener]):
            depth -= 1
            if not depth:
                return end
    raise Unspeakable


def _closes(part: Element, char: str) -> bool:
    return _text(part[0] if part.tag == "msup" else part) == char


def _is_function(part: Element) -> bool:
    """Tell whether a name such as "sin" stands here, raised or with a base."""
    base = part[0] if part.tag in {"msup", "msub", "msubsup"} else part
    text = _text(base)
    return (
        base.tag in {"mi", "mo"} and len(text) > 1 and text.isalpha() and text not in {"lim", "mod"}
    )


def _letter_function(part: Element) -> bool:
    base = part[0] if part.tag in {"msup", "msub"} else part
    return base.tag == "mi" and _text(base) in _FUNCTION_LETTERS


def _begins_operand(part: Element) -> bool:
    return part.tag != "mo" or _text(part) in {"(", "[", "|"}


def _has_sum(element: Element) -> bool:
    return any(part.tag == "mo" and _text(part) in {"+", "-", "−", "±"} for part in element.iter())


def _unit_after(parts: list[Element], index: int) -> tuple[str, int] | None:
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
        unit, power = unit[0], _whole_text(unit[1])
    letters = _whole_text(unit) if unit.tag == "mtext" else ""
    end = following + 1
    while not power and unit.get("mathvariant") == "normal":
        letters += _text(unit)
        if end < len(parts) and _text(parts[end]) == "/" and _is_upright(parts, end + 1):
            letters, end = letters + "/", end + 1
        if not _is_upright(parts, end):
            break
        unit, end = parts[end], end + 1
    if not _UNIT.fullmatch(letters) or power not in {"", "2", "3"}:
        return None
    raised = f"^{power}" if power else ""
    return f"{_text(parts[index])} {letters}{raised}", end


def _is_upright(parts: list[Element], index: int) -> bool:
    return index < len(parts) and parts[index].get("mathvariant") == "normal"


def _money(parts: list[Element], index: int) -> tuple[str, int] | None:
    """Return an amount as written in running text, and where it ends."""
    if _text(parts[index]) != "$" or index + 1 == len(parts) or parts[index + 1].tag != "mn":
        return None
    return f"${_text(parts[index + 1])}", index + 2


def _derives(part: Element) -> bool:
    """Tell whether a fraction stands for a derivative, "d over d x"."""
    return part.tag == "mfrac" and _whole_text(part[0]) in {"d", "∂"}


def _letter_name(letter: str) -> str:
    if letter.isascii():
        return letter
    name = unicodedata.name(letter, "")
    if not name.startswith("GREEK"):
        raise Unspeakable
    for ending in (" SYMBOL", " FINAL SIGMA"):
        name = name.removesuffix(ending)
    return name.rpartition(" ")[2].lower()
