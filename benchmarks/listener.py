"""Asks for speech as a listener, plays it in thought, and notes when it would fall silent."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

import h11

from benchmarks.servers import SAMPLE_RATE_HZ, Server

WAV_HEADER_BYTES = 44
BYTES_PER_SECOND = 2 * SAMPLE_RATE_HZ
REALTIME_LEAD_SECONDS = 1.0
"""A real-time listener reads this far ahead of what it plays."""


@dataclass
class Hearing:
    """Notes what one listener got for one request. Times are seconds of the monotonic clock."""

    scheduled: float
    status: int = 0
    first_audio: float | None = None
    audio_seconds: float = 0.0
    largest_gap_seconds: float = 0.0
    complete: bool = False
    error: str | None = None
    server_timing: dict[str, float] = field(default_factory=dict)
    played_until: float = 0.0

    def hear(self, now: float, pcm_bytes: int) -> None:
        """Note that PCM came in at `now`; the player falls silent when nothing is left to play."""
        if self.first_audio is None:
            self.first_audio = self.played_until = now
        self.largest_gap_seconds = max(self.largest_gap_seconds, now - self.played_until)
        seconds = pcm_bytes / BYTES_PER_SECOND
        self.audio_seconds += seconds
        self.played_until = max(self.played_until, now) + seconds


async def listen(
    server: Server, script: str, *, scheduled: float, realtime: bool = False
) -> Hearing:
    """Send a request and listen to its end, or until cancelled (what was heard is then kept).

    Args:
        scheduled: when the request ought to be sent; waiting counts from then.
        realtime: read no faster than the audio plays, as a browser does.
    """
    hearing = Hearing(scheduled)
    await asyncio.sleep(max(0.0, scheduled - time.monotonic()))
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    except OSError as error:
        hearing.error = str(error)
        return hearing
    try:
        await _converse(server, script, hearing, reader, writer, realtime=realtime)
    except (h11.RemoteProtocolError, OSError) as error:
        hearing.error = str(error)
    except asyncio.CancelledError:
        hearing.error = "cut off"
    finally:
        writer.close()
    return hearing


async def _converse(
    server: Server,
    script: str,
    hearing: Hearing,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    *,
    realtime: bool,
) -> None:
    connection = h11.Connection(h11.CLIENT)
    body = server.body(script)
    headers: list[tuple[str, str]] = [
        ("Host", "127.0.0.1"),
        ("Content-Length", str(len(body))),
        ("Connection", "close"),
    ]
    headers += list(server.headers.items())
    request = h11.Request(method="POST", target=server.path, headers=headers)
    for part in (request, h11.Data(data=body), h11.EndOfMessage()):
        writer.write(connection.send(part) or b"")
    header_left = WAV_HEADER_BYTES
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            if realtime:
                ahead = hearing.played_until - time.monotonic() - REALTIME_LEAD_SECONDS
                await asyncio.sleep(max(0.0, ahead))
            connection.receive_data(await reader.read(65536))
        elif isinstance(event, h11.Response):
            hearing.status = event.status_code
            hearing.server_timing = _server_timing(dict(event.headers).get(b"server-timing", b""))
        elif isinstance(event, h11.Data) and hearing.status == 200:
            pcm_bytes = max(0, len(event.data) - header_left)
            header_left = max(0, header_left - len(event.data))
            if pcm_bytes:
                hearing.hear(time.monotonic(), pcm_bytes)
        elif isinstance(event, h11.EndOfMessage):
            hearing.complete = hearing.status == 200
            return


def _server_timing(value: bytes) -> dict[str, float]:
    """Return the seconds of each stage that a Server-Timing header names, in milliseconds."""
    found = {}
    for part in value.decode().split(","):
        name, _, milliseconds = part.strip().partition(";dur=")
        if milliseconds:
            found[name] = float(milliseconds) / 1000
    return found
