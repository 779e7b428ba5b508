"""Serves the Wyoming protocol, over which Home Assistant speaks, on a TCP port beside HTTP."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from app.bounds import ACCEPTS_PER_TURN, IDLE_SECONDS, MAX_WYOMING_CONNECTIONS, WAITING_CONNECTIONS
from app.network.connection_table import ConnectionTable
from app.network.connections import ended
from app.network.gate import Door, Gate, Guest
from app.network.listeners import open_listeners
from app.network.peers import Peers
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


def listen(host: str, port: int) -> list[socket.socket]:
    """Bind a socket to each address of a host, as HTTP does; port 0 picks a free one.

    Raises:
        SettingsError: the address cannot be had.
    """
    try:
        listeners = open_listeners(host, port)
    except OSError as error:
        raise SettingsError(
            f"WYOMING_PORT: cannot listen on {host} port {port}: {error.strerror}"
        ) from error
    for each in listeners:
        # Connections take this over. Asyncio does it only for sockets that name their protocol,
        # which these do not; then the first sound waits 40 ms for the client to acknowledge its
        # header.
        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listeners


def listeners_of(settings: Settings) -> list[socket.socket]:
    """Bind the sockets that the settings ask for, which may be none.

    Call it before anything is started, so that an address that cannot be had stops the start.

    Raises:
        SettingsError: the address cannot be had.
    """
    if settings.wyoming_port is None:
        return []
    return listen(settings.wyoming_host, settings.wyoming_port)


@asynccontextmanager
async def serve(
    services: Services, listeners: Sequence[socket.socket], *, idle_seconds: float = IDLE_SECONDS
) -> AsyncIterator[None]:
    """Speak Wyoming while the block runs.

    At its end, texts that are complete are still spoken for `LEAVE_SECONDS`; then all connections
    are closed. Stop the cast before that.

    Args:
        listeners: sockets made by `listen`, which are closed at the end; none serve nobody.
        idle_seconds: how long a client may be quiet while no speech is sent to it.
    """
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
    servers = []
    for each in listeners:
        # asyncio takes so many connections at once as it lets wait.
        server = await loop.create_server(behind_gate, sock=each, backlog=ACCEPTS_PER_TURN)
        each.listen(WAITING_CONNECTIONS)
        servers.append(server)
        _say_where(each)
    try:
        yield
    finally:
        for server in servers:
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
