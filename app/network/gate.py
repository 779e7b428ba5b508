"""Stands between a connection and the protocol that it speaks, and bounds what the client can do.

A gate reads a little at a time, so that every connection has its turn; it reads nothing while the
client does not read; it lets a client that has used more than its share rest; and it ends what is
idle, stuck, or sent after an answer. It counts bytes and seconds, and knows no protocol: what only
the protocol knows, such as where a request ends, that tells its `Door`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Any, cast

from app.bounds import (
    DRAIN_SECONDS,
    LOOP_BURST_SECONDS,
    LOOP_SHARE,
    READ_BYTES,
    SEND_SECONDS,
    UNREAD_BYTES,
)
from app.network.connection_table import ConnectionTable
from app.network.pace import Pace

_LOOK_SECONDS = 1.0
_DRAIN_READ_BYTES = 1 << 16


class Guest(asyncio.Protocol):
    """A protocol behind a gate, whose transport is a `Door`."""

    refusal = b""
    """A client for whom there is no room is told this."""

    def owed_bytes(self) -> int:
        """Return how much more a client may send that is told goodbye while it sends."""
        return 0


class Gate(asyncio.BufferedProtocol):
    """Lets one connection through to a guest.

    Args:
        guest: the protocol of the connection; it may hand over to another one.
        table: counts the connections, and has a place for this one or none.
        idle_seconds: how long the connection may be idle; see `Door.idle`.
    """

    def __init__(self, guest: Guest, table: ConnectionTable, *, idle_seconds: float) -> None:
        self.guest = guest
        self.gives_way = True
        """Whether the connection is closed if there is no room for a new one."""
        self.transport: asyncio.Transport
        self._table = table
        self._idle_seconds = idle_seconds
        self._loop = asyncio.get_running_loop()
        self._buffer = memoryview(bytearray(READ_BYTES))
        self._idle_since_seconds: float | None = self._loop.time()
        self._holds: set[str] = set()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._pace: Pace | None = None
        self._admitted = False
        self._drain_bytes: int | None = None
        self._unread_bytes = 0
        self._stuck_since_seconds = 0.0

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's are no asyncio.Transport, but have all that one has.
        self.transport = cast("asyncio.Transport", transport)
        self._admitted = self._table.admit(self)
        if not self._admitted:
            self.transport.write(self.guest.refusal)
            self.transport.close()
            return
        # The address's own, unless it is that of a proxy, who speaks for many.
        self._pace = self._table.loop_share_of(self) or Pace(LOOP_SHARE, LOOP_BURST_SECONDS)
        self.transport.set_write_buffer_limits(high=UNREAD_BYTES)
        self._look()
        self.guest.connection_made(Door(self))

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in self._timers.values():
            timer.cancel()
        if self._admitted:
            self._table.remove(self)
            self.guest.connection_lost(exc)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's own name
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        if not self._admitted:
            return
        if self._drain_bytes is not None:
            self._drain_bytes -= nbytes
            if self._drain_bytes <= 0:
                self.transport.close()
            return
        began_seconds = time.thread_time()
        self.guest.data_received(bytes(self._buffer[:nbytes]))
        self.charge(time.thread_time() - began_seconds)

    def eof_received(self) -> bool | None:
        if not self._admitted or self._drain_bytes is not None:
            return None
        return self.guest.eof_received()

    def pause_writing(self) -> None:
        self.hold("unread")
        self.guest.pause_writing()

    def resume_writing(self) -> None:
        self.release("unread")
        self.guest.resume_writing()

    # What the door asks for

    @property
    def is_closing(self) -> bool:
        return self._drain_bytes is not None or self.transport.is_closing()

    def hold(self, reason: str) -> None:
        """Read nothing until `reason` and all others are released."""
        if not self._holds:
            self.transport.pause_reading()
        self._holds.add(reason)

    def release(self, reason: str) -> None:
        """Go on reading, unless there is another reason not to."""
        if reason in self._holds:
            self._holds.remove(reason)
            if not self._holds:
                self.transport.resume_reading()

    def charge(self, seconds: float) -> None:
        """Count time of the event loop that the client has used, and let it rest if that is due."""
        assert self._pace is not None
        rest_seconds = self._pace.count(seconds)
        if rest_seconds > 0 and not self.is_closing:
            self.hold("rest")
            self._after(rest_seconds, "rest", self.release, "rest")

    def set_idle(self, idle: bool) -> None:
        if not idle:
            self._idle_since_seconds = None
        elif self._idle_since_seconds is None:
            self._idle_since_seconds = self._loop.time()

    def close(self) -> None:
        """Close the connection once its output is sent and what is owed of its input is heard."""
        if self.is_closing:
            return
        self._drain_bytes = self.guest.owed_bytes()
        if self._drain_bytes <= 0 or not self.transport.can_write_eof():
            self.transport.close()
            return
        # Closed at once, what the client still sends would make the system discard the answer.
        self._buffer = memoryview(bytearray(_DRAIN_READ_BYTES))
        self._after(DRAIN_SECONDS, "drain", self.transport.close)
        self.transport.write_eof()
        self._holds.clear()
        self.transport.resume_reading()

    # What happens by itself

    def _after(self, seconds: float, name: str, call: Any, *args: Any) -> None:
        if name in self._timers:
            self._timers[name].cancel()
        self._timers[name] = self._loop.call_later(seconds, call, *args)

    def _look(self) -> None:
        """End the connection if it is idle, or if its client takes nothing, for too long."""
        now = self._loop.time()
        unread_bytes = self.transport.get_write_buffer_size()
        if not 0 < self._unread_bytes <= unread_bytes:
            self._stuck_since_seconds = now
        self._unread_bytes = unread_bytes
        idle_since = self._idle_since_seconds
        idle = idle_since is not None and now - idle_since >= self._idle_seconds
        if idle or now - self._stuck_since_seconds >= SEND_SECONDS:
            self.transport.abort()
        else:
            self._after(min(_LOOK_SECONDS, self._idle_seconds / 4), "look", self._look)


class Door(asyncio.Transport):
    """The transport that a guest sees of its connection."""

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self._gate = gate

    # What the guest tells

    def idle(self) -> None:
        """Say that no request is being answered: another one has to come soon, and whole."""
        self._gate.set_idle(True)

    def busy(self) -> None:
        """Say that a request is being answered, which may take its time."""
        self._gate.set_idle(False)

    def give_way(self, gives_way: bool) -> None:
        """Say whether the connection may be closed to make room for a new one."""
        self._gate.gives_way = gives_way

    @property
    def gives_way(self) -> bool:
        return self._gate.gives_way

    def charge(self, seconds: float) -> None:
        """Count time of the event loop beside that in which the guest is given data."""
        self._gate.charge(seconds)

    # What transports have

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._gate.transport.get_extra_info(name, default)

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._gate.guest

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        assert isinstance(protocol, Guest)
        self._gate.guest = protocol

    def is_closing(self) -> bool:
        return self._gate.is_closing

    def close(self) -> None:
        self._gate.close()

    def abort(self) -> None:
        self._gate.transport.abort()

    def is_reading(self) -> bool:
        return self._gate.transport.is_reading()

    def pause_reading(self) -> None:
        if not self._gate.is_closing:
            self._gate.hold("guest")

    def resume_reading(self) -> None:
        if not self._gate.is_closing:
            self._gate.release("guest")

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._gate.is_closing:
            self._gate.transport.write(data)

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.write(b"".join(list_of_data))

    def can_write_eof(self) -> bool:
        return self._gate.transport.can_write_eof()

    def write_eof(self) -> None:
        self._gate.transport.write_eof()

    def get_write_buffer_size(self) -> int:
        return self._gate.transport.get_write_buffer_size()

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self._gate.transport.get_write_buffer_limits()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._gate.transport.set_write_buffer_limits(high, low)
