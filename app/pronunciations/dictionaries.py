"""Keeps named dictionaries of pronunciations, which hold where a request or a script names them.

Each is a JSON file with its latest versions: a client may go on to use the one that it knows.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from app.bounds import (
    DICTIONARIES,
    DICTIONARIES_BYTES,
    DICTIONARY_BYTES,
    DICTIONARY_VERSIONS,
)
from app.errors import (
    Conflict,
    DictionaryNotFound,
    InvalidRequest,
    StorageFailed,
    TooLarge,
    shortened,
)
from app.files import storage_failed, sweep, write_whole
from app.lexicon import Lexicon, Pronunciation, checked
from app.pronunciations.changes import lines_of
from app.pronunciations.lines import Line, pronunciations_of

logger = logging.getLogger(__name__)

MAX_NAME_CHARS = 200
MAX_DESCRIPTION_CHARS = 2000

_ID = re.compile(r"[0-9a-f]{20}")
_SUFFIX = ".json"


@dataclass(frozen=True, slots=True)
class Version:
    """Holds what a dictionary said from some time on.

    Attributes:
        created_unix: the time is Unix time, in seconds.
    """

    id: str
    created_unix: int
    pronunciations: tuple[Pronunciation, ...]
    lexicon: Lexicon = field(compare=False, repr=False)

    @classmethod
    def of(cls, pronunciations: Iterable[Pronunciation]) -> Version:
        """Make a version that begins now."""
        return cls._made(secrets.token_hex(10), int(time.time()), pronunciations)

    @classmethod
    def read(cls, document: Any) -> Version:
        """Read what `document` has written; raises ValueError, KeyError or TypeError."""
        found = [checked(Pronunciation(*entry)) for entry in document["pronunciations"]]
        return cls._made(str(document["id"]), int(document["created_unix"]), found)

    @classmethod
    def _made(cls, its_id: str, unix: int, pronunciations: Iterable[Pronunciation]) -> Version:
        kept = tuple(pronunciations)
        return cls(its_id, unix, kept, Lexicon(kept))

    def document(self) -> dict[str, Any]:
        """Return this as it stands in the file."""
        entries = [list(each) for each in self.pronunciations]
        return {"id": self.id, "created_unix": self.created_unix, "pronunciations": entries}


@dataclass(frozen=True, slots=True)
class Dictionary:
    """Holds a dictionary; the last of its versions is the latest, and there is always one."""

    id: str
    name: str
    description: str | None
    created_unix: int
    versions: tuple[Version, ...]
    archived_unix: int | None = None

    @property
    def latest(self) -> Version:
        return self.versions[-1]

    def version(self, version_id: str | None) -> Version:
        """Find a version; None is the latest.

        Raises:
            DictionaryNotFound: there is none, or it is no longer kept.
        """
        if version_id is None:
            return self.latest
        for version in self.versions:
            if version.id == version_id:
                return version
        raise DictionaryNotFound(
            f"the dictionary {self.id} has no version {shortened(version_id, 40)!r}, or has it no "
            f"longer; the latest is {self.latest.id}"
        )

    def document(self) -> dict[str, Any]:
        """Return this as it stands in the file."""
        return {
            "name": self.name,
            "description": self.description,
            "created_unix": self.created_unix,
            "archived_unix": self.archived_unix,
            "versions": [version.document() for version in self.versions],
        }


class Dictionaries:
    """Keeps dictionaries in a folder, a file for each. Blocks; safe to use from any thread.

    Several servers may share the folder: each looks whether a file has changed.
    """

    def __init__(self, directory: Path) -> None:
        """Sweep out what interrupted writes left; the folder is made with the first dictionary."""
        self._directory = directory
        sweep(directory)
        self._lock = threading.Lock()
        self._read: dict[str, tuple[tuple[int, int], Dictionary]] = {}

    def all(self) -> list[Dictionary]:
        """List the dictionaries, the newest first; the log names files that cannot be read."""
        found = []
        for path in sorted(self._directory.glob(f"*{_SUFFIX}")):
            if _ID.fullmatch(path.stem):
                try:
                    found.append(self._at(path))
                except DictionaryNotFound:
                    continue  # it was deleted at this moment
                except StorageFailed as error:
                    logger.error("%s", error.message)  # noqa: TRY400 - the reason is enough
        return sorted(found, key=lambda each: (-each.created_unix, each.id))

    def find(self, name: str) -> Dictionary:
        """Find a dictionary by its id or its name.

        Raises:
            DictionaryNotFound: there is none.
            Conflict: several have the name.
            StorageFailed: its file cannot be read.
        """
        if _ID.fullmatch(name):
            with suppress(DictionaryNotFound):
                return self._at(self._path(name))
        known = self.all()
        named = [each for each in known if each.name == name]
        if len(named) > 1:
            ids = ", ".join(each.id for each in named)
            raise Conflict(f"several dictionaries are called {shortened(name)!r}; say which: {ids}")
        if not named:
            raise DictionaryNotFound(f"there is no dictionary {shortened(name)!r}")
        return named[0]

    def lexicon_called(self, name: str) -> Lexicon:
        """Return the latest version of a dictionary; raises as `find`."""
        return self.find(name).latest.lexicon

    def create(
        self, name: str, pronunciations: Iterable[Pronunciation], description: str | None = None
    ) -> Dictionary:
        """Keep a new dictionary.

        Args:
            pronunciations: they were checked.

        Raises:
            InvalidRequest: the name or the description is not allowed.
            TooLarge: it has too many bytes, or there are too many dictionaries.
            StorageFailed: the disk refuses.
        """
        with self._lock:
            others = len(self.all())
            if others >= DICTIONARIES:
                raise TooLarge(
                    f"there are {others} dictionaries already, which is all that are kept; "
                    "delete one that is not needed"
                )
            made = Dictionary(
                secrets.token_hex(10),
                _label(name, "name", MAX_NAME_CHARS),
                _label(description, "description", MAX_DESCRIPTION_CHARS) if description else None,
                int(time.time()),
                (Version.of(pronunciations),),
            )
            return self._write(made)

    def change(self, name: str, edit: Callable[[list[Line]], list[Line]]) -> Dictionary:
        """Change what a dictionary says, which makes a new version.

        Args:
            edit: gets lines and returns others, as for the operator's own.

        Raises:
            DictionaryNotFound, Conflict, TooLarge, StorageFailed; whatever `edit` raises.
        """
        with self._lock:
            there = self.find(name)
            before = there.latest.pronunciations
            after = tuple(pronunciations_of(edit(lines_of(before))))
            if before == after:
                return there
            versions = (*there.versions, Version.of(after))[-DICTIONARY_VERSIONS:]
            return self._write(replace(there, versions=versions))

    def describe(
        self, name: str, *, new_name: str | None = None, archived: bool | None = None
    ) -> Dictionary:
        """Rename a dictionary, or put it among those that are no longer listed.

        Raises:
            DictionaryNotFound, Conflict, InvalidRequest, StorageFailed.
        """
        with self._lock:
            there = self.find(name)
            if new_name is not None:
                there = replace(there, name=_label(new_name, "name", MAX_NAME_CHARS))
            if archived is not None:
                there = replace(there, archived_unix=int(time.time()) if archived else None)
            return self._write(there)

    def delete(self, name: str) -> Dictionary:
        """Remove a dictionary and all its versions.

        Raises:
            DictionaryNotFound, Conflict; StorageFailed: the disk refuses.
        """
        with self._lock:
            there = self.find(name)
            try:
                self._path(there.id).unlink(missing_ok=True)
            except OSError as error:
                raise storage_failed("the dictionary stays", error) from error
            self._read.pop(there.id, None)
            return there

    def _write(self, dictionary: Dictionary) -> Dictionary:
        """Write a dictionary, without its oldest versions if there is no room for them."""
        while len(data := _data(dictionary)) > DICTIONARY_BYTES:
            if len(dictionary.versions) == 1:
                raise TooLarge(
                    f"the dictionary has {len(data)} bytes; at most {DICTIONARY_BYTES} are allowed"
                )
            dictionary = replace(dictionary, versions=dictionary.versions[1:])
        path = self._path(dictionary.id)
        others = [each for each in self._directory.glob(f"*{_SUFFIX}") if each != path]
        if sum(each.stat().st_size for each in others) + len(data) > DICTIONARIES_BYTES:
            raise TooLarge(
                f"all dictionaries together may have {DICTIONARIES_BYTES} bytes; "
                "delete one that is not needed"
            )
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            write_whole(path, data)
        except OSError as error:
            raise storage_failed("the dictionary cannot be saved", error) from error
        return dictionary

    def _at(self, path: Path) -> Dictionary:
        try:
            status = path.stat()
            stamp = (status.st_mtime_ns, status.st_ino)
            known = self._read.get(path.stem)
            if known is not None and known[0] == stamp:
                return known[1]
            document = json.loads(path.read_bytes())
            *versions, latest = map(Version.read, document.pop("versions"))
            dictionary = Dictionary(path.stem, versions=(*versions, latest), **document)
        except FileNotFoundError:
            self._read.pop(path.stem, None)
            raise DictionaryNotFound(f"there is no dictionary {path.stem}") from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise StorageFailed(f"the dictionary {path.stem} cannot be read: {error}") from error
        self._read[path.stem] = (stamp, dictionary)
        return dictionary

    def _path(self, dictionary_id: str) -> Path:
        return self._directory / f"{dictionary_id}{_SUFFIX}"


def _data(dictionary: Dictionary) -> bytes:
    return json.dumps(dictionary.document(), ensure_ascii=False).encode()


def _label(text: str, what: str, max_chars: int) -> str:
    text = text.strip()
    if not text or len(text) > max_chars or not text.replace("\n", " ").isprintable():
        raise InvalidRequest(
            f"{what} must have 1 to {max_chars} characters that can be printed", field=what
        )
    return text
