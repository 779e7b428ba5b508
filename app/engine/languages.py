"""Names the models and voices that pocket-tts ships, without importing it and torch with it."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

HOME_LANGUAGES = {
    "daan": "nl",
    "estelle": "fr",
    "giovanni": "it",
    "juergen": "de",
    "lola": "es",
    "rafael": "pt",
}
"""Some predefined voices were recorded in these languages; the others speak English."""

_WOMEN = "alba fantine cosette eponine azelma anna vera mary jane eve caro_davy lola estelle"
_MEN = """marius javert jean charles paul george michael bill_boerst peter_yearsley stuart_bell
giovanni juergen rafael daan"""
PREDEFINED_SEXES: Mapping[str, Literal["female", "male"]] = {
    **dict.fromkeys(_WOMEN.split(), "female"),
    **dict.fromkeys(_MEN.split(), "male"),
}
"""This says whether a woman or a man is heard in the recording behind a predefined voice."""


def shipped_languages() -> tuple[str, ...]:
    """List the names that MODEL_LANGUAGE may have, such as `english` or `french_24l`.

    Raises:
        ModuleNotFoundError: pocket-tts is not installed.
    """
    spec = importlib.util.find_spec("pocket_tts")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("pocket-tts is not installed")
    configs = Path(spec.submodule_search_locations[0]) / "config"
    return tuple(sorted(path.stem for path in configs.glob("*.yaml")))
