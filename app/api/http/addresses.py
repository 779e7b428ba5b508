"""Finds the address at which a client reached this server, to build URLs for the client."""

from __future__ import annotations

import ipaddress
import re

from fastapi import Request

from app.settings import Settings

_FORWARDED_HOST = re.compile(r"[A-Za-z0-9.\-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")


def base_url(request: Request, settings: Settings) -> str:
    """Return the URL at which the client reached this server, without a slash at the end.

    PUBLIC_BASE_URL wins; X-Forwarded-* headers count only if a trusted proxy sent them.
    """
    if settings.public_base_url is not None:
        return settings.public_base_url
    scheme, host = request.url.scheme, request.url.netloc
    if _from_trusted_proxy(request, settings):
        forwarded_scheme = _last_hop(request, "x-forwarded-proto").lower()
        forwarded_host = _last_hop(request, "x-forwarded-host")
        scheme = forwarded_scheme if forwarded_scheme in ("http", "https") else scheme
        host = forwarded_host if _FORWARDED_HOST.fullmatch(forwarded_host) else host
    return f"{scheme}://{host}"


def _from_trusted_proxy(request: Request, settings: Settings) -> bool:
    if "*" in settings.trusted_proxies:
        return True
    if request.client is None:
        return False
    try:
        peer = ipaddress.ip_address(request.client.host)
    except ValueError:  # a Unix socket has no address
        return False
    return any(
        peer in ipaddress.ip_network(entry, strict=False) for entry in settings.trusted_proxies
    )


def _last_hop(request: Request, header: str) -> str:
    return request.headers.get(header, "").split(",")[-1].strip()
