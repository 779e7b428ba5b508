"""The Wyoming protocol, over which Home Assistant speaks: a TCP server beside HTTP."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.connections import IDLE_SECONDS, ended
from app.listeners import takes_ipv4
from app.services import Services
from app.settings import Settings, SettingsError
from app.wording.support import support_of
from app.wyoming.info import Introduction
from app.wyoming.talk import (
    Limits,
    SynthesizeBody,
    SynthesizeChunkBody,
    SynthesizeStartBody,
    Talk,
)

logger = logging.getLogger(__name__)

NAME = "wyoming"
TITLE = "Wyoming (Home Assistant)"
SUPPORT = (
    *support_of("synthesize", SynthesizeBody),
    *support_of("synthesize-start", SynthesizeStartBody),
    *support_of("synthesize-chunk", SynthesizeChunkBody),
)

LEAVE_SECONDS = 2.0


def listen(host: str, port: int) -> socket.socket:
    """A socket that accepts connections at an address; port 0 picks a free one.

    Raises:
        SettingsError: one line.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, dualstack_ipv6=takes_ipv4(host))
    except OSError as error:
        # What follows in brackets repeats the address.
        reason = str(error.strerror).partition(" (")[0]
        raise SettingsError(
            f"WYOMING_PORT: cannot listen on {host} port {port}: {reason}"
        ) from error


def listener_of(settings: Settings) -> socket.socket | None:
    """The socket that the settings ask for, or None.

    To be called before anything has begun, so that an address that cannot be had stops the start.

    Raises:
        SettingsError: one line.
    """
    if settings.wyoming_port is None:
        return None
    return listen(settings.wyoming_host, settings.wyoming_port)


@asynccontextmanager
async def serve(
    services: Services, listener: socket.socket | None, *, idle_seconds: float = IDLE_SECONDS
) -> AsyncIterator[None]:
    """Speak Wyoming while the block runs.

    At the end what is completely written is still spoken, for a moment; then all clients are
    left. Stop the cast before that.

    Args:
        listener: of `listen`; it is closed at the end. None serves nobody.
        idle_seconds: how long a client may be quiet that has nothing to listen to.
    """
    if listener is None:
        yield
        return
    introduction = Introduction(services)
    talks: dict[asyncio.Task[None], Talk] = {}
    limits = Limits(services.settings.max_script_bytes, idle_seconds)

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = Talk(services, introduction, reader, writer, limits)
        task = asyncio.create_task(talk.run())
        talks[task] = talk
        task.add_done_callback(talks.pop)

    server = await asyncio.start_server(connected, sock=listener, limit=limits.event_bytes)
    _say_where(listener)
    try:
        yield
    finally:
        server.close()
        await _leave(talks)


async def _leave(talks: dict[asyncio.Task[None], Talk]) -> None:
    tasks = list(talks)
    settled = [asyncio.create_task(talk.owes_nothing.wait()) for talk in talks.values()]
    if settled:
        await asyncio.wait(settled, timeout=LEAVE_SECONDS)
    await ended(*settled, *tasks)


def _say_where(listener: socket.socket) -> None:
    host, port = listener.getsockname()[:2]
    logger.info("Home Assistant (Wyoming) is served at %s port %d", host, port)
    if not host.startswith("127.") and host != "::1":
        logger.warning("Wyoming has no key: whoever reaches %s port %d can speak", host, port)
