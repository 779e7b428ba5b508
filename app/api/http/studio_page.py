"""Serves the studio, a page for people, from the files in app/studio."""

from __future__ import annotations

import secrets
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.staticfiles import StaticFiles
from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Match, Route
from starlette.types import Scope

STUDIO_PATH = "/studio"
FILES = Path(__file__).parent.parent.parent / "studio"

NONCE = "style-nonce"
"""It stands in the page for a word that only this answer has."""

# A session's cookie goes along with what the page asks for, so no foreign script may run on it.
_POLICY = (
    "default-src 'none'",
    "script-src 'self'",
    "img-src 'self' data: blob:",
    "media-src 'self' blob:",
    "connect-src 'self'",
    "font-src 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'none'",
)
_HEADERS = {
    # Browsers ask each time whether a file has changed, so that all parts are of one version.
    "Cache-Control": "no-cache",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
}


class _Files(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(_headers("style-src 'self'"))
        return response


def _headers(style_policy: str) -> dict[str, str]:
    return {"Content-Security-Policy": "; ".join((*_POLICY, style_policy)), **_HEADERS}


class _ForBrowsers(Route):
    """Takes only requests of those who want a page rather than JSON."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, child_scope = super().matches(scope)
        wants_page = "text/html" in Headers(scope=scope).get("accept", "") if match.value else False
        return (match, child_scope) if wants_page else (Match.NONE, {})


def serve_studio(app: FastAPI) -> None:
    """Serve the page and its files, which hold no secrets; what it shows needs a key.

    Call it before the routes that answer programs at `/`.
    """

    index = (FILES / "index.html").read_text("utf-8")

    async def to_studio(_request: Request) -> Response:
        # Relative, for a proxy may have put the server below a path of its own.
        return RedirectResponse("studio/", 307, {"Vary": "Accept", "Cache-Control": "no-store"})

    async def page(request: Request) -> Response:
        # FoldedPaths has taken the slash away, on which the addresses in the page depend.
        if not request.scope["raw_path"].endswith(b"/"):
            return await to_studio(request)
        # wavesurfer.js puts a style element into what it draws, with the word that it is given.
        nonce = secrets.token_urlsafe(16)
        headers = _headers(f"style-src 'self' 'nonce-{nonce}'")
        return HTMLResponse(index.replace(NONCE, nonce), headers=headers)

    methods = ["GET", "HEAD"]
    app.router.routes.append(_ForBrowsers("/", to_studio, methods=methods, include_in_schema=False))
    app.add_route(STUDIO_PATH, page, methods=methods, include_in_schema=False)
    app.mount(STUDIO_PATH, _Files(directory=FILES))
