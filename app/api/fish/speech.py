"""Serves Fish Audio's POST /v1/tts, and the account that its clients ask for."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from fastapi.responses import Response

from app.api.fish import live as fish_live
from app.api.fish import references as fish_references
from app.api.fish import voices as fish_voices
from app.api.fish.controls import FishSpeech
from app.api.fish.dialect import DIALECT
from app.api.fish.msgpack_body import body_of, documented_body
from app.api.http.delivery import file_response, live_response
from app.api.http.dependencies import ServicesDep
from app.api.http.routes import dialect_router
from app.errors import NotSupported
from app.wording.support import MODEL, Support, support_of

router = dialect_router(DIALECT)
for part in (fish_live.router, fish_references.router, fish_references.health, fish_voices.router):
    router.routes.extend(part.routes)

_PLENTY = 1_000_000
_NEVER = "9999-12-31T23:59:59Z"


@router.post("/v1/tts", response_class=Response, openapi_extra=documented_body(FishSpeech))
async def speak(request: Request, services: ServicesDep) -> Response:
    """Speak a text; the audio is sent while it is being made."""
    body = await body_of(request, FishSpeech)
    audio = body.audio_format()
    speech = await body.speech_request(services, request.headers)
    answer = file_response if body.streaming is False else live_response
    return await answer(request, services, speech, audio)


@router.post("/v1/asr", status_code=501)
async def transcribe() -> None:
    """Refuse to transcribe: this server only speaks."""
    raise NotSupported("this server makes speech of text; it cannot make text of speech")


@router.get("/wallet/self/api-credit")
async def credit() -> dict[str, Any]:
    """Tell of a credit that never changes: nothing is counted here, and nothing is paid."""
    return {
        "_id": "credit",
        "user_id": fish_voices.OWNER,
        "credit": str(_PLENTY),
        "created_at": fish_voices.EPOCH,
        "updated_at": fish_voices.EPOCH,
        "has_phone_sha256": False,
        "has_free_credit": True,
    }


@router.get("/wallet/self/package")
async def package() -> dict[str, Any]:
    """Tell of a package that never changes and does not run out."""
    return {
        "_id": "package",
        "user_id": fish_voices.OWNER,
        "type": "unlimited",
        "total": _PLENTY,
        "balance": _PLENTY,
        "created_at": fish_voices.EPOCH,
        "updated_at": fish_voices.EPOCH,
        "finished_at": _NEVER,
    }


SUPPORT = (
    Support("POST /v1/tts", "model (header)", MODEL.how, MODEL.note),
    *support_of("POST /v1/tts", FishSpeech),
    *fish_live.SUPPORT,
    *fish_voices.SUPPORT,
    *fish_references.SUPPORT,
    Support("POST /v1/asr", "audio", "refused", "this server does not listen"),
    Support(
        "GET /wallet/self/api-credit", "credit", "without effect", "constant: nothing is counted"
    ),
    Support(
        "GET /wallet/self/package", "balance", "without effect", "constant: nothing is counted"
    ),
)
