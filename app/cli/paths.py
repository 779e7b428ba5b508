"""Reads paths that people have typed."""

from __future__ import annotations

from pathlib import Path


def expanded(typed: str | Path) -> Path:
    """Replace `~` by the home folder; `~name` stays as it is if there is no such user."""
    path = Path(typed)
    try:
        return path.expanduser()
    except RuntimeError:
        return path
