"""Keeps the voices of people as files, which change in steps that happen whole or not at all."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Mapping
from pathlib import Path

from app.files import carry_out, commit_change, committed_changes, storage_failed, sweep
from app.voices.listing import STATE_SUFFIX, VOICE_SUFFIXES, VoiceFiles, voice_paths

logger = logging.getLogger(__name__)

DETAILS_SUFFIX = ".json"
_KNOWN_SUFFIXES = (DETAILS_SUFFIX, ".txt", ".md")


class VoiceFolder:
    """Keeps voices under `directory`, each in up to three files: sound, details, an older sound.

    Blocks; safe to use from any thread.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._files = VoiceFiles(directory)
        self._lock = threading.Lock()

    def recover(self) -> None:
        """Finish the changes that were committed before a crash, and sweep those that were not.

        Raises:
            OSError, ValueError: a committed change cannot be finished.
        """
        sweep(self.directory)
        for committed in committed_changes(self.directory):
            logger.warning("finishing a change of voices that was interrupted")
            with self._lock:
                carry_out(committed)
        self._say_what_is_not_heard()

    def _say_what_is_not_heard(self) -> None:
        if unheard := self._unheard():
            logger.warning(
                "no voices in %s: %s; voices are files that end in %s",
                self.directory,
                ", ".join(unheard),
                ", ".join(VOICE_SUFFIXES),
            )
        heard = self.by_name()
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
        """Return the file of each voice in the folder, by name."""
        with self._lock:
            return self._files.by_name()

    def files_of(self, name: str) -> list[str]:
        """Name all files that belong to the voice, its details among them."""
        with self._lock:
            found = [path.name for path in voice_paths(self.directory) if path.stem == name]
            details = self.details_path(name)
            return [*found, details.name] if details.is_file() else found

    def details_path(self, name: str) -> Path:
        """Return where the details of a voice are, if there are any."""
        return self.directory / f"{name}{DETAILS_SUFFIX}"

    def change(self, write: Mapping[str, bytes], *, remove: Collection[str] = ()) -> None:
        """Write files of voices and remove others, as one step.

        Args:
            write: contents by file name.
            remove: file names; those that are written stay.

        Raises:
            StorageFailed: the disk refuses.
        """
        try:
            committed = commit_change(self.directory, write, remove)
            with self._lock:
                carry_out(committed)
        except OSError as error:
            raise storage_failed("the voice cannot be saved", error) from error
