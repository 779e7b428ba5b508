"""Lists which files of a folder are voices, and whose.

The voice bob of alice is `bob@alice.wav`, so that others may have a bob as well.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from app.owners import Viewer, WhoAsks, everybody

_OF = "@"
"""This stands between the name of a voice and its owner's, and in no name."""

STATE_SUFFIX = ".safetensors"
"""Files with this suffix hold a voice state: what the model has made of a recording."""
VOICE_SUFFIXES = (
    *(STATE_SUFFIX, ".wav", ".flac", ".mp3", ".ogg", ".opus", ".oga", ".spx", ".m4a", ".m4b"),
    *(".aac", ".webm", ".mka", ".wma", ".aiff", ".aif", ".aifc", ".caf", ".au", ".snd", ".amr"),
    *(".w64", ".ac3", ".dts", ".wv", ".ape", ".tta", ".voc", ".mp2"),
    *(".mp4", ".mov", ".3gp", ".mkv", ".avi", ".flv", ".mpg", ".mpeg", ".ts"),
)
"""Files with these suffixes are voices; of several for one name the first suffix wins."""

_SETTLED_SECONDS = 3.0
"""Two changes of a folder within this time may look like one: some clocks tick every 2 s."""
_LONGEST_SECONDS = 1.0
"""A list is used for at most this long, since some mounts and links change without a sign."""


def voice_paths(directory: Path) -> list[Path]:
    """List every file that is a voice, the preferred ones first, but no hidden files or folders."""
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


def owner_of(stem: str) -> str | None:
    """Return whose voice it is that a file without its suffix is; None is the operator."""
    return stem.rpartition(_OF)[2] if _OF in stem else None


def stem_of(name: str, owner: str | None) -> str:
    """Return what the files of a voice are called, without their suffixes."""
    return name if owner is None else f"{name}{_OF}{owner}"


def _as_seen_by(viewer: Viewer, files: Mapping[str, Path]) -> Mapping[str, Path]:
    """Return the files of the voices that are there for somebody, by the names they go by."""
    others, common, own = {}, {}, {}
    for stem, path in files.items():
        owner = owner_of(stem)
        if owner is None:
            common[stem] = path
        elif owner == viewer.owner:
            own[stem.rpartition(_OF)[0]] = path
        elif viewer.sees == "shared":
            others[stem.rpartition(_OF)[0]] = path
        elif viewer.may_use(owner):
            others[stem] = path
    return MappingProxyType({**others, **common, **own})


class VoiceFiles:
    """Lists the voices of a folder, anew once something came or went, and every second.

    Each request asks several times, on the event loop. Safe to use from any thread.

    Args:
        who_asks: tells for whom they are listed.
    """

    def __init__(self, directory: Path, who_asks: WhoAsks = everybody) -> None:
        self._directory = directory
        self._who_asks = who_asks
        self._known: _Listing | None = None

    def by_name(self) -> Mapping[str, Path]:
        """Return the file of each voice that is there for who asks, by name."""
        listing = self._listing()
        if listing is None:
            return {}
        viewer = self._who_asks()
        seen = listing.seen.get(viewer)
        if seen is None:
            seen = listing.seen[viewer] = _as_seen_by(viewer, listing.found)
        return seen

    def all(self) -> Mapping[str, Path]:
        """Return the file of each voice, whoever's it is, by what its files are called."""
        listing = self._listing()
        return {} if listing is None else listing.found

    def _listing(self) -> _Listing | None:
        try:
            version = _version_of(self._directory)
        except OSError:
            return None
        known = self._known
        if known and known.version == version and time.monotonic() < known.good_until_seconds:
            return known
        found: dict[str, Path] = {}
        for path in voice_paths(self._directory):
            found.setdefault(path.stem, path)
        settled = time.time() - version.changed_seconds > _SETTLED_SECONDS
        good_until_seconds = time.monotonic() + _LONGEST_SECONDS if settled else 0.0
        self._known = _Listing(version, good_until_seconds, MappingProxyType(found))
        return self._known


class _Version(NamedTuple):
    """Identifies the state of a folder, as its change time cannot be set back by anybody."""

    device: int
    inode: int
    modified_nanoseconds: int
    changed_nanoseconds: int

    @property
    def changed_seconds(self) -> float:
        return max(self.modified_nanoseconds, self.changed_nanoseconds) / 1e9


def _version_of(directory: Path) -> _Version:
    """Read the version of a folder; may raise OSError."""
    stat = directory.stat()
    return _Version(stat.st_dev, stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns)


@dataclass(frozen=True, slots=True)
class _Listing:
    """Holds what was found in a folder, until when that may be used again, and who sees what."""

    version: _Version
    good_until_seconds: float
    found: Mapping[str, Path]
    seen: dict[Viewer, Mapping[str, Path]] = field(default_factory=dict)
