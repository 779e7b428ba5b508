"""Which models pocket-tts ships, found without importing it (and torch with it)."""

from __future__ import annotations

import importlib.util
from pathlib import Path

HOME_LANGUAGES = {
    "daan": "nl",
    "estelle": "fr",
    "giovanni": "it",
    "juergen": "de",
    "lola": "es",
    "rafael": "pt",
}
"""What the recordings behind some predefined voices speak; the others speak English"""


def shipped_languages() -> tuple[str, ...]:
    """Names that MODEL_LANGUAGE may have, such as `english` or `french_24l`."""
    spec = importlib.util.find_spec("pocket_tts")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("pocket-tts is not installed")
    configs = Path(spec.submodule_search_locations[0]) / "config"
    return tuple(sorted(path.stem for path in configs.glob("*.yaml")))
