"""This module has what Portuguese alone needs beside its words."""

from __future__ import annotations

import re

from app.text.normalisation.pt.words import WORDS
from app.text.normalisation.rules import Rule
from app.text.normalisation.vocabulary.figures import figure_rule
from app.text.normalisation.vocabulary.language import VocabularyLanguage
from app.text.normalisation.vocabulary.words import Gender, Noun

_FEMININE = re.compile(
    r"(?:as?|ção|ções|são|sões|dade|dades|agem|agens|tude|tudes|ez|^(?:vez|vezes|mulher|mulheres|noite|noites|"
    r"tarde|tardes|mão|mãos|foto|fotos|parte|partes|série|séries|chave|chaves|flor|flores|lei|leis|luz|"
    r"luzes|voz|vozes|rede|redes|parede|paredes|base|bases|torre|torres|gente|imagem|morte|mortes|"
    r"classe|classes|libra esterlina|estação|ponte|pontes|cruz|nuvem|nuvens))$"
)
_NOT_FEMININE = re.compile(
    r"^(?:dias?|mapas?|planetas?|poetas?|atletas?|.*[ei]mas?|.*gramas?|.*ramas?|cometas?|da|a|das|as|para|"
    r"na|nas|gás|mês|país|rapaz|vez(?!.)$^|xadrez|dez|três|mas)$"
)
_FUNCTION_WORDS = frozenset(
    [
        "e",
        "o",
        "ou",
        "de",
        "do",
        "da",
        "dos",
        "das",
        "a",
        "as",
        "os",
        "em",
        "no",
        "na",
        "nos",
        "nas",
        "que",
        "com",
        "por",
        "para",
        "se",
        "é",
        "são",
        "foi",
        "era",
        "mais",
        "menos",
    ]
)


class Portuguese(VocabularyLanguage):
    """Says numbers and ordinals in the gender of what follows."""

    def gender(self, noun: str) -> Gender | None:
        noun = noun.split(" ", maxsplit=1)[0].lower()
        if not noun or _NOT_FEMININE.search(noun):
            return "m"
        return "f" if _FEMININE.search(noun) else "m"

    def agree(self, spoken: str, gender: Gender | None, noun: str, before: str) -> str:  # noqa: ARG002
        if gender != "f" or noun.lower() in _FUNCTION_WORDS:
            return spoken
        if spoken != "um" and noun and not noun.endswith("s"):
            return spoken
        start, millions, rest = spoken.rpartition("ilhões ")
        rest = re.sub(r"(?<!\w)um$", "uma", rest)
        rest = re.sub(r"(?<!\w)dois(?= mil(?!h)|$)", "duas", rest)
        return start + millions + re.sub(r"(ent|inhent)os(?!\w)", r"\1as", rest)

    def own_rules(self) -> tuple[Rule, ...]:
        return (
            # In front of its town a postal code is spelled: "1000-001 Lisboa".
            figure_rule(
                r"(?<![\w.,-])(\d{4})-(\d{3})(?= [A-ZÀ-Þ][a-zà-ÿ])",
                lambda found: f"{self.digits(found[1])}, {self.digits(found[2])}",
            ),
        )

    def half_of(self, unit: Noun) -> str:
        return f"{'meia' if self.gender(unit.one) == 'f' else 'meio'} {unit.one}"

    def and_a_half(self, unit: Noun) -> str:
        return "e meia" if self.gender(unit.one) == "f" else "e meio"

    def ordinal(self, digits: str, *, feminine: bool = False) -> str:
        spoken = super().ordinal(digits)
        return re.sub(r"o(?= |$)", "a", spoken) if feminine else spoken

    def century(self, number: int) -> str:
        return self.ordinal(str(number)) if number <= 10 else self.cardinal(str(number))

    def ruler(self, lead: str, name: str, number: int) -> str:  # noqa: ARG002
        if number > 10:
            return f"{name} {self.cardinal(str(number))}"
        feminine = name.split(" ", maxsplit=1)[0].endswith(("a", "Isabel", "Elizabeth"))
        return f"{name} {self.ordinal(str(number), feminine=feminine)}"


PORTUGUESE = Portuguese(WORDS)
