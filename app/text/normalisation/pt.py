"""This module holds the Portuguese words for numbers, amounts, dates and times."""

from __future__ import annotations

from app.text.normalisation.vocabulary import NO_BREAK_SPACES, Vocabulary, VocabularyLanguage

PORTUGUESE = VocabularyLanguage(Vocabulary(
    code="pt",
    comma="vírgula",
    minus="menos",
    percent="por cento",
    to="a",
    over_cents="e",
    thousands="." + NO_BREAK_SPACES,
    ordinal=r"\.?(?:[º°]|(?P<f>ª))",
    hour="e",
    full_hour="horas",
    hour_marks=":h",
    date_joint=" de ",
    months=("janeiro", "fevereiro", "março", "abril", "maio", "junho", "julho", "agosto",
            "setembro", "outubro", "novembro", "dezembro"),
    currencies={"€": ("euro", "euros"), "$": ("dólar", "dólares"), "£": ("libra", "libras"),
                "R$": ("real", "reais"), "¥": ("iene", "ienes"),
                "CHF": ("franco suíço", "francos suíços")},
    cents={"€": ("cêntimo", "cêntimos"), "$": ("cêntimo", "cêntimos"),
           "R$": ("centavo", "centavos"), "£": ("péni", "pence")},
))  # fmt: skip
