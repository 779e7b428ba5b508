"""Logs everything in one style: lines for people, or JSON objects for machines."""

from __future__ import annotations

import json
import logging
import threading
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Literal, TypeAlias

from app.bounds import (
    LOG_FIELD_CHARACTERS,
    LOG_LINES_AT_ONCE,
    LOG_LINES_PER_SECOND,
    LOG_MESSAGE_CHARACTERS,
    LOG_TRACE_CHARACTERS,
)
from app.errors import SpeechError
from app.network.pace import Pace

_QUIET_LIBRARIES = (
    "httpx",
    "httpx2",  # of the model hub's client
    "httpcore",
    "httpcore2",
    "urllib3",
    "filelock",
    "pydub",
    "pocket_tts",
    "asyncio",
)


_Raised: TypeAlias = (
    tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
)


def _clipped(text: str, max_characters: int) -> str:
    """Leave out the middle of what is too long: a trace has its point at its end."""
    if len(text) <= max_characters:
        return text
    half = max_characters // 2
    return f"{text[:half]} […{len(text) - 2 * half} characters…] {text[-half:]}"


def _printable(text: str) -> str:
    """Escape line ends, controls and whatever else is not seen, as JSON and Python have it."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else json.dumps(each)[1:-1] for each in text)


class BoundedFormatter(logging.Formatter):
    """Keeps messages and traces short, whatever of a client's text is in them."""

    def message_of(self, record: logging.LogRecord) -> str:
        """Return the message, and how many others from the same place were left out before it."""
        left_out = getattr(record, LEFT_OUT, 0)
        message = _clipped(record.getMessage(), LOG_MESSAGE_CHARACTERS)
        return f"{message} ({left_out} lines like this were left out)" if left_out else message

    def formatException(self, ei: _Raised) -> str:  # noqa: N802 - logging's own name
        return _clipped(super().formatException(ei), LOG_TRACE_CHARACTERS)


class JsonFormatter(BoundedFormatter):
    """Writes one JSON object a line: time, level, logger, message, request_id, and any trace.

    What a message was made of by name stands beside it, and so do the record's `fields`.
    """

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self.message_of(record),
        }
        if request_id := getattr(record, "request_id", None):
            entry["request_id"] = request_id
        if isinstance(record.args, Mapping):
            entry.update({str(name): _bounded(value) for name, value in record.args.items()})
        fields: Mapping[str, object] = getattr(record, "fields", {})
        entry.update({name: _bounded(value) for name, value in fields.items()})
        if record.exc_info:
            entry["trace"] = self.formatException(record.exc_info)
        return _printable(json.dumps(entry, ensure_ascii=False))


class ConsoleFormatter(BoundedFormatter):
    """Writes a line with time, level, message, a record's `fields`, and the request's id."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", datefmt="%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        record.message = _printable(self.message_of(record))
        fields: Mapping[str, object] = getattr(record, "fields", {})
        named = [f"{name}={_in_one_word(_bounded(value))}" for name, value in fields.items()]
        line = " ".join((super().formatMessage(record), *named))
        request_id = getattr(record, "request_id", None)
        return f"{line} [{request_id}]" if request_id else line


def _bounded(value: object) -> object:
    return _clipped(value, LOG_FIELD_CHARACTERS) if isinstance(value, str) else value


def _in_one_word(value: object) -> str:
    """Write a value so that it ends where it seems to, and makes no line of its own."""
    text = str(value)
    is_plain = text.isprintable() and not set(text) & {" ", '"', "="}
    return text if is_plain and text else json.dumps(text)


LEFT_OUT = "left_out"


class FewerRepeats(logging.Filter):
    """Drops most of what one place in the code says too often, and counts what it drops."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._paces: dict[tuple[str, int], Pace] = {}
        self._left_out: Counter[tuple[str, int]] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        place = (record.pathname, record.lineno)
        with self._lock:
            if place not in self._paces:
                self._paces[place] = Pace(LOG_LINES_PER_SECOND, LOG_LINES_AT_ONCE)
            if not self._paces[place].allows():
                self._left_out[place] += 1
                return False
            setattr(record, LEFT_OUT, self._left_out.pop(place, 0))
            return True


class NoTraceOfRefusals(logging.Filter):
    """Drops uvicorn's trace of a stream that was broken off on purpose.

    The exception has to reach uvicorn, which then closes the connection; the reason is in the log
    already, with the request's id.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        while error is not None:
            if isinstance(error, SpeechError):
                return False
            error = error.__cause__
        return True


class OneLineASocket(logging.Filter):
    """Drops what uvicorn says of a WebSocket; its end is in the log already.

    Uvicorn's lines have the whole query, in which some clients send a key, and it takes a refusal
    in a plain HTTP answer for a mistake of the app.
    """

    _DROPPED = (
        '%s - "WebSocket %s"',
        "connection open",
        "connection closed",
        "connection rejected",
        "ASGI callable returned without completing handshake.",
    )

    def filter(self, record: logging.LogRecord) -> bool:
        return not str(record.msg).startswith(self._DROPPED)


def configure_logging(level: str, style: Literal["console", "json"]) -> None:
    """Send everything to standard error in one style; libraries speak from warnings upwards.

    At `debug` they speak from `info` upwards. What they say below that is left out: the parser of
    forms says what clients send, and pydub what FFmpeg says of every piece.
    """
    handler = logging.StreamHandler()
    handler.addFilter(FewerRepeats())
    handler.setFormatter(JsonFormatter() if style == "json" else ConsoleFormatter())
    for_libraries = "info" if level == "debug" else level
    logging.basicConfig(level=for_libraries.upper(), handlers=[handler], force=True)
    logging.getLogger("app").setLevel(level.upper())
    uvicorn = logging.getLogger("uvicorn.error")
    uvicorn.addFilter(NoTraceOfRefusals())
    uvicorn.addFilter(OneLineASocket())
    if level != "debug":
        for name in _QUIET_LIBRARIES:
            logging.getLogger(name).setLevel(logging.WARNING)
