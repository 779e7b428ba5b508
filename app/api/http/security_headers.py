"""Tells browsers not to guess, frame, or pass on what this server sends."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders

SECURITY_HEADERS = (
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("x-frame-options", "DENY"),
    # A browser shows audio on a page of its own, with a player and its style.
    (
        "content-security-policy",
        "default-src 'none'; media-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    ),
)
"""Every answer has these, unless it has one of them of its own, as the page at /docs has."""


def add_security_headers(headers: MutableHeaders) -> None:
    """Add to an answer what it lacks of `SECURITY_HEADERS`."""
    for name, value in SECURITY_HEADERS:
        headers.setdefault(name, value)
