"""Finds the address at which a client reached this server, to build URLs for the client."""

from __future__ import annotations

import re

from fastapi import Request

from app.peers import Peers
from app.settings import Settings

_FORWARDED_HOST = re.compile(r"[A-Za-z0-9.\-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")


def base_url(request: Request, settings: Settings) -> str:
    """Return the URL at which the client reached this server, without a slash at the end.

    PUBLIC_BASE_URL wins; X-Forwarded-* headers count only if a trusted proxy sent them.
    """
    if settings.public_base_url is not None:
        return settings.public_base_url
    scheme, host = request.url.scheme, request.url.netloc
    peer = request.client.host if request.client else None
    if Peers(settings.trusted_proxies).trusts(peer):
        forwarded_scheme = _last_hop(request, "x-forwarded-proto").lower()
        forwarded_host = _last_hop(request, "x-forwarded-host")
        scheme = forwarded_scheme if forwarded_scheme in ("http", "https") else scheme
        host = forwarded_host if _FORWARDED_HOST.fullmatch(forwarded_host) else host
    return f"{scheme}://{host}"


def _last_hop(request: Request, header: str) -> str:
    return request.headers.get(header, "").split(",")[-1].strip()
