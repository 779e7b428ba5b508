"""Puts several contexts on one WebSocket: each is text that comes in and speech that goes out."""

from __future__ import annotations

from functools import partial

from fastapi import WebSocket

from app.api.http.access import caller_of
from app.api.http.dependencies import services_of
from app.api.http.sockets import Socket
from app.network.connections import QuietTooLong
from app.speaking.contexts import Contexts, W


def contexts_on(websocket: WebSocket, socket: Socket) -> Contexts[W]:
    """Make the contexts of a client that was admitted; each counts as a stream of its key."""
    services = services_of(websocket)
    streaming = partial(services.allowances.streaming, caller_of(websocket))
    return Contexts(services.ffmpeg, services.lifetime, socket.send, streaming)


async def next_frame(socket: Socket, contexts: Contexts[W]) -> str | bytes | None:
    """Wait for the client's next frame.

    Returns:
        None where nothing came for long and no context is open: agents keep a socket for what they
        may say next. Contexts know themselves when they are still for too long.

    Raises:
        ClientLeft, TooLarge, ModelUnavailable: as `Socket.receive`.
    """
    while True:
        try:
            return await socket.receive()
        except QuietTooLong:
            if not len(contexts):
                return None
            socket.stir()
