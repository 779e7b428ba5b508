"""Serves /model, where Fish Audio has its voices, which it calls models."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import Query, Request
from pydantic import BaseModel, ConfigDict, Field

from app.api.fish.controls import MAX_REFERENCES, ReferenceAudio, recordings
from app.api.fish.dialect import DIALECT
from app.api.fish.msgpack_body import body_of, documented_body
from app.api.http.dependencies import ServicesDep
from app.api.http.routes import dialect_router
from app.errors import InvalidRequest
from app.ranges import NullIsUnset
from app.voices.details import VoiceDetails, check_description, check_tags
from app.voices.store import Voice
from app.voices.titled import create_titled
from app.wording.support import HONOURED, WITHOUT_EFFECT, Effect, support_of

OWNER = "owner"
"""Everybody who has the key is this one user."""
_BUILT_IN_AUTHOR = "kyutai"
EPOCH = "1970-01-01T00:00:00Z"

router = dialect_router(DIALECT, scope="voices")

Title = Annotated[str, Field(min_length=1, max_length=200)]
Visibility = Literal["public", "unlist", "private"]


class VoiceQuery(BaseModel):
    page_size: Annotated[int, Field(ge=1, le=1000), HONOURED] = 10
    page_number: Annotated[int, Field(ge=1), HONOURED] = 1
    title: Annotated[str | None, Effect("honoured", "part of a title, in any case")] = None
    tag: Annotated[list[str], Effect("honoured", "voices that have all of them")] = Field(
        default_factory=list
    )
    self_: Annotated[bool, Effect("honoured", "voices that were made here")] = Field(
        False, alias="self"
    )
    author_id: Annotated[str | None, HONOURED] = None
    language: Annotated[list[str], HONOURED] = Field(default_factory=list)
    title_language: Annotated[
        list[str], Effect("approximated", "a title is taken to be in the voice's language")
    ] = Field(default_factory=list)
    sort_by: Annotated[
        Literal["score", "task_count", "created_at"],
        Effect("approximated", "created_at is honoured; uses are not counted"),
    ] = "score"


class FishVoiceBody(NullIsUnset):
    title: Annotated[Title, HONOURED]
    voices: Annotated[
        list[ReferenceAudio], Field(min_length=1, max_length=MAX_REFERENCES), HONOURED
    ]
    description: Annotated[str | None, HONOURED] = None
    tags: Annotated[list[str], HONOURED] = Field(default_factory=list)
    type: Annotated[str, Effect("honoured", "tts; svc is refused")] = "tts"
    texts: Annotated[list[str], WITHOUT_EFFECT] = Field(default_factory=list)
    cover_image: Annotated[bytes | None, WITHOUT_EFFECT] = None
    visibility: Annotated[
        Visibility, Effect("without effect", "whoever has the key sees all voices")
    ] = "private"
    train_mode: Annotated[Literal["fast", "full"], WITHOUT_EFFECT] = "fast"
    enhance_audio_quality: Annotated[
        bool, Effect("without effect", "recordings are always trimmed and leveled")
    ] = True


class FishVoiceChange(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"title": "Tess", "description": "Warm, a little hoarse"}]}
    )

    title: Annotated[Title | None, Effect("honoured", "the id stays")] = None
    description: Annotated[str | None, HONOURED] = None
    tags: Annotated[list[str] | None, HONOURED] = None
    cover_image: Annotated[bytes | None, WITHOUT_EFFECT] = None
    visibility: Annotated[Visibility | None, WITHOUT_EFFECT] = None


@router.get("/model")
async def list_voices(
    services: ServicesDep, query: Annotated[VoiceQuery, Query()]
) -> dict[str, Any]:
    """List the voices that match all filters, page by page."""
    found = [shown for voice in await services.voices.all() if _fits(shown := _shown(voice), query)]
    if query.sort_by == "created_at":
        found.sort(key=lambda each: str(each["created_at"]), reverse=True)
    start = (query.page_number - 1) * query.page_size
    return {"total": len(found), "items": found[start : start + query.page_size]}


@router.get("/model/{voice_id}")
async def get_voice(services: ServicesDep, voice_id: str) -> dict[str, Any]:
    """Describe a voice."""
    return _shown(await services.voices.get(voice_id))


@router.post("/model", status_code=201, openapi_extra=documented_body(FishVoiceBody))
async def create_voice(request: Request, services: ServicesDep) -> dict[str, Any]:
    """Make a voice of recordings; its id is made of the title."""
    body = await body_of(request, FishVoiceBody)
    if body.type != "tts":
        raise InvalidRequest("type must be tts: voices here speak and do not sing", field="type")
    details = VoiceDetails(
        description=check_description(body.description), tags=check_tags(body.tags)
    )
    clips = recordings(body.voices, services, "voices")
    return _shown(await create_titled(services.voices, body.title, clips, details))


@router.patch("/model/{voice_id}", openapi_extra=documented_body(FishVoiceChange))
async def change_voice(request: Request, services: ServicesDep, voice_id: str) -> dict[str, Any]:
    """Change a voice's description; what is not sent stays as it is."""
    body = await body_of(request, FishVoiceChange)
    changes: dict[str, Any] = {}
    if body.title is not None:
        changes["title"] = body.title
    if body.description is not None:
        changes["description"] = check_description(body.description)
    if body.tags is not None:
        changes["tags"] = check_tags(body.tags)
    voice = await services.voices.update(
        voice_id, lambda details: dataclasses.replace(details, **changes)
    )
    return _shown(voice)


@router.delete("/model/{voice_id}")
async def delete_voice(services: ServicesDep, voice_id: str) -> None:
    """Take a voice away."""
    await services.voices.delete(voice_id)


def _shown(voice: Voice) -> dict[str, Any]:
    details = voice.details
    made_here = voice.kind == "custom"
    created = details.created or EPOCH
    return {
        "_id": voice.name,
        "type": "tts",
        "title": details.title or voice.name,
        "description": details.description or "",
        "cover_image": "",
        "train_mode": "fast",
        "state": "trained",
        "tags": list(details.tags),
        "samples": [],
        "created_at": created,
        "updated_at": created,
        "languages": [details.language] if details.language else [],
        "visibility": "private" if made_here else "public",
        "lock_visibility": False,
        "like_count": 0,
        "mark_count": 0,
        "shared_count": 0,
        "task_count": 0,
        "liked": False,
        "marked": False,
        "author": _author(OWNER if made_here else _BUILT_IN_AUTHOR),
    }


def _author(author_id: str) -> dict[str, str]:
    return {"_id": author_id, "nickname": author_id.capitalize(), "avatar": ""}


def _fits(shown: dict[str, Any], query: VoiceQuery) -> bool:
    author = shown["author"]["_id"]
    languages = shown["languages"]
    return (
        (query.title or "").casefold() in shown["title"].casefold()
        and set(query.tag) <= set(shown["tags"])
        and (not query.self_ or author == OWNER)
        and query.author_id in (None, author)
        and _has_one(languages, query.language)
        and _has_one(languages, query.title_language)
    )


def _has_one(languages: Sequence[str], wanted: Sequence[str]) -> bool:
    return not wanted or any(each.lower() in languages for each in wanted)


SUPPORT = (
    *support_of("GET /model", VoiceQuery),
    *support_of("POST /model", FishVoiceBody),
    *support_of("PATCH /model/{id}", FishVoiceChange),
)
