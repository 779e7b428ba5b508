"""Takes a browser's session from its cookie, if it is our own page that sends it."""

from __future__ import annotations

from http.cookies import Morsel, SimpleCookie

from fastapi import Request, Response
from fastapi.requests import HTTPConnection

from app.api.http.addresses import base_url
from app.callers.sessions import SESSION_SECONDS
from app.settings import Settings

COOKIE = "pocket_speech_session"
PAGE_HEADER = "x-studio"
"""Our page sends it with whatever changes something. Another site's page cannot: browsers ask this
server first whether it may, and it says no."""

_SAFE_METHODS = ("GET", "HEAD")


def session_of(connection: HTTPConnection) -> str | None:
    """Return the session that came with a request of our own page; None if there is none.

    Cookies come along with requests that other pages make, also those of other servers on this
    host, which are of the same site.
    """
    session = connection.cookies.get(COOKIE)
    if not session or connection.scope["type"] != "http":
        return None
    fetched_from = connection.headers.get("sec-fetch-site")
    if connection.scope["method"] in _SAFE_METHODS:
        # Browsers send the header over https and to this machine only; what is asked for by hand,
        # such as a link that was pasted, has "none".
        return session if fetched_from in ("same-origin", "none", None) else None
    ours = fetched_from in ("same-origin", None) and PAGE_HEADER in connection.headers
    return session if ours else None


def keep_session(request: Request, response: Response, settings: Settings, session: str) -> None:
    """Have the browser keep a session, where no script and no other site's page gets at it."""
    _set(request, response, settings, session, SESSION_SECONDS)


def end_session(request: Request, response: Response, settings: Settings) -> None:
    """Have the browser forget its session."""
    _set(request, response, settings, "", 0)


def _set(
    request: Request, response: Response, settings: Settings, value: str, max_age_seconds: int
) -> None:
    jar: SimpleCookie = SimpleCookie({COOKIE: value})
    cookie: Morsel[str] = jar[COOKIE]
    cookie.update({"path": "/", "max-age": str(max_age_seconds), "samesite": "Strict"})
    cookie["httponly"] = True
    cookie["secure"] = base_url(request, settings).startswith("https:")
    response.headers.append("set-cookie", cookie.OutputString())
