"""Serves POST /tokens: short-lived tokens for web pages, made with a key."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from app.api.http.access import caller_of, documented_key
from app.api.http.dependencies import ServicesDep
from app.api.http.routes import REFUSALS, KeyedRoute
from app.callers.caller import Scope
from app.errors import Forbidden


class _AnyKeyRoute(KeyedRoute):
    scope = None


router = APIRouter(
    route_class=_AnyKeyRoute, dependencies=documented_key, tags=["server"], responses=REFUSALS
)


class TokenBody(BaseModel):
    """Says what a token is good for."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"minutes": 15, "scopes": ["speech"]}]}
    )

    minutes: Annotated[float, Field(gt=0, le=1440)] = Field(
        15, description="The token ends after so many minutes, a day at most."
    )
    scopes: Annotated[list[Scope], Field(min_length=1)] = Field(
        ["speech"], description="What it may be used for; no more than the key itself."
    )


class Token(BaseModel):
    """Holds a token, to be sent in the place of a key."""

    token: str
    scopes: list[Scope]
    expires_at: int = Field(description="When it ends, in Unix time.")


@router.post("/tokens")
async def make_token(request: Request, services: ServicesDep, body: TokenBody) -> Token:
    """Make a token for a page, which may then call this server without the key."""
    caller = caller_of(request)
    if caller.by_token:
        raise Forbidden("a token cannot make tokens; use a key")
    for scope in body.scopes:
        if not caller.may(scope):
            raise Forbidden(f"this key is not for {scope}, so its tokens cannot be either")
    ends_seconds = int(time.time() + body.minutes * 60)
    token = services.tokens.make(caller, body.scopes, ends_seconds)
    return Token(token=token, scopes=sorted(set(body.scopes)), expires_at=ends_seconds)
