"""Makes the app of routes, errors and middleware; `assembly` makes and runs what is behind it."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from functools import partial

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from starlette.types import Scope

from app import __version__
from app.api.dialects import chosen_dialects, dialect_of, mount
from app.api.http.dialect import Dialect
from app.api.http.docs_page import NATIVE_TAGS, DocumentedApp, serve_docs_page
from app.api.http.folded_paths import FoldedPaths
from app.api.http.forms import is_form
from app.api.http.middleware import BodyLimit, RequestContext
from app.api.http.problems import ErrorAnswers
from app.api.http.studio_page import serve_studio
from app.api.http.trusted_hosts import TrustedHosts
from app.api.native import (
    compatibility,
    documents,
    health,
    jobs,
    live,
    metrics,
    pronunciations,
    saved,
    server,
    sessions,
    tokens,
    voices,
)
from app.api.native import speech as native
from app.api.small.mary import PROCESS_PATH
from app.assembly.parts import make_services
from app.assembly.running import running
from app.assembly.speakers import BuildEngine
from app.errors import StoreUnreachable
from app.folders import check_folder
from app.jobs.schema import SchemaError
from app.services import Services
from app.settings import Settings, SettingsError
from app.wyoming import server as wyoming

NATIVE_ROUTERS = (
    native.router,
    live.router,
    documents.router,
    jobs.forms,
    jobs.router,
    voices.router,
    pronunciations.router,
    saved.router,
    tokens.router,
    sessions.router,
    server.router,
    health.router,
)
READABLE_HEADERS = (
    "*",
    "content-disposition",
    "ratelimit",
    "ratelimit-policy",
    "retry-after",
    "retry-after-ms",
    "server-timing",
    "x-request-id",
    "x-should-retry",
    "x-audio-duration",
    "x-takes",
    "x-tts-model",
    "x-tts-voice",
    "x-tts-recording",
    "x-tts-left-out",
)
"""Pages of CORS_ORIGINS may read these headers of an answer; old browsers do not know the star."""


def create_app(
    settings: Settings,
    build_engine: BuildEngine | None = None,
    build_preview: BuildEngine | None = None,
    *,
    wyoming_listeners: Sequence[socket.socket] = (),
) -> FastAPI:
    """Make the whole server as an ASGI app.

    Args:
        build_engine, build_preview: load the models, as in `make_services`.
        wyoming_listeners: where Home Assistant is served beside HTTP, while the app lives.

    Raises:
        SettingsError: something cannot work as set; the message is one line.
    """
    try:
        dialects = chosen_dialects(settings.dialects)
    except ValueError as error:
        raise SettingsError(f"DIALECTS: {error}") from error
    services = make_services(settings, build_engine, build_preview)
    _open_saved_audio(services)
    _open_jobs(services)

    @asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        async with (
            AsyncExitStack() as stores,
            services.saved.kept_tidy(),
            services.keyring.kept_fresh(),
            services.allowances.open(),
            services.tracing.open() if services.tracing else nullcontext(),
            wyoming.serve(services, wyoming_listeners),
            running(services),
        ):
            for folder in services.followed:
                await stores.enter_async_context(folder.followed())
            yield

    app = DocumentedApp(
        title="Pocket Speech",
        version=__version__,
        summary="Text in over HTTP, speech out, on ordinary CPUs.",
        lifespan=life,
        # A redirect from /tts/ would look to curl like a success with no audio.
        redirect_slashes=False,
        openapi_tags=NATIVE_TAGS,
        docs_url=None,
        redoc_url=None,
        # FastAPI's own traces would have queries, in which texts and tokens may stand.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.services = services
    serve_studio(app)
    mount(app, dialects)
    calls = [*map(compatibility.dialect_entry, dialects)]
    if wyoming_listeners:
        port = wyoming_listeners[0].getsockname()[1]
        calls.append(compatibility.wyoming_entry(wyoming.TITLE, port, wyoming.SUPPORT))
    routers = [*NATIVE_ROUTERS, compatibility.router_about(calls)]
    if settings.metrics != "off":
        routers.append(metrics.router_for(settings.metrics))
    for router in routers:
        app.router.routes.extend(router.routes)
    serve_docs_page(app)
    _add_middleware(app, services, partial(dialect_of, dialects=dialects))
    return app


def _open_saved_audio(services: Services) -> None:
    folder = services.settings.voice_output_dir
    check_folder("VOICE_OUTPUT_DIR", folder, otherwise="no audio can be saved")
    try:
        services.saved.open()
    except StoreUnreachable as error:
        raise SettingsError(f"VOICE_OUTPUT_URL: {error.message}") from error
    except OSError as error:
        raise SettingsError(
            f"VOICE_OUTPUT_DIR: {folder} cannot be used: {error.strerror}"
        ) from error


def _open_jobs(services: Services) -> None:
    try:
        services.jobs.open()
    except (OSError, SchemaError) as error:
        raise SettingsError(f"DATABASE_URL: the jobs cannot be opened: {error}") from error


def _add_middleware(
    app: FastAPI, services: Services, dialect_spoken: Callable[[Scope], Dialect]
) -> None:
    """Put what concerns all routes around them; what is added last is the outermost."""
    settings = services.settings
    answers = ErrorAnswers(dialect_spoken)
    answers.register(app)
    app.add_middleware(TrustedHosts, settings=settings, answer=answers.answer)
    app.add_middleware(BodyLimit, limit_bytes=partial(_body_limit_bytes, settings))
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["*"],
            allow_headers=["*"],
            allow_private_network=True,
            expose_headers=READABLE_HEADERS,
        )
    app.add_middleware(FoldedPaths)
    app.add_middleware(
        RequestContext,
        at_work=services.lifetime.at_work,
        dialect_of=dialect_spoken,
        requests=services.requests,
    )


def _body_limit_bytes(settings: Settings, path: str, content_type: str) -> int:
    brings_script_only = path == native.SPEECH_PATH and not is_form(content_type)
    if brings_script_only or path == PROCESS_PATH:
        return settings.max_script_bytes
    return settings.max_body_bytes
