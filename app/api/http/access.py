"""Admits callers by their key, before a single byte of the body is read."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from fastapi import Depends
from fastapi.requests import HTTPConnection
from fastapi.security import APIKeyHeader, HTTPBearer

from app.api.http.dependencies import services_of
from app.api.http.session_cookie import session_of
from app.callers.caller import ANYBODY, Caller, Scope
from app.callers.tokens import TOKEN_PREFIX
from app.errors import Forbidden, Unauthorized, WrongKey
from app.request_record import current_record

KEY_HEADERS = ("api_key", "api-key", "x-api-key", "xi-api-key")
"""The key may come in any of these headers, or as `Authorization: Bearer`.

There are several because proxies may drop a header whose name has an underscore."""


ON_KEY_SEEN = "on_key_seen"
"""Under this name the web server keeps in a request's state what to call once a key was seen."""


def admit(
    connection: HTTPConnection, scope: Scope | None = "speech", *, also: str | None = None
) -> Caller:
    """Find out who calls, by the key or token in one of the known headers, and remember it.

    A token may also stand in the query; a key may not, since addresses are logged. A browser's
    session counts where neither is sent.

    Args:
        scope: what the caller wants to do; None for what every caller may.
        also: a key that came another way, such as in a WebSocket frame.

    Raises:
        Unauthorized: there is no key.
        WrongKey: there is one that nobody has; wait for `time_to_tell` before you say so.
        Forbidden: the key is not for that.
    """
    offered = [*_offered_keys(connection), *([also] if also else [])]
    services = services_of(connection)
    in_query = connection.query_params.get("token", "")
    tokens = [key for key in (*offered, in_query) if key.startswith(TOKEN_PREFIX)]
    try:
        if tokens and services.keyring.asks_for_keys:
            caller = services.tokens.caller(tokens[0])
        elif not offered and services.keyring.asks_for_keys and (session := session_of(connection)):
            caller = services.sessions.caller(session)
        else:
            caller = services.keyring.caller(offered)
    except WrongKey as error:
        error.tell_after_seconds = services.wrong_keys.count(_address(connection))
        raise
    if caller is ANYBODY:
        caller = replace(ANYBODY, address=_address(connection))
    # An app that no web server serves has no connection to tell.
    if on_key_seen := connection.scope.get("state", {}).get(ON_KEY_SEEN):
        on_key_seen()
    current_record().caller = caller
    if scope is not None and not caller.may(scope):
        raise Forbidden(
            f"this key is for {', '.join(sorted(caller.scopes)) or 'nothing'}; this call needs "
            f"one for {scope}"
        )
    connection.scope.setdefault("state", {})["caller"] = caller
    return caller


def admit_to_list(connection: HTTPConnection) -> Caller:
    """Let in who wants a list that everybody may see, where PUBLIC_LISTS says so.

    Raises:
        Unauthorized, WrongKey: as `admit`, where lists are not public, or a key was sent.
    """
    if not is_public(connection):
        return admit(connection, None)
    caller = replace(ANYBODY, address=_address(connection), scopes=frozenset())
    connection.scope.setdefault("state", {})["caller"] = caller
    current_record().caller = caller
    return caller


def is_public(connection: HTTPConnection) -> bool:
    """Tell whether a list is for somebody who shows no key, where that is allowed."""
    services = services_of(connection)
    keyless = not has_key(connection) and "token" not in connection.query_params
    return services.settings.public_lists and services.keyring.asks_for_keys and keyless


def caller_of(connection: HTTPConnection) -> Caller:
    """Return the caller whom `admit` let in."""
    caller: Caller = connection.scope["state"]["caller"]
    return caller


def has_key(connection: HTTPConnection) -> bool:
    """Tell whether a request brings a key, whether that is known or not."""
    return bool(_offered_keys(connection))


def is_known_by_head(connection: HTTPConnection) -> bool:
    """Tell whether the head of a request says who calls, or nobody has to say so."""
    with_key = has_key(connection) or "token" in connection.query_params
    return with_key or not services_of(connection).keyring.asks_for_keys


def is_caller(connection: HTTPConnection) -> bool:
    """Tell whether a request has a key that is known.

    Raises:
        WrongKey: it has one that nobody has.
    """
    try:
        admit(connection, None)
    except WrongKey:
        raise
    except Unauthorized:
        return False
    return True


async def time_to_tell(error: Exception) -> None:
    """Wait until an error may be told: at once, unless it is about one of many wrong keys."""
    if isinstance(error, WrongKey):
        await asyncio.sleep(error.tell_after_seconds)


def _address(connection: HTTPConnection) -> str:
    """Return where a request came from; nothing if that cannot be told."""
    host = connection.client.host if connection.client else None
    forwarded_for = connection.headers.get("x-forwarded-for", "")
    return services_of(connection).peers.client(host, forwarded_for) or ""


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
