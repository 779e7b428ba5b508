"""This module reads Roman numerals in English text where nothing else can be meant."""

from __future__ import annotations

import re

from app.text.normalisation.en.numbers import cardinal, ordinal, year
from app.text.normalisation.numerals import roman_value
from app.text.normalisation.rules import Rule, rule

_NAMES_OF_RULERS = (
    "Henry Louis Elizabeth Charles George Edward William Richard James Philip Philippe Napoleon "
    "Pius "
    "Paul Benedict Francis Gregory Leo Alexander Catherine Peter Nicholas Frederick Friedrich "
    "Wilhelm "
    "Ramses Ramesses Mary Ptolemy Innocent Clement Urban Otto Ferdinand Alfonso Carlos Felipe "
    "Albert "
    "Leopold Ivan David Constantine Justinian Theodosius Xerxes Darius Artaxerxes Cleopatra "
    "Thutmose "
    "Amenhotep Seti Baldwin Umberto Emmanuel Emanuele Christian Gustav Haakon Harald Olav Rama "
    "Sixtus "
    "Boniface Celestine Stephen Adrian Robert John Joseph Franz Selim Murad Mehmed Suleiman Edmund "
    "Margrethe Juan Pedro Maria Michael Victor Karl Charles Sancho Julius Eugene Callixtus Alexios"
)
_RULERS = f"{_NAMES_OF_RULERS} {_NAMES_OF_RULERS.upper()}"
_TITLES = (
    "King Queen Pope Emperor Empress Tsar Czar Prince Princess Sultan Pharaoh Kaiser Saint Duke"
)
_NUMBERED = (
    "Chapter|Part|Volume|Vol\\.|Ch\\.|Pt\\.|Sec\\.|Book|Act|"
    "Scene|Section|Article|Phase|Type|Stage|Level|Grade|Episode|"
    "Season|Appendix|Table|Figure|Fig\\.|Title|World "
    "War|WW|War|Bowl|Mark|Mk|Unit|Lesson|Round|Tier|"
    "Category|Division|Canto|Psalm|Factor|Apollo|Schedule|Annex|Form"
)
_NUMBERED += f"|{_NUMBERED.upper()}"
_SHORT_NAMES = {
    "Vol.": "Volume", "Ch.": "Chapter", "Pt.": "Part", "Sec.": "Section", "Fig.": "Figure",
    "WW": "World War", "Mk": "Mark",
}  # fmt: skip
_GOES_ON = re.compile(r" [A-Z]")
_ROMAN = r"([IVXLCDM]{1,15})"
_NOT_WORD = r"(?![\w-])(?!['’][a-rt-z])"


def _ruler(found: re.Match[str]) -> str | None:
    value = roman_value(found[2])
    return f"{found[1]} the {ordinal(str(value))}" if 0 < value <= 39 else None


def _numbered_part(found: re.Match[str]) -> str | None:
    roman = found[3].upper()
    # A single C, D, L or M names a letter: "Appendix C".
    if len(roman) == 1 and roman not in "IVX":
        return None
    if found[1].isupper() and roman == "I" and _GOES_ON.match(found.string, found.end()):
        return None  # "THE PART I LIKE"
    value = roman_value(roman)
    name = _SHORT_NAMES.get(found[1], _SHORT_NAMES.get(found[1].capitalize(), found[1]))
    return f"{name}{found[2]}{cardinal(str(value))}" if value else None


def _abbreviated_part(found: re.Match[str]) -> str | None:
    value = roman_value(found[3].upper())
    name = _SHORT_NAMES[f"{found[1].capitalize()}."].lower()
    return f"{name} {cardinal(str(value))}" if value else None


def _century(found: re.Match[str]) -> str | None:
    value = roman_value(found[1])
    return ordinal(str(value)) if value else None


def _year(found: re.Match[str]) -> str | None:
    value = roman_value(found[0])
    return year(value) if value else None


def _alone(found: re.Match[str]) -> str | None:
    value = roman_value(found[0])
    before = found.string[max(0, found.start() - 4) : found.start()].lower()
    if not value or (found[0] == "IV" and before.endswith(("an ", " iv ", "the "))):
        return None
    return cardinal(str(value))


def _any_of(words: str) -> str:
    return "|".join(dict.fromkeys(words.split()))


ROMAN: tuple[Rule, ...] = (
    rule(
        r"WW(?<!\w..)(II|I|2|1)(?!\w)",
        lambda found: f"World War {'Two' if found[1] in {'II', '2'} else 'One'}",
        needs="W",
    ),
    rule(
        r"IV(?<![\w.'&-]..)(s?)(?= (?:drips?|fluids?|lines?|bags?|access|antibiotics|therapy|pole|"
        r"injections?|infusions?|treatments?|needles?|catheters?|medications?|push|tubes?)(?!\w))",
        lambda found: f"I V{found[1]}",
        needs="I",
    ),
    rule(r"(?:VI|vi)(?<![\w.'&-]..)(?= (?:editor|mode|commands?)(?!\w))", "V I", needs="Vv"),
    rule(
        rf"(?=[A-Z])(?<!\w)((?:{_any_of(_TITLES)}) (?:[A-Z][a-z]{{1,20}} )?[A-Z][a-z]{{1,20}}) "
        rf"([IVX]{{1,7}}){_NOT_WORD}(?! (?:am|have|was|will|would|think|know|do|did|had)(?!\w))",
        _ruler,
        needs="IVX",
    ),
    rule(
        rf"(?=[A-Z])(?<!\w)({_any_of(_RULERS)}) ([IVX]{{2,7}}|[VX]){_NOT_WORD}(?!\.[A-Z])",
        _ruler,
        needs="IVX",
    ),
    # "Elizabeth I" is a ruler only where no sentence can go on with the pronoun.
    rule(
        rf"(?=[A-Z])(?<!\w)({_any_of(_RULERS)}) (I)(?= of |,|\.(?:\s|$)|;|\)|'s)",
        _ruler,
        needs="I",
    ),
    rule(
        rf"(?=[A-Z])(?<!\w)((?:{_any_of(_RULERS)}) (?:[A-Z]\. )?[A-Z][a-z]{{1,20}}),? "
        rf"(II|III|IV){_NOT_WORD}",
        _ruler,
        needs="IVX",
    ),
    rule(
        rf"(?=[A-Z])(?<!\w)({_NUMBERED})( |-){_ROMAN}{_NOT_WORD}", _numbered_part, needs="IVXLCDM"
    ),
    rule(
        r"(?<!\w)(vol|ch|pt|sec|fig)\.( )([IVX]{1,7}|[ivx]{1,7})(?![\w'’-])",
        _abbreviated_part,
        needs=".",
    ),
    rule(
        r"(?<!\w)(chapter|part|volume|book|act|scene|section|article|phase|type|stage|level|episode|"
        r"appendix|table|figure|title)( )([IVXLCDM]{2,15}|[ivxl]{2,8}|V)(?![\w'’-])",
        _numbered_part,
    ),
    rule(r"(?<!\w)([IVX]{1,5})(?:th|st|nd|rd)?(?=[ -][Cc]entury(?!\w))", _century, needs="IVX"),
    rule(r"(?<![\w.'-])M[MDCLXVI]{3,14}(?![\w'’-])", _year, needs="M"),
    rule(r"(?<![\w.'&-])(?:[IVX]{2,7})(?![\w'’&-])(?!\.[A-Z])", _alone, needs="IVX"),
)
