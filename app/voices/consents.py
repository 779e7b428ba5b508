"""Keeps the recordings in which people agree to the use of their voices, for OpenAI's API."""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import time
from dataclasses import asdict, dataclass, replace

from app.errors import ConsentNotFound
from app.files import storage_failed
from app.owners import WhoAsks, everybody
from app.stores.changes import Change, ChangingFolder

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
    """Keeps recordings in a folder, each with a JSON note. Blocks; safe to use from any thread."""

    def __init__(self, kept: ChangingFolder, who_asks: WhoAsks = everybody) -> None:
        self._kept = kept
        self._directory = kept.directory
        self._who_asks = who_asks
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
        files = {consent.id + _RECORDING: recording, consent.id + _NOTE: _note_of(consent)}
        try:
            self._kept.changing(lambda change: change(files, ()))
        except OSError as error:
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

        def renamed(change: Change) -> Consent:
            consent = replace(self.get(consent_id), name=name)
            change({consent_id + _NOTE: _note_of(consent)}, ())
            return consent

        try:
            return self._kept.changing(renamed)
        except OSError as error:
            raise storage_failed("the consent cannot be saved", error) from error

    def delete(self, consent_id: str) -> None:
        """Remove a consent and its recording, also one that has gone with its voice already.

        Raises:
            ConsentNotFound; StorageFailed: the disk refuses.
        """
        if consent_id in self._forgotten:
            return

        def removed(change: Change) -> None:
            self.get(consent_id)
            change({}, [consent_id + suffix for suffix in (_NOTE, _RECORDING)])

        try:
            self._kept.changing(removed)
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


def _note_of(consent: Consent) -> bytes:
    return json.dumps(asdict(consent)).encode()
