"""Serves the audio that was saved for a URL, at /voice/<file>.

Fetching needs no key: a file's name cannot be guessed, and where links are signed, the link is the
proof. Removing needs one.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse, RedirectResponse
from starlette.types import Receive, Scope, Send

from app.api.http.access import admit, has_key, is_caller
from app.api.http.dependencies import ServicesDep
from app.api.http.dialect import NATIVE
from app.api.http.routes import EndingRoute, dialect_router
from app.api.http.signed_links import check_link
from app.audio.formats import format_with_extension
from app.audio.storage import AudioStore
from app.captions.files import CAPTION_FORMATS
from app.services import Services
from app.speech import SPEECH_RATE_HZ

_YEAR_SECONDS = 31_536_000
_LINK_SECONDS = 900.0
"""A redirect is good for so long: it is followed at once, and Ranges may follow it."""

router = APIRouter(
    route_class=EndingRoute,
    tags=["speech"],
    responses={"4XX": {"description": "No saved audio of that name, or a link that has ended."}},
)
_owned = dialect_router(NATIVE)


class _SavedFile(FileResponse):
    """Sends a saved file, which stays for as long as that takes.

    Args:
        path: as `AudioStore.path_of` has found it.
    """

    def __init__(self, saved: AudioStore, path: Path, cache: str) -> None:
        self._saved = saved
        self._filename = path.name
        super().__init__(
            path,
            media_type=_media_type(path.suffix),
            headers={"Cache-Control": cache, "X-Content-Type-Options": "nosniff"},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._saved.reading(self._filename):
            await super().__call__(scope, receive, send)


@router.get("/voice/{filename}", response_class=FileResponse)
async def saved_audio(
    request: Request,
    filename: str,
    services: ServicesDep,
    expires: Annotated[str, Query(description="When a signed link ends, in Unix time.")] = "",
    signature: Annotated[str, Query(description="Who made a signed link.")] = "",
) -> Response:
    """Fetch saved audio, whole or by a Range request. No key is needed.

    Where several servers share a store, the answer may be a redirect into it.
    """
    if services.settings.tenants == "separate" and has_key(request):
        admit(request, None)
        services.saved.require_own(filename)
    cache = _cache_control(request, services, filename, expires, signature)
    saved, pool = services.saved, services.pools.saving
    if services.settings.voice_output_redirect:
        link = await pool.run(partial(saved.link_to, filename, _LINK_SECONDS))
        if link is not None:
            return RedirectResponse(link, 307, {"Cache-Control": "private, no-store"})
    path = await pool.run(partial(saved.path_of, filename))
    return _SavedFile(saved, path, cache)


@_owned.delete("/voice/{filename}", status_code=204, response_class=Response)
async def remove_saved_audio(filename: str, services: ServicesDep) -> None:
    """Remove saved audio before its time."""
    await services.pools.saving.run(partial(services.saved.remove, filename))


def _media_type(extension: str) -> str | None:
    if caption := CAPTION_FORMATS.get(extension.removeprefix(".")):
        return caption.media_type
    audio = format_with_extension(extension)
    return audio.content_type(SPEECH_RATE_HZ) if audio else None


def _cache_control(
    request: Request, services: Services, filename: str, expires: str, signature: str
) -> str:
    """Return how long the audio may be kept by others; refuse a link that is no good."""
    if services.settings.url_signing_secret is None:
        return f"public, max-age={_YEAR_SECONDS}, immutable"
    if not (expires or signature) and is_caller(request):
        # A token in the address or a session says whose audio may be had, as a key does.
        services.saved.require_own(filename)
        return "private, no-store"
    left_seconds = check_link(filename, expires, signature, services.settings)
    return f"private, max-age={left_seconds}, immutable"


router.routes.extend(_owned.routes)
