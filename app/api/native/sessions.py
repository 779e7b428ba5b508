"""Serves /session: the studio's page shows a key once, and its browser keeps a cookie for it."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from app.api.http.access import admit, caller_of, documented_key
from app.api.http.dependencies import ServicesDep
from app.api.http.routes import REFUSALS, EndingRoute, KeyedRoute
from app.api.http.session_cookie import end_session, keep_session
from app.callers.caller import SCOPES, Caller, Scope
from app.errors import Unauthorized, WrongKey

PATH = "/session"


class _AnyKeyRoute(KeyedRoute):
    scope = None


router = APIRouter(route_class=EndingRoute, tags=["server"], responses=REFUSALS)
_keyed = APIRouter(
    route_class=_AnyKeyRoute, dependencies=documented_key, tags=["server"], responses=REFUSALS
)


class Session(BaseModel):
    """Says whether a browser has a session, and what it may do."""

    signed_in: bool
    key_needed: bool = Field(description="false where this server asks nobody for a key.")
    caller: str | None = None
    scopes: list[Scope] = []


@router.get(PATH)
async def look_at_session(request: Request, response: Response, services: ServicesDep) -> Session:
    """Tell whether the browser has a session. This asks for no key."""
    response.headers["Cache-Control"] = "no-store"
    try:
        caller = admit(request, None)
    except WrongKey:
        raise
    except Unauthorized:
        return Session(signed_in=False, key_needed=True)
    return _session(caller, key_needed=services.keyring.asks_for_keys)


@_keyed.post(PATH)
async def begin_session(request: Request, response: Response, services: ServicesDep) -> Session:
    """Keep a session in a cookie that no script can read, in the place of the key that is sent."""
    caller = caller_of(request)
    if services.keyring.asks_for_keys:
        if caller.by_token:
            raise Unauthorized("a token cannot begin a session; use a key")
        session = await services.pools.files.run(partial(services.sessions.begin, caller))
        keep_session(request, response, services.settings, session)
    return _session(caller, key_needed=services.keyring.asks_for_keys)


@router.delete(PATH, status_code=204, response_class=Response)
async def forget_session(request: Request, services: ServicesDep) -> Response:
    """Have the browser forget its session."""
    response = Response(status_code=204)
    end_session(request, response, services.settings)
    return response


def _session(caller: Caller, *, key_needed: bool) -> Session:
    scopes = [scope for scope in SCOPES if caller.may(scope)]
    return Session(signed_in=True, key_needed=key_needed, caller=caller.name, scopes=scopes)


router.routes.extend(_keyed.routes)
