"""The app: routes, errors, middleware, and what happens when it starts and stops."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from app import __version__
from app.api.dialects import chosen_dialects, dialect_of, mount
from app.api.http.dependencies import Services
from app.api.http.forms import is_form
from app.api.http.middleware import BodyLimit, RequestContext
from app.api.http.problems import ErrorAnswers
from app.api.native import compatibility, health, saved, voices
from app.api.native import speech as native
from app.assembly import BuildEngine, make_services
from app.errors import ModelUnavailable, SpeechError, VoiceNotFound
from app.settings import Settings, SettingsError
from app.speaking.cast import Speaker
from app.wyoming import server as wyoming

logger = logging.getLogger(__name__)

TIDY_SECONDS = 2.0
READABLE_HEADERS = (
    "x-request-id",
    "server-timing",
    "x-audio-duration",
    "x-tts-model",
    "x-tts-voice",
)
"""What pages of CORS_ORIGINS may read of an answer"""


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
    at_work: set[asyncio.Future[Any]] = set()
    app = FastAPI(
        title="Pocket Speech",
        version=__version__,
        summary="Text in over HTTP, speech out, on ordinary CPUs.",
        lifespan=partial(_life, services, wyoming_listener, at_work),
        # A redirect from /tts/ would look to curl like a success with no audio.
        redirect_slashes=False,
    )
    app.state.services = services
    app.state.stop_by_seconds = None
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
            expose_headers=READABLE_HEADERS,
        )
    app.add_middleware(RequestContext, at_work=at_work)
    return app


@asynccontextmanager
async def _life(
    services: Services,
    wyoming_listener: socket.socket | None,
    at_work: set[asyncio.Future[Any]],
    app: FastAPI,
) -> AsyncIterator[None]:
    """From the start of the app to its end.

    Args:
        at_work: the requests that have not ended.
    """
    settings = services.settings
    looking: set[asyncio.Task[None]] = set()

    def on_ready(speaker: Speaker) -> None:
        looking.add(asyncio.create_task(_look_at_voices(speaker, settings)))

    services.speakers.start(on_ready)
    async with wyoming.serve_listener(services, wyoming_listener):
        yield
        if at_work:
            # Uvicorn has cancelled them, and would not wait until they have said so and tidied up.
            await asyncio.wait(at_work, timeout=TIDY_SECONDS)
        await services.speakers.stop(_grace_left_seconds(app, settings))
    for task in looking:
        task.cancel()
    await asyncio.gather(*looking, return_exceptions=True)


def _grace_left_seconds(app: FastAPI, settings: Settings) -> float:
    """What a web server that is being shut down has left of the grace time; all without one."""
    stop_by_seconds: float | None = app.state.stop_by_seconds
    if stop_by_seconds is None:
        return settings.shutdown_grace_seconds
    return max(0.0, stop_by_seconds - time.monotonic())


async def _look_at_voices(speaker: Speaker, settings: Settings) -> None:
    """So that the first request need not wait, and the operator learns of voices not there."""
    try:
        await speaker.voices.state_of(settings.default_voice, field="voice")
    except SpeechError as error:
        is_alias = settings.default_voice.lower() in settings.openai_voices
        hint = "; the names of OPENAI_VOICES do not count here" if is_alias else ""
        logger.warning("DEFAULT_VOICE is not usable: %s%s", error.message, hint)
    else:
        logger.info("the default voice %s is ready", settings.default_voice)
    try:
        await asyncio.to_thread(_check_aliases, speaker, settings)
    except ModelUnavailable:
        return  # it died meanwhile; the next one is looked at as well


def _check_aliases(speaker: Speaker, settings: Settings) -> None:
    missing: dict[str, list[str]] = {}
    available: tuple[str, ...] = ()
    for alias, name in settings.openai_voices.items():
        if (refusal := _refusal(speaker, name)) is not None:
            missing.setdefault(name, []).append(alias)
            available = refusal.available
    if missing:
        # That a model of one's own lacks the voices of the released one is no mistake.
        was_set = "openai_voices" in settings.model_fields_set
        logger.log(
            logging.WARNING if was_set else logging.INFO,
            "OPENAI_VOICES names voices that do not exist: %s; available voices: %s",
            ", ".join(f"{name} (for {', '.join(aliases)})" for name, aliases in missing.items()),
            ", ".join(available),
        )


def _refusal(speaker: Speaker, voice: str) -> VoiceNotFound | None:
    try:
        speaker.voices.resolve(voice)
    except VoiceNotFound as error:
        return error
    return None


def _body_limit_bytes(settings: Settings, path: str, content_type: str) -> int:
    if path == native.SPEECH_PATH and not is_form(content_type):
        return settings.max_script_bytes
    # A recording may come as base64, four characters for three bytes, and in a form some of them
    # as three more.
    return settings.max_upload_bytes * 3 // 2 + settings.max_script_bytes
