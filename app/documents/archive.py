"""Opens documents that are zip archives, which may be made to be larger than they look."""

from __future__ import annotations

import io
import zipfile
import zlib
from xml.parsers import expat

from app.bounds import ARCHIVE_BYTES, ARCHIVE_FILES, ARCHIVE_TEXT_BYTES
from app.documents.document import Unreadable

_ENCRYPTED = 0x1
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError)


class Archive:
    """Reads the files in an archive. None unpacks to more than its entry says.

    Raises:
        Unreadable: it is no whole archive, or one with too much in it.
    """

    def __init__(self, data: bytes) -> None:
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except _DAMAGED as error:
            raise Unreadable("is a zip archive that is damaged or cut off") from error
        entries = self._zip.infolist()
        if len(entries) > ARCHIVE_FILES:
            raise Unreadable(f"holds more than the {ARCHIVE_FILES} files allowed")
        if sum(entry.file_size for entry in entries) > ARCHIVE_BYTES:
            raise Unreadable(f"unpacks to more than the {ARCHIVE_BYTES} bytes allowed")
        if any(entry.flag_bits & _ENCRYPTED for entry in entries):
            raise Unreadable("is encrypted; send it without a password")
        self._entries = {entry.filename: entry for entry in entries}

    @property
    def names(self) -> tuple[str, ...]:
        """List the files."""
        return tuple(self._entries)

    def size_of(self, name: str) -> int:
        """Return how many bytes a file has once it is unpacked; it must be there."""
        return self._entries[name].file_size

    def read(self, name: str, max_bytes: int = ARCHIVE_TEXT_BYTES) -> bytes:
        """Unpack a file.

        Raises:
            Unreadable: it is missing, damaged or too large.
        """
        entry = self._entries.get(name)
        if entry is None:
            raise Unreadable(f"is damaged: it lacks its file {name[:100]!r}")
        if entry.file_size > max_bytes:
            raise Unreadable(f"has a file in it of more than the {max_bytes} bytes allowed")
        try:
            return self._zip.read(entry)
        except _DAMAGED as error:
            raise Unreadable(f"is damaged: its file {name[:100]!r} cannot be unpacked") from error

    def read_xml(self, name: str) -> bytes:
        """Unpack a file of XML that declares no entities, with which it could grow or read files.

        Raises:
            Unreadable: as `read`; or it declares some.
        """
        data = self.read(name)
        refuse_entities(data)
        return data


def refuse_entities(data: bytes) -> None:
    """Look at what stands before the first element of XML.

    Raises:
        Unreadable: an entity is declared there.
    """
    parser = expat.ParserCreate()

    def declared(*_about: object) -> None:
        raise Unreadable("declares entities in its XML, which is not allowed")

    def begun(*_about: object) -> None:
        raise _Begun

    parser.EntityDeclHandler = declared
    parser.StartElementHandler = begun
    try:
        parser.Parse(data, True)
    except (_Begun, expat.ExpatError):
        return  # what is wrong with it is for its reader to say


class _Begun(Exception):
    """Says that the first element has begun, before which alone entities can be declared."""
