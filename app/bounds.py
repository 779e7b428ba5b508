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
        "decoding": PoolBounds(threads=3, max_waiting=64),
        "encoding": PoolBounds(threads=1, max_waiting=64),
        "loading": PoolBounds(threads=2, max_waiting=256),
        "fetching": PoolBounds(threads=8, max_waiting=32),
        "finishing": PoolBounds(threads=2, max_waiting=64),
        "documents": PoolBounds(threads=2, max_waiting=16),
        "jobs": PoolBounds(threads=6, max_waiting=1024),
        "leasing": PoolBounds(threads=1, max_waiting=16),
        "mastering": PoolBounds(threads=1, max_waiting=64),
        "saving": PoolBounds(threads=8, max_waiting=1024),
        "files": PoolBounds(threads=4, max_waiting=1024),
    }
)
"""The kinds are described in `app/work.py`. Reading, parsing and encoding keep a core busy, so two
threads are enough to let a short piece pass a long one; fetching mostly waits. Decoding is done by
processes; a recording of ten minutes takes two hundred megabytes for a moment."""

BUSY_RETRY_SECONDS = 5.0
"""A caller whose work does not even find a place to wait is told to come back after this."""


class ChildLimits(NamedTuple):
    """Limits a child process that reads a file somebody sent."""

    wall_seconds: float
    cpu_seconds: int
    memory_bytes: int
    """Counts addresses, of which a program has several times as many as memory."""
    file_bytes: int
    """It writes into pipes only, which do not count."""


DECODER = ChildLimits(wall_seconds=30.0, cpu_seconds=10, memory_bytes=1 << 30, file_bytes=0)
"""FFmpeg reads a recording within these,"""
PARSER = ChildLimits(wall_seconds=60.0, cpu_seconds=30, memory_bytes=1 << 30, file_bytes=0)
"""and a parser a document."""

DOCUMENT_CHARACTERS = 5_000_000
"""A document may have so many characters that are read; "War and Peace" has 3.2 million."""
DOCUMENT_CHAPTERS = 1000
"""A document may have so many chapters,"""
DOCUMENT_PARAGRAPHS = 200_000
"""so many headings and paragraphs,"""
DOCUMENT_PAGES = 5000
"""and as a PDF so many pages."""
DOCUMENT_LINE_CHARACTERS = 200
"""A title, an author or a heading is cut to this length."""

SUBTITLE_SECONDS = 12 * 3600.0
"""Subtitles may go on for so long: what is silent in between is sound that has to be made."""

ARCHIVE_FILES = 10_000
"""A document that is an archive, an EPUB or a DOCX, may hold so many files"""
ARCHIVE_BYTES = 250_000_000
"""of so many bytes together once unpacked, which is ten times the largest upload,"""
ARCHIVE_TEXT_BYTES = 20_000_000
"""and so many bytes in a file that is text."""
COVER_BYTES = 5_000_000
"""A larger picture is no cover."""

DICTIONARY_BYTES = 2_000_000
"""A file of pronunciations may have so many bytes, and so may what is imported. The number of
pronunciations is bounded beside where they are found (app/lexicon.py)."""

DICTIONARIES = 100
"""So many dictionaries of pronunciations are kept beside the operator's own,"""
DICTIONARIES_BYTES = 20_000_000
"""of so many bytes together,"""
DICTIONARY_VERSIONS = 10
"""and of each so many versions, or as many as have room in a file."""

FETCH_SECONDS = 20.0
"""Fetching a recording from an address may take this long, redirects included."""

HOST_LOOKUPS = 16
"""So many names of hosts are looked up at once; no system lets a slow look-up be interrupted."""

BODIES_MB = 150.0
"""All requests that are being answered may hold bodies of so many megabytes together, unless the
operator sets MAX_BODIES_MB: what is sent beyond that is refused with 429. One that is a form keeps
its files on the disk until they are read; one that is JSON takes about three times its size."""

LONG_BODY_BYTES = 1 << 16
"""A longer body is parsed on a thread."""

JSON_VALUES = 10_000
"""A JSON body may have so many values; see `Settings.max_json_values`."""


def json_values(text: bytes) -> int:
    """Count the commas, lists and objects of a JSON text, those in its texts included."""
    return sum(map(text.count, (b",", b"[", b"{")))


READING_TURN_SECONDS = 0.01
"""A script is read for this long, or for one step more, before the next one has its turn."""

SCRIPTS_IN_READING = 16
"""So many scripts are read at once of which nothing is spoken yet; others wait for their turn. The
engine's queue bounds only those that have been read so far."""

CHUNKS_AHEAD = 64
"""A script is read so many chunks ahead of what its listener hears: more than the engine speaks at
once (`MAX_RUNNING_ROWS` at most), and than it makes before the listener has heard it."""

CALIBRATION_WAIT_SECONDS = 10.0
"""A request for word times waits so long for an engine that has to find out how, which it does once
for a model, by speaking a few sentences."""

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

LOOP_SHARE = 0.1
"""All connections of one address may use this share of the event loop's time for parsing."""

LOOP_BURST_SECONDS = 0.02
"""They may use so much of it at once before they rest."""

REQUEST_SECONDS = 0.0005
"""Beside what is measured, a request over HTTP is counted with so much of the event loop's time,"""
HEAD_BYTE_SECONDS = 5e-7
"""with so much for each byte of its head, since a query is taken apart before a key is seen,"""
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

MAX_CONTEXTS = 16
"""So many texts may be spoken or written at once on one WebSocket; ElevenLabs allows five."""

CONTEXTLESS_SECONDS = 300.0
"""Agents keep a WebSocket for what they may say next; without any context it is kept so long."""

UNSENT_UNITS = 4
"""So many frames wait for a WebSocket to take them, before those who speak on it wait."""

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
LOG_FIELD_CHARACTERS = 300
"""so long is what stands beside it by name,"""
LOG_TRACE_CHARACTERS = 20_000
"""and so long a trace below it."""

LOG_LINES_AT_ONCE = 200
"""One place in the code may log so many lines at once,"""
LOG_LINES_PER_SECOND = 50.0
"""and then so many in a second; the others are counted, and their number is told."""
