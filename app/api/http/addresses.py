"""Finds the address at which a client reached this server, to build URLs for the client."""

from __future__ import annotations

import re

from fastapi import Request
from fastapi.requests import HTTPConnection

from app.network.peers import Peers
from app.settings import Settings

_FORWARDED_HOST = re.compile(r"[A-Za-z0-9.\-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")


def base_url(request: Request, settings: Settings) -> str:
    """Return the URL at which the client reached this server, without a slash at the end.

    PUBLIC_BASE_URL wins; X-Forwarded-* headers count only if a trusted proxy sent them.
    """
    if settings.public_base_url is not None:
        return settings.public_base_url
    scheme, host = request.url.scheme, host_of(request, settings)
    if _from_trusted_proxy(request, settings):
        forwarded_scheme = _last_hop(request, "x-forwarded-proto").lower()
        scheme = forwarded_scheme if forwarded_scheme in ("http", "https") else scheme
    return f"{scheme}://{host}"


def host_of(connection: HTTPConnection, settings: Settings) -> str:
    """Return the host that the client asked for, with its port where it named one."""
    if _from_trusted_proxy(connection, settings):
        forwarded_host = _last_hop(connection, "x-forwarded-host")
        if _FORWARDED_HOST.fullmatch(forwarded_host):
            return forwarded_host
    return connection.url.netloc


def _from_trusted_proxy(connection: HTTPConnection, settings: Settings) -> bool:
    peer = connection.client.host if connection.client else None
    return Peers(settings.trusted_proxies).trusts(peer)


def _last_hop(request: HTTPConnection, header: str) -> str:
    return request.headers.get(header, "").split(",")[-1].strip()
