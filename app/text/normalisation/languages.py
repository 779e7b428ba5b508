"""This module registers the languages whose texts are put into words.

To add a language, write a `Language` beside the others and name it here.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module

from app.text.normalisation.language import Language

_BY_CODE = {
    "en": ("en.language", "ENGLISH"),
    "de": ("de.language", "GERMAN"),
    "es": ("es.language", "SPANISH"),
    "fr": ("fr.language", "FRENCH"),
    "it": ("it.language", "ITALIAN"),
    "nl": ("nl.language", "DUTCH"),
    "pt": ("pt.language", "PORTUGUESE"),
}
"""It has the module of each language, and the name of the language there."""


@lru_cache(maxsize=len(_BY_CODE))
def find_language(code: str) -> Language | None:
    """Return the language of a code of two letters as in "en", or None where it has no rules.

    A language is loaded when it is first asked for: all but English bring the names of units and
    currencies in Unicode's data, some megabytes and a tenth of a second.
    """
    if code not in _BY_CODE:
        return None
    module, name = _BY_CODE[code]
    language = getattr(import_module(f"app.text.normalisation.{module}"), name)
    assert isinstance(language, Language)
    return language
