"""Keeps on disk what was found out about a model's attention, so that it is found out once."""

from __future__ import annotations

import logging
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from app.files import write_whole
from app.speech_engine import Alignment

logger = logging.getLogger(__name__)

RECIPE = 1
"""Count it up when heads are chosen in another way, so that what was kept is found out anew."""

_ALIGNMENT = TypeAdapter(Alignment)


def load(folder: Path, fingerprint: str) -> Alignment | None:
    """Read what is kept for the model of that fingerprint; None if nothing usable is."""
    path = _path(folder, fingerprint)
    try:
        return _ALIGNMENT.validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        logger.warning("%s cannot be used, finding out again: %s", path, error)
        return None


def keep(folder: Path, fingerprint: str, alignment: Alignment) -> None:
    """Write it. A disk that refuses is logged and otherwise ignored: it can be found out again."""
    path = _path(folder, fingerprint)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, _ALIGNMENT.dump_json(alignment, indent=2))
    except OSError as error:
        logger.warning("%s is not kept: %s", path, error)


def _path(folder: Path, fingerprint: str) -> Path:
    return folder / f"{fingerprint}-{RECIPE}.json"
