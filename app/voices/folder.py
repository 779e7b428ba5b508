"""Keeps the voices of people as files, which change in steps that happen whole or not at all."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from app.files import storage_failed
from app.owners import Viewer, WhoAsks, everybody
from app.stores.changes import Change, ChangingFolder
from app.voices.listing import (
    STATE_SUFFIX,
    VOICE_SUFFIXES,
    VoiceFiles,
    owner_of,
    stem_of,
    voice_paths,
)

logger = logging.getLogger(__name__)

T = TypeVar("T")

DETAILS_SUFFIX = ".json"
_KNOWN_SUFFIXES = (DETAILS_SUFFIX, ".txt", ".md")


class VoiceFolder:
    """Keeps voices in a folder, each in up to three files: sound, details, an older sound.

    Who asks finds those voices by name that are there for them; files are called by stems, which
    have the name of the owner too. Blocks; safe to use from any thread.
    """

    def __init__(self, kept: ChangingFolder, who_asks: WhoAsks = everybody) -> None:
        self.directory = kept.directory
        self._kept = kept
        self._who_asks = who_asks
        self._files = VoiceFiles(kept.directory, who_asks)

    def recover(self) -> None:
        """Finish the changes that were committed before a crash, and sweep those that were not.

        Raises:
            OSError, ValueError, StoreUnreachable: a committed change cannot be finished.
        """
        self._kept.recover()
        self._say_what_is_not_heard()

    def _say_what_is_not_heard(self) -> None:
        if unheard := self._unheard():
            logger.warning(
                "no voices in %s: %s; voices are files that end in %s",
                self.directory,
                ", ".join(unheard),
                ", ".join(VOICE_SUFFIXES),
            )
        heard = self.all()
        for path in voice_paths(self.directory):
            taken = heard[path.stem]
            # Beside a state lies the recording that it was made of.
            if taken != path and taken.suffix.lower() != STATE_SUFFIX:
                logger.warning(
                    "%s in %s is not heard: %s is the voice %s",
                    *(path.name, self.directory, taken.name, path.stem),
                )

    def _unheard(self) -> list[str]:
        """Name what somebody put here in vain: neither a voice nor what is known of one."""
        if not self.directory.is_dir():
            return []
        voices = {path.name for path in voice_paths(self.directory)}
        return sorted(
            path.name
            for path in self.directory.iterdir()
            if path.name not in voices
            and not path.name.startswith(".")
            and path.suffix.lower() not in _KNOWN_SUFFIXES
        )

    def by_name(self) -> Mapping[str, Path]:
        """Return the file of each voice that is there for who asks, by name."""
        with self._kept.settling:
            return self._files.by_name()

    def all(self) -> Mapping[str, Path]:
        """Return the file of each voice in the folder, by stem."""
        with self._kept.settling:
            return self._files.all()

    @property
    def viewer(self) -> Viewer:
        """Return who asks."""
        return self._who_asks()

    def stem(self, name: str) -> str:
        """Return what the files of a voice are called; where there is none, those of a new one."""
        path = self.by_name().get(name)
        return self.new_stem(name) if path is None else path.stem

    def new_stem(self, name: str) -> str:
        """Return what the files of a voice are called if who asks makes it."""
        return stem_of(name, self.viewer.owner)

    def may_change(self, stem: str) -> bool:
        """Tell whether who asks may change or remove a voice."""
        return self.viewer.may_change(owner_of(stem))

    def kept_by(self, owner: str) -> tuple[int, int]:
        """Count the voices of somebody, and the bytes of their files."""
        with self._kept.settling:
            paths = [each for each in voice_paths(self.directory) if owner_of(each.stem) == owner]
        stems = {path.stem for path in paths}
        return len(stems), sum(map(_size_bytes, [*paths, *map(self.details_path, stems)]))

    def is_own(self, stem: str) -> bool:
        """Tell whether a voice belongs to who asks."""
        return owner_of(stem) == self.viewer.owner

    def size_bytes(self, stem: str) -> int:
        """Count the bytes of the files of a voice."""
        return sum(_size_bytes(self.directory / file) for file in self.files_of(stem))

    def files_of(self, stem: str) -> list[str]:
        """Name all files that belong to a voice, its details among them."""
        with self._kept.settling:
            found = [path.name for path in voice_paths(self.directory) if path.stem == stem]
            details = self.details_path(stem)
            return [*found, details.name] if details.is_file() else found

    def details_path(self, stem: str) -> Path:
        """Return where the details of a voice are, if there are any."""
        return self.directory / f"{stem}{DETAILS_SUFFIX}"

    def changing(self, work: Callable[[Change], T]) -> T:
        """Let `work` look at the voices and then change their files, as one step.

        It is called again where another server was quicker.

        Raises:
            StorageFailed: the disk refuses.
        """
        try:
            return self._kept.changing(work)
        except OSError as error:
            raise storage_failed("the voice cannot be saved", error) from error


def _size_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # it has gone meanwhile
        return 0
