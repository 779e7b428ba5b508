"""Checks the API key, before a single byte of the body is read."""

from __future__ import annotations

import secrets

from fastapi import Depends
from fastapi.requests import HTTPConnection
from fastapi.security import APIKeyHeader, HTTPBearer

from app.api.http.dependencies import services_of
from app.errors import Unauthorized

KEY_HEADERS = ("api_key", "x-api-key", "xi-api-key")
"""The key may come in any of these headers, or as `Authorization: Bearer`.

There are several because proxies may drop a header whose name has an underscore."""


def check_key(connection: HTTPConnection, *, also: str | None = None) -> None:
    """Raise Unauthorized unless the request carries the key in one of the known headers.

    Args:
        also: a key that came another way, such as in a WebSocket frame.
    """
    settings = services_of(connection).settings
    if settings.auth_disabled or settings.api_key is None:
        return
    expected = settings.api_key.get_secret_value().encode()
    offered = [*_offered_keys(connection), *([also] if also else [])]
    if not offered:
        raise Unauthorized(
            "no API key: send it as API_KEY, X-API-Key, xi-api-key or Authorization: Bearer"
        )
    matches = [
        secrets.compare_digest(key.encode(errors="surrogatepass"), expected) for key in offered
    ]
    if not any(matches):
        raise Unauthorized("the API key is wrong")


def has_key(connection: HTTPConnection) -> bool:
    """Tell whether `check_key` would let a request pass."""
    try:
        check_key(connection)
    except Unauthorized:
        return False
    return True


def _offered_keys(connection: HTTPConnection) -> list[str]:
    keys = [value for name in KEY_HEADERS if (value := connection.headers.get(name))]
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        keys.append(token.strip())
    return keys


# These two check nothing: they make the docs page offer fields for the key.
documented_key = [
    Depends(APIKeyHeader(name="API_KEY", auto_error=False)),
    Depends(HTTPBearer(auto_error=False)),
]
