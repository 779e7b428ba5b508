"""Serves GET /, /health and /ready, which tell of the server's state and need no key."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from app import __version__
from app.api.http.dependencies import ServicesDep
from app.audio.formats import FORMATS
from app.errors import ModelUnavailable
from app.services import Services

router = APIRouter(tags=["server"])


@router.head("/", include_in_schema=False)
@router.get("/")
async def information(services: ServicesDep) -> dict[str, Any]:
    """Tell what this server is and where its endpoints are."""
    return {
        "name": "Pocket Speech",
        "version": __version__,
        "description": "Text in over HTTP, speech out. Inside: Kyutai's Pocket TTS.",
        "documentation": "/docs",
        "endpoints": {
            "POST /tts": "speak a script in one of the server's voices",
            "POST /tts/clone": "speak a script in the voice of an uploaded recording",
            "POST /v1/audio/speech": "the same for OpenAI's clients (base_url ends in /v1)",
            "GET|POST /jobs": "long recordings, such as audiobooks, made in the background",
            "GET|POST /voices": "the voices there are; make one of a recording",
            "GET|PATCH|DELETE /voices/{name}": "look at a voice, describe, rename or delete it",
            "GET /voices/{name}/preview": "hear a voice",
            "GET /voices/{name}/export, POST /voices/import": "carry a voice elsewhere",
            "GET /v1/models": "model names for OpenAI's clients",
            "GET /v1/audio/voices": "the voices there are",
            "GET /voice/{filename}": "audio saved by type=url",
            "GET /health": "model state, load, uptime",
            "GET /ready": "200 once speech can be made, else 503",
            "GET /studio": "a page to speak, make voices and long recordings, and watch the server",
            "GET /metrics": "for Prometheus, with a key for metrics",
        },
        "formats": list(FORMATS),
        "default_voice": services.settings.default_voice,
    }


@router.head("/health", include_in_schema=False)
@router.get("/health")
async def health(services: ServicesDep) -> dict[str, Any]:
    """Tell of the model, the load and the uptime; 200 as long as the server lives.

    `speaking` is false while nothing can be spoken, when `GET /ready` answers 503.
    """
    return {"status": "healthy", "speaking": why_not_ready(services) is None, **state_of(services)}


@router.head("/ready", include_in_schema=False)
@router.get("/ready", responses={503: {"description": "Speech cannot be made yet."}})
async def ready(services: ServicesDep) -> JSONResponse:
    """Answer 200 once speech can be made, and 503 with the reason before that."""
    error = why_not_ready(services)
    if error is not None:
        retry_seconds = error.retry_after_seconds
        headers = {} if retry_seconds is None else {"Retry-After": str(math.ceil(retry_seconds))}
        return JSONResponse({"ready": False, "reason": error.message}, 503, headers)
    cast = services.cast
    shown = {"ready": True, "model": cast.current.model}
    if cast.current is cast.default:
        return JSONResponse(shown)
    return JSONResponse({**shown, "wanted": _wanted(services)})


def why_not_ready(services: Services) -> ModelUnavailable | None:
    """Return what keeps speech from being made now; None if nothing does."""
    try:
        services.lifetime.require_running()
        services.cast.current.supervisor.require_available()
    except ModelUnavailable as error:
        return error
    return None


def _wanted(services: Services) -> dict[str, str]:
    """Tell which model was asked for and why it does not speak, while the stand-in does."""
    default = services.cast.default
    status = default.supervisor.status()
    return {"name": default.model, "state": status.state, "reason": status.detail}


def state_of(services: Services) -> dict[str, Any]:
    """Tell of the model, its engine and the uptime."""
    status = services.cast.current.supervisor.status()
    cast = services.cast
    return {
        "version": __version__,
        "uptime_seconds": round(services.lifetime.uptime_seconds, 1),
        # ChatTTS's clients look at this field.
        "model_loaded": status.state == "ready",
        "model": {
            "state": status.state,
            "detail": status.detail,
            "name": cast.current.model,
            **({} if cast.current is cast.default else {"wanted": _wanted(services)}),
        },
        "engine": None if status.engine is None else _rounded(asdict(status.engine)),
        "models": {
            "available": cast.models,
            "loaded": [
                speaker.model
                for speaker in cast.loaded
                if speaker.supervisor.status().state == "ready"
            ],
        },
        "languages": {
            "available": cast.languages,
            "loaded": list(dict.fromkeys(speaker.language for speaker in cast.loaded)),
        },
    }


def _rounded(engine: dict[str, Any]) -> dict[str, Any]:
    return {
        name: round(value, 1) if name in ("queued_seconds", "audio_rate") else value
        for name, value in engine.items()
    }
