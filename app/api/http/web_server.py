"""How uvicorn is to serve the app."""

from __future__ import annotations

import socket

import uvicorn
from fastapi import FastAPI

from app.lifetime import Lifetime
from app.settings import Settings

FRAME_OVERHEAD_BYTES = 1 << 20


class WebServer(uvicorn.Server):
    """The same for the server that people run and for those that the tests run."""

    def __init__(self, app: FastAPI, settings: Settings) -> None:
        super().__init__(_config(app, settings))
        self.settings = settings
        self._lifetime: Lifetime = app.state.services.lifetime

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # The grace time begins for all at once: what running answers take of it is over for
        # the speakers too.
        self._lifetime.begin_stop()
        await super().shutdown(sockets)


def _config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=max(1, round(settings.shutdown_grace_seconds)),
        # A frame may bring a recording. What is larger is not even read; what is smaller and still
        # too large is refused in the client's own words.
        ws_max_size=settings.max_upload_bytes + FRAME_OVERHEAD_BYTES,
        ws_per_message_deflate=False,  # sound does not get smaller
        # Pings keep proxies from closing a quiet connection. Pongs are not waited for: a client
        # that plays as it hears reads them late, behind all the sound that waits before them.
        ws_ping_interval=20.0,
        ws_ping_timeout=None,
    )
