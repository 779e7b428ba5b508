"""Paths as people type them."""

from __future__ import annotations

from pathlib import Path


def expanded(typed: str | Path) -> Path:
    """With `~` as the folder that it means; what begins like that and is nobody's stays."""
    path = Path(typed)
    try:
        return path.expanduser()
    except RuntimeError:
        return path
