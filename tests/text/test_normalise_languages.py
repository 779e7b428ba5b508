"""Languages other than English put into words what English puts into words."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.text.normalisation.language import Language
from app.text.normalisation.languages import find_language
from app.text.normalise import normalise
from tests.text.cases import load_cases

CODES = ("en", "fr", "de", "pt", "it", "es", "nl")
LANGUAGES = [language for code in CODES if (language := find_language(code))]


@pytest.mark.parametrize(
    ("language", "written", "spoken"),
    [
        ("fr", "Il a 21 ans.", "Il a vingt et un ans."),
        ("fr", "3,14 et 10 000", "trois virgule un quatre et dix mille"),
        ("fr", "3,50 €", "trois euros cinquante"),
        ("fr", "le 1er, la 1re et le 2e", "le premier, la première et le deuxième"),
        ("fr", "50 %", "cinquante pour cent"),
        ("fr", "17h30", "dix-sept heures trente"),
        ("de", "1.234,5", "eintausendzweihundertvierunddreißig Komma fünf"),
        ("de", "1 €", "ein Euro"),
        ("de", "am 3. Mai", "am dritten Mai"),
        ("de", "am 3.5.2024", "am dritten Mai zweitausendvierundzwanzig"),
        ("de", "z. B. 5 %", "zum Beispiel fünf Prozent"),
        ("de", "um 17:45 Uhr", "um siebzehn Uhr fünfundvierzig"),
        ("de", "1984", "neunzehnhundertvierundachtzig"),
        ("de", "-5 Grad, 10-15 km", "minus fünf Grad, zehn bis fünfzehn Kilometer"),
        ("pt", "R$ 3,50", "três reais e cinquenta centavos"),
        ("pt", "a 2ª vez", "a segunda vez"),
        ("pt", "20/11/2026", "vinte de novembro de dois mil e vinte e seis"),
        ("it", "3,14", "tre virgola uno quattro"),
        ("it", "1 euro e 5 €", "un euro e cinque euro"),
        ("it", "il 3º posto", "il terzo posto"),
        ("es", "3,14", "tres coma uno cuatro"),
        ("es", "20 $", "veinte dólares"),
        ("es", "la 1.ª vez", "la primera vez"),
        ("nl", "de 3e keer", "de derde keer"),
        ("nl", "€ 1.000", "duizend euro"),
        ("nl", "007", "nul nul zeven"),
        ("xx", "**5** 😀 eur", "5 eur"),
    ],
)
def test_numbers_in_words(language: str, written: str, spoken: str) -> None:
    """Figures are put into words and everything else stays."""
    assert normalise(written, language=language).text == spoken


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.code)
def test_languages_are_alike(language: Language) -> None:
    """Every language says numbers, ordinals, dates, years and spelled words without digits."""
    assert len(LANGUAGES) == 7
    assert find_language(language.code) is language
    spoken = [
        language.speak("12"),
        language.number("12"),
        language.ordinal("3"),
        language.day(1),
        language.year("1984"),
        language.date(1, 12, "2024"),
        language.digits("0 7"),
        language.spell("A7"),
        language.telephone("555-1234"),
    ]
    assert all(spoken)
    assert not any(map(str.isdigit, "".join(map(str, spoken))))
    assert language.months[11] in language.date(1, 12, "")


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize(
    "written", ["{}", "{} km", "$ {}", "-{},5", "{}%", "{:,} €", "{}º", "{}/3"]
)
def test_numbers_of_any_length(code: str, written: str) -> None:
    """A number that has no name in a language is said digit by digit."""
    for digits in range(1, 40):
        spoken = normalise(written.format(10**digits - 1), language=code).text
        assert not any(map(str.isdigit, spoken))


def test_a_language_without_rules_is_none() -> None:
    """Text in it loses its markup and keeps its figures."""
    assert find_language("xx") is None


WRITTEN = {code: [case.written for case in load_cases() if case.language == code] for code in CODES}
_SIGNS = "0123456789 .,:;/-–+$€£%°#@&*_=<>()[]'\"^~!|\\\nxXkKmMgIVapsthº ª½²"


@st.composite
def texts(draw: st.DrawFn) -> tuple[str, str]:
    """A language, and a text in which its cases meet, or its signs in any order."""
    code = draw(st.sampled_from(CODES[1:]))
    pieces = st.sampled_from([*WRITTEN[code], " ", "\n", ", ", "1", "."])
    parts = st.lists(pieces, max_size=5) | st.lists(st.sampled_from(_SIGNS), max_size=30)
    return code, "".join(draw(parts))


@settings(max_examples=150, deadline=None)
@given(texts())
def test_no_digit_is_left(written: tuple[str, str]) -> None:
    """A text comes out without digits, whatever is written, and stays as it is from there on."""
    code, text = written
    spoken = normalise(text, language=code).text
    assert not any(map(str.isdigit, spoken))
    assert normalise(spoken, language=code).text == spoken


def test_every_kind_has_its_cases() -> None:
    """Each of the six languages has a table of every kind that the others have."""
    kinds = {
        code: {case.kind for case in load_cases() if case.language == code} for code in CODES[1:]
    }
    assert len(set(map(frozenset, kinds.values()))) == 1
    assert all(len(WRITTEN[code]) > 150 for code in CODES)


@pytest.mark.parametrize("code", CODES[1:])
@pytest.mark.parametrize("unit", ["1 ", "1.", "1/", "1-", "10:10-", "01 ", "XI ", "z. ", "€1 "])
def test_takes_time_linear_in_the_text(code: str, unit: str) -> None:
    """Eight times the text takes no more than three times eight times as long."""

    def seconds(chars: int) -> float:
        begun = time.process_time()
        normalise(unit * (chars // len(unit)), language=code)
        return time.process_time() - begun

    seconds(10)
    # A busy machine may slow one look down, but not each.
    assert any(seconds(8_000) < 24 * max(seconds(1_000), 0.01) for _ in range(3))
