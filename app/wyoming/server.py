"""Serves the Wyoming protocol, over which Home Assistant speaks, on a TCP port beside HTTP."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.bounds import IDLE_SECONDS, MAX_WYOMING_CONNECTIONS
from app.connection_table import ConnectionTable
from app.connections import ended
from app.gate import Door, Gate, Guest
from app.listeners import takes_ipv4
from app.peers import Peers
from app.services import Services
from app.settings import Settings, SettingsError
from app.wording.support import support_of
from app.wyoming.info import Introduction
from app.wyoming.talk import (
    SynthesizeBody,
    SynthesizeChunkBody,
    SynthesizeStartBody,
    Talk,
    TalkLimits,
)

logger = logging.getLogger(__name__)

TITLE = "Wyoming (Home Assistant)"
SUPPORT = (
    *support_of("synthesize", SynthesizeBody),
    *support_of("synthesize-start", SynthesizeStartBody),
    *support_of("synthesize-chunk", SynthesizeChunkBody),
)

LEAVE_SECONDS = 2.0


def listen(host: str, port: int) -> socket.socket:
    """Open a socket that accepts connections at an address; port 0 picks a free one.

    Raises:
        SettingsError: the address cannot be had.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server(
            (host, port), family=family, dualstack_ipv6=takes_ipv4(host)
        )
    except OSError as error:
        # The part in brackets repeats the address.
        reason = str(error.strerror).partition(" (")[0]
        raise SettingsError(
            f"WYOMING_PORT: cannot listen on {host} port {port}: {reason}"
        ) from error
    # Connections take this over. Asyncio does it only for sockets that name their protocol, which
    # these do not; then the first sound waits 40 ms for the client to acknowledge its header.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def listener_of(settings: Settings) -> socket.socket | None:
    """Open the socket that the settings ask for; None if they ask for none.

    Call it before anything is started, so that an address that cannot be had stops the start.

    Raises:
        SettingsError: the address cannot be had.
    """
    if settings.wyoming_port is None:
        return None
    return listen(settings.wyoming_host, settings.wyoming_port)


@asynccontextmanager
async def serve(
    services: Services, listener: socket.socket | None, *, idle_seconds: float = IDLE_SECONDS
) -> AsyncIterator[None]:
    """Speak Wyoming while the block runs.

    At its end, texts that are complete are still spoken for `LEAVE_SECONDS`; then all connections
    are closed. Stop the cast before that.

    Args:
        listener: a socket made by `listen`; it is closed at the end. None serves nobody.
        idle_seconds: how long a client may be quiet while no speech is sent to it.
    """
    if listener is None:
        yield
        return
    introduction = Introduction(services)
    talks: dict[asyncio.Task[None], Talk] = {}
    limits = TalkLimits(services.settings.max_script_bytes, idle_seconds)

    table = ConnectionTable(
        max_total=MAX_WYOMING_CONNECTIONS,
        max_per_address=services.settings.max_connections_per_address,
        peers=Peers(services.settings.trusted_proxies),
    )

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = Talk(services, introduction, reader, writer, limits)
        task = asyncio.create_task(talk.run())
        talks[task] = talk
        task.add_done_callback(talks.pop)

    def behind_gate() -> asyncio.BufferedProtocol:
        reader = asyncio.StreamReader(limit=limits.event_bytes)
        return Gate(_Stream(reader, connected), table, idle_seconds=idle_seconds)

    loop = asyncio.get_running_loop()
    server = await loop.create_server(behind_gate, sock=listener)
    _say_where(listener)
    try:
        yield
    finally:
        server.close()
        await _leave(talks)


class _Stream(Guest, asyncio.StreamReaderProtocol):
    """Makes two streams of a connection; the talk itself ends what is idle."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, Door)
        transport.busy()
        super().connection_made(transport)


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
