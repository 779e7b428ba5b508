"""This module holds the Spanish words for numbers, amounts, dates and times."""

from __future__ import annotations

from app.text.normalisation.vocabulary import NO_BREAK_SPACES, Vocabulary, VocabularyLanguage

SPANISH = VocabularyLanguage(Vocabulary(
    code="es",
    comma="coma",
    minus="menos",
    percent="por ciento",
    to="a",
    over_cents="con",
    thousands="." + NO_BREAK_SPACES,
    ordinal=r"\.?(?:[º°]|er|(?P<f>ª))",
    before_noun=("uno", "un"),
    hour="y",
    full_hour="horas",
    date_joint=" de ",
    months=("enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto",
            "septiembre", "octubre", "noviembre", "diciembre"),
    currencies={"€": ("euro", "euros"), "$": ("dólar", "dólares"), "£": ("libra", "libras"),
                "¥": ("yen", "yenes"), "CHF": ("franco suizo", "francos suizos")},
    cents={"€": ("céntimo", "céntimos"), "$": ("centavo", "centavos"),
           "£": ("penique", "peniques")},
))  # fmt: skip
