"""Checks the API key, before a single byte of the body is read."""

from __future__ import annotations

import asyncio
import secrets

from fastapi import Depends
from fastapi.requests import HTTPConnection
from fastapi.security import APIKeyHeader, HTTPBearer

from app.api.http.dependencies import services_of
from app.errors import Unauthorized, WrongKey
from app.settings import Settings

KEY_HEADERS = ("api_key", "x-api-key", "xi-api-key")
"""The key may come in any of these headers, or as `Authorization: Bearer`.

There are several because proxies may drop a header whose name has an underscore."""


ON_KEY_SEEN = "on_key_seen"
"""Under this name the web server keeps in a request's state what to call once a key was seen."""


def check_key(connection: HTTPConnection, *, also: str | None = None) -> None:
    """Raise Unauthorized unless the request carries the key in one of the known headers.

    Args:
        also: a key that came another way, such as in a WebSocket frame.

    Raises:
        WrongKey: there is a key, and it is wrong; call `time_to_tell` before you say so.
        Unauthorized: there is none.
    """
    services = services_of(connection)
    if not _fits(connection, services.settings, also):
        host = connection.client.host if connection.client else None
        forwarded_for = connection.headers.get("x-forwarded-for", "")
        raise WrongKey(tell_after_seconds=services.wrong_keys.count(host, forwarded_for))
    # An app that no web server serves has no connection to tell.
    if on_key_seen := connection.scope.get("state", {}).get(ON_KEY_SEEN):
        on_key_seen()


def _fits(connection: HTTPConnection, settings: Settings, also: str | None) -> bool:
    if settings.auth_disabled or settings.api_key is None:
        return True
    expected = settings.api_key.get_secret_value().encode()
    offered = [*_offered_keys(connection), *([also] if also else [])]
    if not offered:
        raise Unauthorized(
            "no API key: send it as API_KEY, X-API-Key, xi-api-key or Authorization: Bearer"
        )
    matches = [
        secrets.compare_digest(key.encode(errors="surrogatepass"), expected) for key in offered
    ]
    return any(matches)


def has_key(connection: HTTPConnection) -> bool:
    """Tell whether a request carries the key.

    Raises:
        WrongKey: it carries another one.
    """
    try:
        check_key(connection)
    except WrongKey:
        raise
    except Unauthorized:
        return False
    return True


async def time_to_tell(error: Exception) -> None:
    """Wait until an error may be told: at once, unless it is about one of many wrong keys."""
    if isinstance(error, WrongKey):
        await asyncio.sleep(error.tell_after_seconds)


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
