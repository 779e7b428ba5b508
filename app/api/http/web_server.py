"""Configures uvicorn to serve the app."""

from __future__ import annotations

import socket

import uvicorn
from fastapi import FastAPI

from app.api.http.protocols import SocketProtocol, behind_gates
from app.bounds import ACCEPTS_PER_TURN, WAITING_CONNECTIONS
from app.lifetime import Lifetime
from app.network.connection_table import ConnectionTable
from app.network.peers import Peers
from app.settings import Settings

FRAME_OVERHEAD_BYTES = 1 << 20
_LAST_WORDS_SECONDS = 1


class WebServer(uvicorn.Server):
    """Serves the app with uvicorn, alike for users and for tests."""

    def __init__(self, app: FastAPI, settings: Settings) -> None:
        super().__init__(_config(app, settings))
        self.settings = settings
        self._lifetime: Lifetime = app.state.services.lifetime

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or []:
            listener.listen(WAITING_CONNECTIONS)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Running answers and the models share one grace time, so it begins here, for both.
        self._lifetime.begin_stop()
        # uvicorn would close all WebSockets first, and answer nobody who asks whether it is ready.
        all_ended = await self._lifetime.drained()
        self.config.timeout_graceful_shutdown = _LAST_WORDS_SECONDS if all_ended else 0
        await super().shutdown(sockets)


def _config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    table = ConnectionTable(
        max_total=settings.max_connections,
        max_per_address=settings.max_connections_per_address,
        peers=Peers(settings.trusted_proxies),
    )
    idle_seconds = settings.connection_idle_seconds
    return uvicorn.Config(
        app,
        http=behind_gates(table, idle_seconds=idle_seconds),  # type: ignore[arg-type]
        ws=SocketProtocol,
        # asyncio takes so many connections at once as it lets wait; see `startup`.
        backlog=ACCEPTS_PER_TURN,
        host=settings.host,
        port=settings.port,
        ssl_certfile=settings.ssl_certfile,
        ssl_keyfile=settings.ssl_keyfile,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        # A frame may bring a recording. uvicorn breaks off anything larger than this; what is only
        # a little too large gets through to us, and is refused with a proper message.
        ws_max_size=settings.max_upload_bytes + FRAME_OVERHEAD_BYTES,
        ws_per_message_deflate=False,  # encoded audio cannot be compressed further
        # Pings keep proxies from closing a quiet connection. There is no limit on the wait for
        # pongs: a client that plays live reads a ping late, behind all the audio sent before it.
        ws_ping_interval=20.0,
        ws_ping_timeout=None,
    )
