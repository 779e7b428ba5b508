"""This module holds the Italian words for numbers, amounts, dates and times."""

from __future__ import annotations

from app.text.normalisation.vocabulary import NO_BREAK_SPACES, Vocabulary, VocabularyLanguage

ITALIAN = VocabularyLanguage(Vocabulary(
    code="it",
    comma="virgola",
    minus="meno",
    percent="per cento",
    to="a",
    over_cents="e",
    thousands="." + NO_BREAK_SPACES,
    ordinal="[º°]|(?P<f>ª)",
    before_noun=("uno", "un"),
    hour="e",
    full_hour="",
    ordinal_first_day=True,
    months=("gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno", "luglio", "agosto",
            "settembre", "ottobre", "novembre", "dicembre"),
    currencies={"€": ("euro", "euro"), "$": ("dollaro", "dollari"),
                "£": ("sterlina", "sterline"), "¥": ("yen", "yen"),
                "CHF": ("franco svizzero", "franchi svizzeri")},
    cents={"€": ("centesimo", "centesimi"), "$": ("centesimo", "centesimi"),
           "£": ("penny", "pence")},
))  # fmt: skip
