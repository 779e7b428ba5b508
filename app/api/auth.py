"""The API key: checked before a single byte of the body is read."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from fastapi.security import APIKeyHeader, HTTPBearer

from app.api.dependencies import services
from app.errors import Unauthorized

KEY_HEADERS = ("api_key", "x-api-key", "xi-api-key")
"""Besides `Authorization: Bearer`. Proxies may drop a header whose name has an underscore."""


class KeyedRoute(APIRoute):
    """A route that needs the key.

    FastAPI reads the body before it solves dependencies, so that a check in a dependency would let
    a stranger upload whole files first.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_with_key(request: Request) -> Response:
            check_key(request)
            return await handle(request)

        return handle_with_key


def check_key(request: Request) -> None:
    """Raise Unauthorized unless the request carries the key in one of the known headers."""
    settings = services(request).settings
    if settings.auth_disabled or settings.api_key is None:
        return
    expected = settings.api_key.get_secret_value().encode()
    offered = _offered_keys(request)
    if not offered:
        raise Unauthorized(
            "no API key: send it as API_KEY, X-API-Key, xi-api-key or Authorization: Bearer"
        )
    matches = [secrets.compare_digest(key.encode(), expected) for key in offered]
    if not any(matches):
        raise Unauthorized("the API key is wrong")


def _offered_keys(request: Request) -> list[str]:
    keys = [value for name in KEY_HEADERS if (value := request.headers.get(name))]
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        keys.append(token.strip())
    return keys


# Only so that the docs page offers the two ways to enter the key.
documented_key = [
    Depends(APIKeyHeader(name="API_KEY", auto_error=False)),
    Depends(HTTPBearer(auto_error=False)),
]
