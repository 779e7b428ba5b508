"""The app: routes, errors, middleware, and what happens when it starts and stops."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from app import __version__
from app.api import compatibility, health, native, saved, voices, wyoming
from app.api.dialects import chosen_dialects, dialect_of, mount
from app.api.error_handlers import ErrorAnswers
from app.api.middleware import BodyLimit, RequestContext
from app.api.routes import FORM_TYPES
from app.assembly import BuildEngine, make_services
from app.errors import SpeechError
from app.settings import Settings, SettingsError
from app.speakers import Speaker

logger = logging.getLogger(__name__)

BYTES_PER_CHAR = 12
"""A character beyond the basic plane may arrive as two JSON escapes of six bytes"""
FORM_OVERHEAD_BYTES = 64 * 1024


def create_app(
    settings: Settings,
    build_engine: BuildEngine | None = None,
    build_preview: BuildEngine | None = None,
) -> FastAPI:
    """The whole server as an ASGI app.

    Args:
        build_engine, build_preview: as `make_services` takes them.
    """
    try:
        dialects = chosen_dialects(settings.dialects)
    except ValueError as error:
        raise SettingsError(f"DIALECTS: {error}") from error
    services = make_services(settings, build_engine, build_preview)
    wyoming_listener = wyoming.listener_of(settings)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        warming: set[asyncio.Task[None]] = set()

        def on_ready(speaker: Speaker) -> None:
            warming.add(asyncio.create_task(_warm_voice(speaker, settings.default_voice)))

        services.speakers.start(on_ready)
        async with wyoming.serve_listener(services, wyoming_listener):
            yield
            await services.speakers.stop(settings.shutdown_grace_seconds)
        for task in warming:
            task.cancel()
        await asyncio.gather(*warming, return_exceptions=True)

    app = FastAPI(
        title="Pocket Speech",
        version=__version__,
        summary="Text in over HTTP, speech out, on ordinary CPUs.",
        lifespan=lifespan,
        # A redirect from /tts/ would look to curl like a success with no audio.
        redirect_slashes=False,
    )
    app.state.services = services
    app.state.wyoming_address = wyoming_listener and wyoming_listener.getsockname()[:2]
    app.state.dialects = dialects
    mount(app, dialects)
    for module in (native, voices, saved, health, compatibility):
        app.router.routes.extend(module.router.routes)
    ErrorAnswers(partial(dialect_of, dialects=dialects)).register(app)
    app.add_middleware(BodyLimit, limit_bytes=partial(_body_limit_bytes, settings))
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=[
                "x-request-id",
                "server-timing",
                "x-audio-duration",
                "x-tts-model",
                "x-tts-voice",
            ],
        )
    app.add_middleware(RequestContext)
    return app


async def _warm_voice(speaker: Speaker, name: str) -> None:
    """So that the first request need not wait for it, and the operator learns if it is missing."""
    try:
        await speaker.voices.state_of(name, field="voice")
    except SpeechError as error:
        logger.warning("DEFAULT_VOICE is not usable: %s", error.message)
    else:
        logger.info("the default voice %s is ready", name)


def _body_limit_bytes(settings: Settings, path: str, content_type: str) -> int:
    script_bytes = BYTES_PER_CHAR * settings.max_script_chars + FORM_OVERHEAD_BYTES
    if path == native.SPEECH_PATH and not content_type.lower().startswith(FORM_TYPES):
        return script_bytes
    # A recording may come as base64, four characters for three bytes, and in a form some of them
    # as three more.
    return settings.max_upload_bytes * 3 // 2 + script_bytes
