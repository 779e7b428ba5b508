"""Says what each client and each kind of work may use. What an operator can change is a setting.

The numbers stand here alone, each with its unit; what enforces one imports it.
"""

from __future__ import annotations

# --- Connections --------------------------------------------------------------------------------

MAX_CONNECTIONS = 1000
"""So many connections over HTTP may be open, unless the operator sets MAX_CONNECTIONS; never more
than half of what the system lets this process open, for files and FFmpeg need the other half."""

MAX_CONNECTIONS_PER_ADDRESS = 100
"""So many may come from one address, unless the operator sets MAX_CONNECTIONS_PER_ADDRESS."""

MAX_WYOMING_CONNECTIONS = 100
"""So many may be open over Wyoming, which has no key and must not use up what HTTP needs."""

MAX_ADDRESSES = 10_000
"""Of so many addresses it is remembered what they used, of those that were seen last."""

IDLE_CONNECTION_SECONDS = 30.0
"""A connection is closed that asks nothing for so long, or has sent half of the head of a request,
or has shown no key on a WebSocket, unless the operator sets CONNECTION_IDLE_SECONDS."""

ACCEPTS_PER_TURN = 8
"""So many new connections are taken before those that are open have their turn,"""
WAITING_CONNECTIONS = 1024
"""and so many may wait for that."""

READ_BYTES = 4096
"""So much of a connection is read and parsed before the next connection has its turn. The smallest
frames, of six bytes, then cost less than 2 ms a turn."""

LOOP_SHARE = 0.25
"""All connections of one address may use this share of the event loop's time for parsing."""

LOOP_BURST_SECONDS = 0.05
"""They may use so much of it at once before they rest."""

REQUEST_SECONDS = 0.0005
"""Beside what is measured, a request over HTTP is counted with so much of the event loop's time,"""
FRAME_SECONDS = 0.0002
"""and a message on a WebSocket or an event of Wyoming with so much."""

UNREAD_BYTES = 1 << 16
"""While a client leaves so many bytes unread, nothing more is read from it either. So it cannot
provoke more output, such as answers to its pings: what it has not read is all that is kept."""

SEND_SECONDS = 120.0
"""A client that takes nothing for so long, although there is something to take, is not there any
more."""

IDLE_SECONDS = 60.0
"""A client that sends nothing for so long is not going on with its text."""

KEYLESS_BYTES = (1 << 16) + READ_BYTES
"""A WebSocket may bring so many bytes before a key was seen on it: a first message of 64 kB."""

BARREN_BYTES = 1 << 16
"""So many bytes of HTTP may come in a row that are neither the end of a head nor of a body: the
longest head, the longest extension of a chunk, the longest trailers."""

MAX_HEADERS = 200
"""A request may have so many header fields."""

MAX_PIPELINED = 16
"""So many requests may wait on one connection for the answer to the one before them."""

MAX_FRAGMENTS = 1024
"""A message on a WebSocket may come in so many fragments."""

DRAIN_SECONDS = 2.0
"""A client that is refused while it sends is heard out for so long, so that it reads the answer,"""
KEYLESS_DRAIN_BYTES = 1 << 20
"""and for so many bytes, or as many as the largest upload has if it has shown its key."""

# --- Wrong keys ---------------------------------------------------------------------------------

WRONG_KEYS_AT_ONCE = 10
"""So many wrong keys of one address are answered at once,"""
WRONG_KEYS_PER_SECOND = 1.0
"""and then so many in a second."""
WRONG_KEY_SECONDS = 5.0
"""The answer to a wrong key waits for no longer than this."""

# --- Log ----------------------------------------------------------------------------------------

LOG_PATH_CHARACTERS = 200
"""So much of a path is written to the log."""

LOG_MESSAGE_CHARACTERS = 2000
"""So long is a message in the log,"""
LOG_TRACE_CHARACTERS = 20_000
"""and so long a trace below it."""

LOG_LINES_AT_ONCE = 100
"""One place in the code may log so many lines at once,"""
LOG_LINES_PER_SECOND = 20.0
"""and then so many in a second; the others are counted, and their number is told."""
