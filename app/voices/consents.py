"""Keeps the recordings in which people agree to the use of their voices, for OpenAI's API."""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import threading
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from app.errors import ConsentNotFound
from app.files import storage_failed, sweep, write_whole
from app.owners import WhoAsks, everybody

_ID = re.compile(r"cons_[0-9a-f]{24}")
_RECORDING = ".audio"
_NOTE = ".json"


@dataclass(frozen=True, slots=True)
class Consent:
    """Describes one recording in which somebody agrees to the use of their voice."""

    id: str
    name: str
    language: str
    created_at: int
    """The time is Unix time, in seconds."""
    owner: str | None = None
    """Whoever sent it; None is the operator."""


class ConsentStore:
    """Keeps recordings in a folder, each with a JSON note. Blocks; safe to use from any thread.

    The note is written last and removed first: a recording without one does not count.
    """

    def __init__(self, directory: Path, who_asks: WhoAsks = everybody) -> None:
        """Sweep out what interrupted writes left; the folder is made with the first consent."""
        self._directory = directory
        self._who_asks = who_asks
        sweep(directory)
        self._lock = threading.Lock()
        # Clients that clean up delete a voice first and its consent then.
        self._forgotten: set[str] = set()

    def add(self, recording: bytes, *, name: str, language: str) -> Consent:
        """Keep a recording as it came.

        Raises:
            StorageFailed: the disk refuses.
        """
        consent = Consent(
            f"cons_{secrets.token_hex(12)}",
            name,
            language,
            int(time.time()),
            self._who_asks().owner,
        )
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            write_whole(self._directory / (consent.id + _RECORDING), recording)
            self._write_note(consent)
        except OSError as error:
            with contextlib.suppress(OSError):
                (self._directory / (consent.id + _RECORDING)).unlink(missing_ok=True)
            raise storage_failed("the consent cannot be saved", error) from error
        return consent

    def get(self, consent_id: str) -> Consent:
        """Find a consent by its id.

        Raises:
            ConsentNotFound: there is none, or its note cannot be read.
        """
        if _ID.fullmatch(consent_id):
            with contextlib.suppress(OSError, ValueError, TypeError):
                note = (self._directory / (consent_id + _NOTE)).read_bytes()
                consent = Consent(**json.loads(note))
                # Nobody uses another's consent, not even the operator's.
                if self._who_asks().may_change(consent.owner):
                    return consent
        raise ConsentNotFound(f"there is no consent {consent_id[:64]!r}")

    def all(self) -> list[Consent]:
        """List every consent, the newest first."""
        found = []
        for path in self._directory.glob(f"cons_*{_NOTE}"):
            with contextlib.suppress(ConsentNotFound):
                found.append(self.get(path.stem))
        return sorted(found, key=lambda each: (-each.created_at, each.id))

    def rename(self, consent_id: str, name: str) -> Consent:
        """Give a consent another label.

        Raises:
            ConsentNotFound; StorageFailed: the disk refuses.
        """
        with self._lock:
            consent = replace(self.get(consent_id), name=name)
            try:
                self._write_note(consent)
            except OSError as error:
                raise storage_failed("the consent cannot be saved", error) from error
        return consent

    def delete(self, consent_id: str) -> None:
        """Remove a consent and its recording, also one that has gone with its voice already.

        Raises:
            ConsentNotFound; StorageFailed: the disk refuses.
        """
        with self._lock:
            if consent_id in self._forgotten:
                return
            self.get(consent_id)
            try:
                for suffix in (_NOTE, _RECORDING):
                    (self._directory / (consent_id + suffix)).unlink(missing_ok=True)
            except OSError as error:
                raise storage_failed("the consent stays", error) from error

    def forget(self, consent_id: str) -> None:
        """Remove a consent whose voice has gone, if it is still there.

        Raises:
            StorageFailed: the disk refuses.
        """
        with contextlib.suppress(ConsentNotFound):
            self.delete(consent_id)
        self._forgotten.add(consent_id)

    def _write_note(self, consent: Consent) -> None:
        write_whole(self._directory / (consent.id + _NOTE), json.dumps(asdict(consent)).encode())
