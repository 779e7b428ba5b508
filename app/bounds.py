"""Says what each client and each kind of work may use. What an operator can change is a setting.

The numbers stand here alone, each with its unit; what enforces one imports it.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import NamedTuple

# --- Work ---------------------------------------------------------------------------------------


class PoolBounds(NamedTuple):
    """Bounds the threads of one kind of work, and the work that may wait for one of them."""

    threads: int
    max_waiting: int


POOLS = MappingProxyType(
    {
        "bodies": PoolBounds(threads=2, max_waiting=64),
        "reading": PoolBounds(threads=2, max_waiting=256),
        "decoding": PoolBounds(threads=2, max_waiting=64),
        "encoding": PoolBounds(threads=1, max_waiting=64),
        "loading": PoolBounds(threads=2, max_waiting=256),
        "fetching": PoolBounds(threads=8, max_waiting=32),
        "finishing": PoolBounds(threads=2, max_waiting=64),
        "files": PoolBounds(threads=4, max_waiting=1024),
    }
)
"""The kinds are described in `app/work.py`. Reading, parsing and encoding keep a core busy, so two
threads are enough to let a short piece pass a long one; fetching mostly waits."""

BUSY_RETRY_SECONDS = 5.0
"""A caller whose work does not even find a place to wait is told to come back after this."""


class DecoderLimits(NamedTuple):
    """Limits an FFmpeg that reads a recording somebody sent."""

    wall_seconds: float
    cpu_seconds: int
    memory_bytes: int
    """Counts addresses, of which a program has several times as many as memory."""
    file_bytes: int
    """It writes into pipes only, which do not count."""


DECODER = DecoderLimits(wall_seconds=20.0, cpu_seconds=15, memory_bytes=1 << 30, file_bytes=0)

FETCH_SECONDS = 20.0
"""Fetching a recording from an address may take this long, redirects included."""

HOST_LOOKUPS = 16
"""So many names of hosts are looked up at once; no system lets a slow look-up be interrupted."""

BODIES_MB = 256.0
"""All requests that are being answered may hold bodies of so many megabytes together, unless the
operator sets MAX_BODIES_MB: what is sent beyond that is refused with 429. One that is a form keeps
its files on the disk until they are read; one that is JSON takes about three times its size."""

LONG_BODY_BYTES = 1 << 16
"""A longer body is parsed on a thread."""

JSON_VALUES = 10_000
"""A JSON body may have so many values; see `Settings.max_json_values`."""

READING_TURN_SECONDS = 0.01
"""A script is read for this long, or for one step more, before the next one has its turn."""

SCRIPTS_IN_READING = 64
"""So many scripts are read at once of which nothing is spoken yet. The engine's queue bounds only
those that have been read so far."""

CHUNKS_AHEAD = 64
"""A script is read so many chunks ahead of what its listener hears: more than the engine speaks at
once (`MAX_RUNNING_ROWS` at most), and than it makes before the listener has heard it."""

SPEECH_SECONDS = 3600.0
"""One request may be spoken for so long, unless the operator sets MAX_SPEECH_SECONDS."""

SPEECH_OVERRUN = 2.0
"""Speech is broken off when it lasts this many times as long as allowed. It is estimated before,
at a pace that no honest text keeps up with (app/text/length.py)."""

SPOOL_BYTES = 8_000_000
"""Complete speech is in memory up to this size, and in a temporary file beyond."""

ENCODER_CPU_SECONDS = 900
"""FFmpeg may take so long to encode a complete clip; an hour of speech takes about a minute."""

UNSPOOLED_SECONDS = 10.0
"""So much sound of complete speech waits in memory before it is written into its file."""
