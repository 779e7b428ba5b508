"""This module has what Italian alone needs beside its words."""

from __future__ import annotations

import re

from app.text.normalisation.it.words import WORDS
from app.text.normalisation.rules import Rule, rule
from app.text.normalisation.vocabulary.figures import ended_stop, figure_rule
from app.text.normalisation.vocabulary.language import VocabularyLanguage
from app.text.normalisation.vocabulary.words import Gender, Noun

_FEMININE = re.compile(
    r"(?:[^tmc]a|[^m]ma|[^e]ta|ca|zione|zioni|sione|sioni|gione|gioni|tà|tù|trice|trici|udine|udini|ore(?<!\wtore)(?<!\wiore)"
    r"(?<!olore)|^(?:ore|mano|mani|notte|notti|parte|parti|classe|classi|chiave|chiavi|voce|voci|croce|"
    r"madre|madri|carne|gente|foto|moto|auto|radio|legge|leggi|luce|luci|nave|navi|neve|pelle|serie|"
    r"torre|torri|lira|volta|volte|donna|donne|persona|persone|pagina|pagine|settimana|settimane))$"
)
_NOT_FEMININE = re.compile(r"^(?:.*ema|.*amma|.*oma|poeta|pianeta|papa|cinema|colera|da|la|a|ma)$")
_LONG_ONE = re.compile(r"(?:s[^aeiouàèéìòùh]|z|gn|ps|pn|x|y|i[aeou])", re.IGNORECASE)
_VOWEL = re.compile(r"h?[aeiouàèéìòù]", re.IGNORECASE)
_FUNCTION_WORDS = frozenset(
    [
        "e",
        "o",
        "di",
        "del",
        "della",
        "dei",
        "al",
        "a",
        "in",
        "che",
        "con",
        "per",
        "si",
        "è",
        "sono",
        "fu",
        "era",
        "più",
        "meno",
        "le",
        "gli",
        "i",
        "la",
        "il",
        "lo",
        "non",
        "da",
    ]
)


class Italian(VocabularyLanguage):
    """Says one as "un", "uno", "una" or "un'" in front of a noun."""

    def gender(self, noun: str) -> Gender | None:
        noun = noun.split(" ", maxsplit=1)[0].lower()
        if not noun or _NOT_FEMININE.search(noun):
            return "m"
        return "f" if _FEMININE.search(noun) else "m"

    def agree(self, spoken: str, gender: Gender | None, noun: str, before: str) -> str:  # noqa: ARG002
        if spoken != "uno" or not noun or noun.lower() in _FUNCTION_WORDS:
            return spoken
        if gender == "f":
            return "un'" if _VOWEL.match(noun) else "una"
        return "uno" if _LONG_ONE.match(noun) else "un"

    def joined(self, spoken: str, noun: str) -> str:
        return spoken + noun if spoken.endswith("'") else super().joined(spoken, noun)

    def cardinal(self, digits: str) -> str:
        spoken = re.sub(r"(ilion[ei]|iliard[oi]) e ", r"\1 ", super().cardinal(digits))
        return re.sub(r"(?<=\w)tre(?!\w)", "tré", spoken)

    def hour(self, hour: int) -> str:
        return "una" if hour == 1 else self.cardinal(str(hour))

    def per(self, noun: str) -> str:
        if _VOWEL.match(noun):
            return "all'"
        if self.gender(noun) == "f":
            return "alla "
        return "allo " if _LONG_ONE.match(noun) else "al "

    def half_of(self, unit: Noun) -> str:
        if self.gender(unit.one) == "f":
            return f"mezz'{unit.one}" if _VOWEL.match(unit.one) else f"mezza {unit.one}"
        return f"mezzo {unit.one}"

    def and_a_half(self, unit: Noun) -> str:
        return "e mezza" if self.gender(unit.one) == "f" else "e mezzo"

    def ordinal(self, digits: str, *, feminine: bool = False) -> str:
        spoken = super().ordinal(digits)
        return re.sub(r"o$", "a", spoken) if feminine else spoken

    def own_rules(self) -> tuple[Rule, ...]:
        return (
            rule(r"(?<=o )sec\.(?!\w)", lambda found: "secolo" + ended_stop(found), needs="."),
            # In front of its town a postal code is spelled.
            figure_rule(
                r"(?<![\w.,-])\d{5}(?= [A-ZÁÉÍÓÚ][a-zà-ü]{2,30}(?!\w))(?! Euros?(?!\w))",
                lambda found: self.digits(found[0]),
            ),
        )

    def ruler(self, lead: str, name: str, number: int) -> str:  # noqa: ARG002
        first = name.split(" ", maxsplit=1)[0]
        feminine = first.endswith("a") and first not in {"Andrea", "Luca"}
        return f"{name} {self.ordinal(str(number), feminine=feminine)}"

    def century(self, number: int) -> str:
        return self.ordinal(str(number))


ITALIAN = Italian(WORDS)
