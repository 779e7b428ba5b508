"""Which files of a folder are voices."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

VOICE_SUFFIXES = (".safetensors", ".wav", ".flac", ".mp3", ".ogg")
"""Files that are voices, the preferred one first where a name has several"""

_SETTLED_NANOSECONDS = 3 * 10**9
"""File systems tell times to 2 s at worst: a change this soon after another may bear its time"""


def voice_paths(directory: Path) -> list[Path]:
    """Every file that is a voice, the preferred ones first. Hidden files and folders are none."""
    if not directory.is_dir():
        return []
    voices = (
        path
        for path in directory.iterdir()
        if path.suffix.lower() in VOICE_SUFFIXES
        and not path.name.startswith(".")
        and path.is_file()
    )
    return sorted(voices, key=lambda path: VOICE_SUFFIXES.index(path.suffix.lower()))


class VoiceFiles:
    """The voices of a folder, listed anew only after something came or went.

    Every request asks several times, and 500 voices take 4 ms to list. Safe to use from any thread.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._known: tuple[int, Mapping[str, Path]] | None = None

    def by_name(self) -> Mapping[str, Path]:
        """Name → the file that is this voice."""
        try:
            changed = self._directory.stat().st_mtime_ns
        except OSError:
            return {}
        if self._known is not None and self._known[0] == changed:
            return self._known[1]
        found: dict[str, Path] = {}
        for path in voice_paths(self._directory):
            found.setdefault(path.stem, path)
        settled = time.time_ns() - changed > _SETTLED_NANOSECONDS
        self._known = (changed, MappingProxyType(found)) if settled else None
        return found
