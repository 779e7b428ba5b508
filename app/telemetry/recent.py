"""Remembers the last requests, for who watches the server."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass

from app.request_record import Outcome, RequestRecord

KEPT_REQUESTS = 60


@dataclass(frozen=True, slots=True)
class RecentRequest:
    """Says what became of a request; never its text.

    Attributes:
        ended_at: when it ended, in Unix time.
        code: the status of the answer; None if there was none.
        reason: the kind of the error that the client was told.
        first_byte_seconds: how long after the beginning the first byte of the answer left.
    """

    request_id: str
    ended_at: float
    caller: str
    method: str
    route: str
    outcome: Outcome
    code: int | None
    reason: str | None
    voice: str | None
    characters: int
    audio_seconds: float
    first_byte_seconds: float | None
    seconds: float


class RecentRequests:
    """Keeps the last requests that spoke or were refused; others would crowd them out."""

    def __init__(self) -> None:
        self._kept: deque[RecentRequest] = deque(maxlen=KEPT_REQUESTS)

    def of(self, caller: str | None) -> list[RecentRequest]:
        """List those of a caller, or of all callers, the newest first."""
        return [each for each in reversed(self._kept) if caller in (None, each.caller)]

    def ended(
        self, record: RequestRecord, method: str, route: str, code: int | None, how: Outcome
    ) -> None:
        """Take note of a request that has ended."""
        if not record.characters and how != "refused":
            return
        first = record.first_byte_seconds
        self._kept.append(
            RecentRequest(
                record.request_id,
                round(time.time(), 3),
                record.caller_name,
                method,
                route,
                how,
                code,
                record.reason,
                record.voice,
                record.characters or record.asked_characters,
                round(record.audio_seconds, 2),
                first and round(first, 3),
                round(record.seconds, 3),
            )
        )
