"""Reads and writes Wyoming's events on a TCP connection.

An event is a line of JSON, then data, then a payload; the size of each is bounded."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from wyoming.event import Event, async_write_event

from app.bounds import SEND_SECONDS
from app.errors import InvalidRequest, TooLarge, shortened
from app.network.connections import ClientLeft

_PIECE_BYTES = 1 << 16


async def read_event(reader: asyncio.StreamReader, *, max_bytes: int) -> Event | None:
    """Read the client's next event, and drop its payload; None once the client has left.

    Args:
        reader: must have been made with `max_bytes` as its limit.
        max_bytes: how large the line, the data and the payload may each be.

    Raises:
        TooLarge: a part of the event is larger.
        InvalidRequest: it is not an event.
    """
    try:
        line = await reader.readline()
        if not line.endswith(b"\n"):
            return None
        header = _object_in(line, "the line of an event")
        data = header.get("data") or {}
        if not isinstance(data, dict) or not isinstance(header.get("type"), str):
            raise InvalidRequest("an event needs a `type` that is a text and `data` in an object")
        data_bytes = _length(header, "data_length", max_bytes)
        if data_bytes:
            data |= _object_in(await reader.readexactly(data_bytes), "the data of an event")
        left_bytes = _length(header, "payload_length", max_bytes)
        while left_bytes:
            piece = await reader.readexactly(min(left_bytes, _PIECE_BYTES))
            left_bytes -= len(piece)
    except ValueError:  # readline raises it when a line is too long
        raise TooLarge(f"a line has more than the {max_bytes} bytes allowed") from None
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    return Event(header["type"], data)


class EventWriter:
    """Writes events to a client, also from several tasks at once."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._lock = asyncio.Lock()

    async def send(self, event: Event) -> None:
        """Send an event, and return once there is room for the next one.

        Raises:
            ClientLeft: the client has left, or has stopped reading.
        """
        async with self._lock:
            try:
                async with asyncio.timeout(SEND_SECONDS):
                    await async_write_event(event, self._writer)
            except (ConnectionError, TimeoutError):
                raise ClientLeft from None


def _object_in(data: bytes, what: str) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"{what} is not valid JSON: {shortened(str(error))}") from None
    if not isinstance(found, dict):
        raise InvalidRequest(f"{what} must be a JSON object")
    return found


def _length(header: dict[str, Any], name: str, max_bytes: int) -> int:
    length = header.get(name)
    if length is None:
        return 0
    if type(length) is not int or length < 0:
        raise InvalidRequest(f"{name} must be a number of bytes", field=name)
    if length > max_bytes:
        raise TooLarge(f"{name} is {length}; {max_bytes} are allowed", field=name)
    return length
