"""Serves GET /voice/<file>, the audio that was saved for a URL.

It needs no key: a file's name cannot be guessed."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from fastapi.responses import FileResponse

from app.api.http.dependencies import ServicesDep
from app.api.http.routes import EndingRoute
from app.audio.formats import format_with_extension
from app.speech import SPEECH_RATE_HZ

router = APIRouter(
    route_class=EndingRoute,
    tags=["speech"],
    responses={"4XX": {"description": "No saved audio of that name."}},
)


@router.head("/voice/{filename}", response_class=FileResponse, include_in_schema=False)
@router.get("/voice/{filename}", response_class=FileResponse)
async def saved_audio(filename: str, services: ServicesDep) -> FileResponse:
    """Fetch saved audio, whole or by a Range request."""
    path = await asyncio.to_thread(services.saved.path_of, filename)
    audio = format_with_extension(path.suffix)
    return FileResponse(
        path,
        media_type=audio.content_type(SPEECH_RATE_HZ) if audio else None,
        headers={
            "Cache-Control": "public, max-age=31536000, immutable",
            "X-Content-Type-Options": "nosniff",
        },
    )
