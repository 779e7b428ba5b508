"""This module holds the Dutch words for numbers, amounts, dates and times."""

from __future__ import annotations

from app.text.normalisation.vocabulary import NO_BREAK_SPACES, Vocabulary, VocabularyLanguage

DUTCH = VocabularyLanguage(Vocabulary(
    code="nl",
    comma="komma",
    minus="min",
    percent="procent",
    to="tot",
    over_cents="en",
    thousands="." + NO_BREAK_SPACES,
    ordinal="de|ste|e",
    hour="uur",
    full_hour="uur",
    years_by_hundreds=True,
    months=("januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus",
            "september", "oktober", "november", "december"),
    currencies={"€": ("euro", "euro"), "$": ("dollar", "dollar"), "£": ("pond", "pond"),
                "¥": ("yen", "yen"), "CHF": ("Zwitserse frank", "Zwitserse frank")},
    cents={"€": ("cent", "cent"), "$": ("cent", "cent"), "£": ("penny", "pence")},
))  # fmt: skip
