"""Keeps on disk what was found out about a model's attention, so that it is found out once."""

from __future__ import annotations

import logging
from pathlib import Path

from pydantic import TypeAdapter

from app.files import write_whole
from app.speech_engine import Alignment

logger = logging.getLogger(__name__)

RECIPE = 1
"""Count it up when heads are chosen in another way, so that what was kept is found out anew."""

_MOST_SECONDS = 0.5
_ALIGNMENT = TypeAdapter(Alignment)


def load(folder: Path, fingerprint: str) -> Alignment | None:
    """Read what is kept for the model of that fingerprint; None if nothing usable is."""
    path = _path(folder, fingerprint)
    try:
        return _read(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:  # pydantic's are ValueErrors too
        logger.warning("%s cannot be used, finding out again: %s", path, error)
        return None


def _read(data: bytes) -> Alignment:
    found = _ALIGNMENT.validate_json(data)
    if bool(found.heads) != (found.method == "attention"):
        raise ValueError(f"{len(found.heads)} heads do not go with {found.method!r}")
    if not abs(found.offset_seconds) <= _MOST_SECONDS:
        raise ValueError(f"{found.offset_seconds} s is no offset")
    return found


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
