"""Records what becomes of one request, for the one line that the log has of it."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from app.callers.caller import Caller
from app.errors import Field, Parameter

logger = logging.getLogger(__name__)

Value: TypeAlias = str | int | float

Outcome: TypeAlias = Literal["answered", "refused", "left", "broken off"]
"""A request was answered to the end or refused, its client left, or its answer was cut."""


class Trace(Protocol):
    """Shows one request to whoever looks at traces. Times are those of `time.monotonic`."""

    def stage(self, name: str, began_seconds: float, ended_seconds: float) -> None:
        """Show a stage that is over."""
        ...

    def end(self, name: str, fields: Mapping[str, Value], *, failed: bool) -> None:
        """Show the whole request, which ends now; `failed` says that it is this server's fault."""
        ...


_MAX_LETTERS = 20

_current: ContextVar[RequestRecord] = ContextVar("request_record")


@dataclass(slots=True)
class RequestRecord:
    """Collects what the parts that serve a request know of it; never its text, nor a key.

    Attributes:
        request_id: the log has it in each line about the request, and the client in its answer.
        caller: who calls; None until that is known.
        voice: who is heard, or the voice that was asked for while nobody is.
        characters: how much text was begun to be spoken.
        asked_characters: how much text the request brought, as far as is known.
        audio_seconds: how much speech was handed on.
        reason: the kind of the error that the client was told.
        field: what that error is about, if that is a field that we know.
        left_out: letters that were not spoken, for the model cannot read them.
        bytes_in, bytes_out: what the bodies or frames came to.
        first_byte_seconds: how long after the beginning the first byte of a body or frame left.
        ffmpeg_failures: how often FFmpeg broke while it worked on the speech.
        trace: shows the stages of the request; None if nobody asked for traces.
    """

    request_id: str
    caller: Caller | None = None
    dialect: str | None = None
    voice: str | None = None
    characters: int = 0
    asked_characters: int = 0
    audio_seconds: float = 0.0
    reason: str | None = None
    field: str | None = None
    left_out: set[str] = dataclasses.field(default_factory=set)
    bytes_in: int = 0
    bytes_out: int = 0
    first_byte_seconds: float | None = None
    ffmpeg_failures: int = 0
    trace: Trace | None = None
    _began_seconds: float = dataclasses.field(default_factory=time.monotonic)

    @property
    def caller_name(self) -> str:
        """Return what log and metrics call the caller; "-" until it is known."""
        return self.caller.name if self.caller else "-"

    @property
    def seconds(self) -> float:
        """Return how long ago the request began."""
        return time.monotonic() - self._began_seconds

    def asked_for(self, voice: str | None, characters: int) -> None:
        """Keep what a request asks for; nobody may ever begin to speak it."""
        self.voice = self.voice or voice
        self.asked_characters = max(self.asked_characters, characters)

    def sent(self, count_bytes: int) -> None:
        """Count bytes of a body or a frame that leave now."""
        if count_bytes and self.first_byte_seconds is None:
            self.first_byte_seconds = self.seconds
        self.bytes_out += count_bytes

    def stage(self, name: str, began_seconds: float, ended_seconds: float) -> None:
        """Tell the trace of a stage that is over. Times are those of `time.monotonic`."""
        if self.trace is not None:
            self.trace.stage(name, began_seconds, ended_seconds)

    @contextmanager
    def in_stage(self, name: str) -> Iterator[None]:
        """Tell of a stage that lasts as long as the block."""
        began_seconds = time.monotonic()
        try:
            yield
        finally:
            self.stage(name, began_seconds, time.monotonic())

    def refused(
        self, kind: str, field: Field | None = None, known_fields: Container[str] = ()
    ) -> None:
        """Keep the kind of error that the client is told of, and what it is about.

        Args:
            field: is kept if it is a parameter, or part of one of `known_fields`; what a client
                made up could be anything, such as its text.
        """
        self.reason = kind
        if isinstance(field, Parameter):
            self.field = field.value
        elif field is not None and field.partition(".")[0] in known_fields:
            self.field = field

    def log(self, method: str, route: str, outcome: object) -> None:
        """Write the line.

        Args:
            method: HTTP's method, or the name of another protocol.
            route: what was called, without what is peculiar to this request.
            outcome: the status of the answer, or how the request ended without one.
        """
        logger.info(
            "%(method)s %(route)s %(outcome)s in %(seconds).3f s",
            {
                "method": method,
                "route": route,
                "outcome": str(outcome),
                "seconds": round(self.seconds, 3),
            },
            extra={"request_id": self.request_id, "fields": self.fields()},
        )

    def fields(self) -> dict[str, Value]:
        """Return what the log says of the request, without what does not apply to it."""
        spoken = self.characters > 0
        known: dict[str, Value | None] = {
            "caller": self.caller_name,
            "dialect": self.dialect,
            "voice": self.voice,
            "characters": self.characters or self.asked_characters or None,
            "audio_seconds": round(self.audio_seconds, 2) if spoken else None,
            "first_byte_seconds": self.first_byte_seconds and round(self.first_byte_seconds, 3),
            "reason": self.reason,
            "field": self.field,
            "left_out": self._left_out_letters(),
            "bytes_in": self.bytes_in or None,
            "bytes_out": self.bytes_out or None,
        }
        return {name: value for name, value in known.items() if value is not None}

    def _left_out_letters(self) -> str | None:
        """Number the letters as Unicode does: in their order they would be text."""
        numbers = [f"U+{ord(letter):04X}" for letter in sorted(self.left_out)]
        more = " …" if len(numbers) > _MAX_LETTERS else ""
        return " ".join(numbers[:_MAX_LETTERS]) + more if numbers else None

    @contextmanager
    def is_current(self) -> Iterator[None]:
        """Let this be what `current_record` returns in the block and in the tasks made there."""
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)


def current_record() -> RequestRecord:
    """Return the record of the request being served; one that nobody reads where there is none."""
    return _current.get(None) or RequestRecord("none")
