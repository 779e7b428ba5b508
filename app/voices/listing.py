"""Which files of a folder are voices."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

VOICE_SUFFIXES = (
    *(".safetensors", ".wav", ".flac", ".mp3", ".ogg", ".opus", ".oga", ".spx", ".m4a", ".m4b"),
    *(".aac", ".webm", ".mka", ".wma", ".aiff", ".aif", ".aifc", ".caf", ".au", ".snd", ".amr"),
    *(".w64", ".ac3", ".dts", ".wv", ".ape", ".tta", ".voc", ".mp2"),
    *(".mp4", ".mov", ".3gp", ".mkv", ".avi", ".flv", ".mpg", ".mpeg", ".ts"),
)
"""Files that are voices, the preferred one first where a name has several"""

_SETTLED_SECONDS = 3.0
"""File systems tell times to 2 s at worst: a change this soon after another may bear its time"""
_LONGEST_SECONDS = 1.0
"""Some mounts do not tell that something changed, and nothing tells where a link leads by now"""


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
    """The voices of a folder, listed anew once something came or went, and every second.

    Each request asks several times, on the event loop. Safe to use from any thread.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._known: _Listing | None = None

    def by_name(self) -> Mapping[str, Path]:
        """Name → the file that is this voice."""
        try:
            version = _version_of(self._directory)
        except OSError:
            return {}
        now = time.time()
        known = self._known
        if known and known.version == version and now < known.good_until_seconds:
            return known.found
        found: dict[str, Path] = {}
        for path in voice_paths(self._directory):
            found.setdefault(path.stem, path)
        settled = now - version.changed_seconds > _SETTLED_SECONDS
        good_until_seconds = now + _LONGEST_SECONDS if settled else 0.0
        self._known = _Listing(version, good_until_seconds, MappingProxyType(found))
        return found


class _Version(NamedTuple):
    """Differs once a folder was changed or replaced; its times can be set back but for one."""

    device: int
    inode: int
    modified_nanoseconds: int
    changed_nanoseconds: int

    @property
    def changed_seconds(self) -> float:
        return max(self.modified_nanoseconds, self.changed_nanoseconds) / 1e9


def _version_of(directory: Path) -> _Version:
    """Raises: OSError."""
    stat = directory.stat()
    return _Version(stat.st_dev, stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns)


@dataclass(frozen=True, slots=True)
class _Listing:
    version: _Version
    good_until_seconds: float
    found: Mapping[str, Path]
