"""This module has what Spanish alone needs beside its words."""

from __future__ import annotations

import re

from app.text.normalisation.es.words import WORDS
from app.text.normalisation.rules import Rule, rule
from app.text.normalisation.vocabulary.language import VocabularyLanguage
from app.text.normalisation.vocabulary.words import Gender, Noun

_FEMININE = re.compile(
    r"(?:[^m]as?|.mas?(?<!ema)(?<!emas)(?<!oma)(?<!omas)(?<!rama)(?<!ramas)|[csx]ión|[cs]iones|dad|dades|tud|tudes|"
    r"umbres?|^(?:mujer|mujeres|vez|veces|noche|noches|tarde|tardes|calle|calles|clase|clases|mano|manos|"
    r"foto|fotos|parte|partes|serie|series|llave|llaves|flor|flores|nube|nubes|radio|radios|ley|leyes|sal|"
    r"luz|luces|voz|voces|red|redes|pared|paredes|base|bases|torre|torres|leche|gente|nave|naves|imagen|"
    r"imágenes|muerte|muertes|suerte|fuente|fuentes|hectárea|hectáreas))$"
)
_NOT_FEMININE = re.compile(
    r"^(?:días?|mapas?|planetas?|poetas?|atletas?|sofás?|papás?|tranvías?|mañana|para|contra|cada|a|la|las|"
    r"guardias?|policías|gramas|euromillas|avión|aviones|camión|camiones|millas(?!s))$"
)


class Spanish(VocabularyLanguage):
    """Says numbers and ordinals in the gender of what follows, and shortens them before nouns."""

    def gender(self, noun: str) -> Gender | None:
        noun = noun.split(" ", maxsplit=1)[0].lower()
        if not noun or _NOT_FEMININE.search(noun):
            return "m"
        return "f" if _FEMININE.search(noun) else "m"

    def cardinal(self, digits: str) -> str:
        spoken = super().cardinal(digits)
        spoken = re.sub(r"veintiuno(?= (?:mil|millones|billones))", "veintiún", spoken)
        return re.sub(r"(?<!\w)uno(?= (?:mil|millones|billones))", "un", spoken)

    def agree(self, spoken: str, gender: Gender | None, noun: str, before: str) -> str:  # noqa: ARG002
        if noun.lower() in _FUNCTION_WORDS or (
            spoken != "uno" and noun and noun[-1:] not in "sSzm"
        ):
            return spoken
        if gender == "f":
            start, millions, rest = spoken.rpartition("illones ")
            rest = re.sub(r"uno$", "una", rest)
            rest = re.sub(r"(cient|quinient)os(?!\w)", r"\1as", rest)
            return start + millions + rest
        spoken = re.sub(r"veintiuno$", "veintiún", spoken)
        return re.sub(r"(?<!\w)uno$", "un", spoken)

    def half_of(self, unit: Noun) -> str:
        return f"{'media' if self.gender(unit.one) == 'f' else 'medio'} {unit.one}"

    def and_a_half(self, unit: Noun) -> str:
        return "y media" if self.gender(unit.one) == "f" else "y medio"

    def ordinal(self, digits: str, *, feminine: bool = False) -> str:
        if digits.lstrip("0") == "11":
            return "undécima" if feminine else "undécimo"
        if digits.lstrip("0") == "12":
            return "duodécima" if feminine else "duodécimo"
        return super().ordinal(digits, feminine=feminine)

    def own_rules(self) -> tuple[Rule, ...]:
        return (rule(r"(?<!\w)[cC]/ ?(?=[A-ZÁÉÍÓÚÑ])", "calle ", needs="/"),)

    def shortened_ordinal(self, spoken: str) -> str:
        return re.sub(r"(?<=primer|tercer)o$", "", spoken)

    def ordinal_before(self, digits: str, noun: str, lead: str, *, feminine: bool) -> str:  # noqa: ARG002
        spoken = self.ordinal(digits, feminine=feminine)
        return spoken if feminine else self.shortened_ordinal(spoken)

    def century(self, number: int) -> str:
        return self.ordinal(str(number)) if number <= 10 else self.cardinal(str(number))

    def ruler(self, lead: str, name: str, number: int) -> str:  # noqa: ARG002
        if number > 10:
            return f"{name} {self.cardinal(str(number))}"
        feminine = name.split(" ", maxsplit=1)[0].endswith(("a", "Isabel", "Elizabeth"))
        return f"{name} {self.ordinal(str(number), feminine=feminine)}"


_FUNCTION_WORDS = frozenset(
    [
        "y",
        "e",
        "o",
        "u",
        "de",
        "del",
        "al",
        "a",
        "en",
        "que",
        "con",
        "por",
        "para",
        "se",
        "es",
        "son",
        "fue",
        "era",
        "más",
        "menos",
        "las",
        "los",
        "la",
        "el",
        "no",
        "si",
        "sí",
        "ni",
    ]
)


SPANISH = Spanish(WORDS)
