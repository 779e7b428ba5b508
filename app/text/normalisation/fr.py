"""This module holds the French words for numbers, amounts, dates and times."""

from __future__ import annotations

from app.text.normalisation.vocabulary import NO_BREAK_SPACES, Vocabulary, VocabularyLanguage


class French(VocabularyLanguage):
    """Says "first" as "premier" or "première"."""

    def ordinal(self, digits: str, *, feminine: bool = False) -> str:
        first = feminine and digits.lstrip("0") == "1"
        return "première" if first else super().ordinal(digits, feminine=feminine)


FRENCH = French(Vocabulary(
    code="fr",
    comma="virgule",
    minus="moins",
    percent="pour cent",
    to="à",
    over_cents="et",
    thousands=" " + NO_BREAK_SPACES,
    ordinal="(?P<f>re|ère)|er|ème|e|nde?",
    hour="heures",
    full_hour="heures",
    one_hour="une heure",
    hour_marks=":h",
    ordinal_first_day=True,
    months=("janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août",
            "septembre", "octobre", "novembre", "décembre"),
    currencies={"€": ("euro", "euros"), "$": ("dollar", "dollars"), "£": ("livre", "livres"),
                "¥": ("yen", "yens"), "CHF": ("franc suisse", "francs suisses")},
    cents={"€": ("centime", "centimes"), "$": ("cent", "cents"), "£": ("penny", "pence"),
           "CHF": ("centime", "centimes")},
))  # fmt: skip
