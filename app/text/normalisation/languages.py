"""This module registers the languages whose texts are put into words.

To add a language, write a `Language` beside the others and name it here.
"""

from __future__ import annotations

from app.text.normalisation.de import GERMAN
from app.text.normalisation.en.language import ENGLISH
from app.text.normalisation.es import SPANISH
from app.text.normalisation.fr import FRENCH
from app.text.normalisation.it import ITALIAN
from app.text.normalisation.language import Language
from app.text.normalisation.nl import DUTCH
from app.text.normalisation.pt import PORTUGUESE

_BY_CODE: dict[str, Language] = {
    language.code: language
    for language in (ENGLISH, FRENCH, GERMAN, PORTUGUESE, ITALIAN, SPANISH, DUTCH)
}


def find_language(code: str) -> Language | None:
    """Return the language of a code of two letters as in "en", or None where it has no rules."""
    return _BY_CODE.get(code)
