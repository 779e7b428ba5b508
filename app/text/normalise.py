"""Text as it is spoken: numbers, money, dates, units, signs and marks in words.

The model reads letters and punctuation; it was not taught to read "$3.50". English is brought
into words wholly; French, German, Portuguese, Italian, Spanish and Dutch get their numbers,
percentages and money; every language loses Markdown, HTML, emoji and emoticons.
"""

from __future__ import annotations

from app.text.normalisation.emoji import remove_emoji
from app.text.normalisation.en.abbreviations import ABBREVIATIONS
from app.text.normalisation.en.acronyms import ACRONYMS
from app.text.normalisation.en.characters import long_digit_runs, plain_characters
from app.text.normalisation.en.dates import DATES
from app.text.normalisation.en.fractions import MEASURED_FRACTIONS
from app.text.normalisation.en.money import MONEY, PER
from app.text.normalisation.en.quantities import QUANTITIES
from app.text.normalisation.en.roman import ROMAN
from app.text.normalisation.en.symbols import speak_symbols, tidy_spaces
from app.text.normalisation.en.telephones import TELEPHONES
from app.text.normalisation.en.times import HALF_DAYS, TIMES
from app.text.normalisation.en.units import UNIT_RULES
from app.text.normalisation.en.web import WEB
from app.text.normalisation.foreign import speak_foreign
from app.text.normalisation.languages import LANGUAGES
from app.text.normalisation.markdown import strip_markdown
from app.text.normalisation.numerals import plain_numerals
from app.text.normalisation.rules import apply_near_digits, apply_rules

_ROUNDS = 4
_MEASURES = (*MEASURED_FRACTIONS, *UNIT_RULES)
_WITH_DIGITS = (*DATES, *TIMES, *TELEPHONES, *MONEY, *PER, *_MEASURES, *QUANTITIES)


def normalise(text: str, *, language: str) -> str:
    """Write a text as it is spoken.

    Paragraphs and sentence marks stay, and no word is lost but what was never spoken: marks of
    Markdown and HTML, targets of links, emoji and emoticons. English comes out without digits and
    signs. Outer white space stays as it is. The result is stable: normalised again it does not
    change. Takes time linear in the text.

    Args:
        text: Unicode text of any kind; best in the form `clean_script` gives.
        language: two letters as in "en"; of an unknown language only marks and emoji are removed.
    """
    core = text.strip()
    if not core:
        return text
    start = text.index(core)
    spoken = core
    # What is taken away or said may join or part what stands around it: that is looked at again.
    for _ in range(_ROUNDS):
        before, spoken = spoken, _speak(spoken, language).strip()
        if spoken == before:
            break
    return text[:start] + spoken + text[start + len(core) :]


def _speak(text: str, language: str) -> str:
    plain = strip_markdown(remove_emoji(text))
    if language == "en":
        return _speak_english(plain)
    if language in LANGUAGES:
        return speak_foreign(plain_numerals(plain), language)
    return plain


def _speak_english(text: str) -> str:
    text = long_digit_runs(plain_characters(plain_numerals(text)))
    text = apply_rules(text, WEB).replace("_", " ")
    text = apply_rules(text, ROMAN)
    text = apply_rules(text, (*HALF_DAYS, *ABBREVIATIONS))
    text = apply_near_digits(text, _WITH_DIGITS)
    text = apply_rules(text, ACRONYMS)
    return tidy_spaces(speak_symbols(text))
