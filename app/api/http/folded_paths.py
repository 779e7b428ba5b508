"""Folds the slashes of paths, of which base URLs easily bring one too many."""

from __future__ import annotations

import re

from starlette.types import ASGIApp, Receive, Scope, Send

_SLASHES = re.compile("//+")


class FoldedPaths:
    """Makes `//v1//audio/speech/` the path `/v1/audio/speech`, for all behind it.

    A redirect would look to curl like a success with no audio, and clients do not follow one on a
    POST.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            scope["path"] = _SLASHES.sub("/", scope["path"]).rstrip("/") or "/"
        await self._app(scope, receive, send)
