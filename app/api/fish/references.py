"""Serves fish-speech's own routes, which self-hosted servers have: its health and its voices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict

from app.api.fish.controls import ReferenceAudio, recordings
from app.api.fish.dialect import DIALECT
from app.api.fish.msgpack_body import body_of, documented_body, packed
from app.api.http.dependencies import ServicesDep
from app.api.http.routes import REFUSALS, dialect_router
from app.errors import Parameter
from app.ranges import NullIsUnset
from app.voices.details import VoiceDetails
from app.wording.problems import Problem
from app.wording.support import HONOURED, Effect, support_of


def _error_body(problem: Problem) -> Mapping[str, object]:
    return {"success": False, "message": problem.message}


_DIALECT = replace(DIALECT, error_body=_error_body)
_RENAMING_WORDS = {Parameter.VOICE: "old_reference_id", Parameter.NAME: "new_reference_id"}
router = dialect_router(_DIALECT.with_words({Parameter.NAME: "id"}), scope="voices")
_renaming_router = dialect_router(_DIALECT.with_words(_RENAMING_WORDS), scope="voices")
health = APIRouter(tags=[DIALECT.title])

_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/msgpack": {}, "application/json": {}}}
}
_NOT_READY: dict[int | str, dict[str, Any]] = {503: REFUSALS[503]}


class NewReference(NullIsUnset):
    id: Annotated[str, HONOURED]
    audio: Annotated[ReferenceAudio, HONOURED]
    text: Annotated[str, Effect("without effect", "this model needs no transcript")] = ""


class WhichReference(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"reference_id": "tess"}]})

    reference_id: Annotated[str, HONOURED]


class Renaming(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"old_reference_id": "tess", "new_reference_id": "tessa"}]}
    )

    old_reference_id: Annotated[str, HONOURED]
    new_reference_id: Annotated[str, HONOURED]


@health.get("/v1/health", responses=_NOT_READY)
@health.post("/v1/health", responses=_NOT_READY)
async def is_healthy(services: ServicesDep) -> dict[str, str]:
    """Answer 200 if this server can speak, else an error."""
    _ = services.cast.current.supervisor.engine
    return {"status": "ok"}


@router.post("/v1/references/add", responses=_ANSWERS, openapi_extra=documented_body(NewReference))
async def add_reference(request: Request, services: ServicesDep) -> Response:
    """Make a voice of a recording."""
    body = await body_of(request, NewReference)
    (clip,) = recordings([body.audio], services, "audio")
    voice, _ = await services.voices.create(body.id, [clip], VoiceDetails(), replace=False)
    return _answer(request, f"the voice {voice.name!r} was added", reference_id=voice.name)


@router.get("/v1/references/list", responses=_ANSWERS)
async def list_references(request: Request, services: ServicesDep) -> Response:
    """List the names that `reference_id` may have."""
    names = list(services.voices.names())
    return _answer(request, f"there are {len(names)} voices", reference_ids=names)


@router.delete(
    "/v1/references/delete", responses=_ANSWERS, openapi_extra=documented_body(WhichReference)
)
async def delete_reference(request: Request, services: ServicesDep) -> Response:
    """Take a voice away."""
    body = await body_of(request, WhichReference)
    name = await services.voices.delete(body.reference_id)
    return _answer(request, f"the voice {name!r} was deleted", reference_id=name)


@_renaming_router.post(
    "/v1/references/update", responses=_ANSWERS, openapi_extra=documented_body(Renaming)
)
async def rename_reference(request: Request, services: ServicesDep) -> Response:
    """Give a voice another name."""
    body = await body_of(request, Renaming)
    voice = await services.voices.update(
        body.old_reference_id, lambda details: details, new_name=body.new_reference_id
    )
    return _answer(
        request,
        f"the voice {body.old_reference_id!r} is called {voice.name!r} now",
        old_reference_id=body.old_reference_id,
        new_reference_id=voice.name,
    )


def _answer(request: Request, message: str, **more: Any) -> Response:
    """Answer in MessagePack, or in JSON if the client asks for it, as fish-speech does."""
    body = {"success": True, "message": message, **more}
    wanted = request.query_params.get("format", "").removeprefix("application/")
    accept = request.headers.get("accept", "")
    says_json = "application/json" in accept and "application/msgpack" not in accept
    if wanted == "json" or (wanted != "msgpack" and says_json):
        return JSONResponse(body)
    return Response(packed(body), media_type="application/msgpack")


router.routes.extend(_renaming_router.routes)

SUPPORT = (
    *support_of("POST /v1/references/add", NewReference),
    *support_of("DELETE /v1/references/delete", WhichReference),
    *support_of("POST /v1/references/update", Renaming),
)
