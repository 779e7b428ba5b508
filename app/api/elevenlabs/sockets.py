"""Lets clients into ElevenLabs' sockets, where the key may be in the first frame."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import WebSocket
from fastapi.requests import HTTPConnection
from pydantic import AliasChoices, BaseModel, Field

from app.api.elevenlabs.dialect import DIALECT, status_word
from app.api.http.access import admit, is_known_by_head
from app.api.http.sockets import Socket, SocketKind, json_object_in
from app.wording.problems import Problem
from app.wording.support import Effect
from app.wording.validation import validated

FIRST_FRAME_BYTES = 1 << 16
"""The first frame is kept small: its sender may not have shown a key yet."""
FIRST_FRAME_SECONDS = 20.0


class KeyMessage(BaseModel):
    """A first message may bring the key."""

    xi_api_key: Annotated[str | None, Effect("honoured", "in the place of the header")] = Field(
        None, validation_alias=AliasChoices("xi_api_key", "xi-api-key")
    )
    authorization: Annotated[str | None, Effect("honoured", "in the place of the header")] = None

    @property
    def key(self) -> str | None:
        """Return the key in this message, if there is one."""
        return self.xi_api_key or (self.authorization or "").removeprefix("Bearer ") or None


async def admitted(websocket: WebSocket, socket: Socket) -> str | bytes | None:
    """Let in who shows a key, in the head of the request or in the first frame.

    Returns:
        The first frame, where it had to be looked at.

    Raises:
        Unauthorized, InvalidRequest: there is no key.
    """
    socket.idle_seconds = FIRST_FRAME_SECONDS
    if is_known_by_head(websocket):
        admit(websocket)
        return None
    first = await socket.receive(max_bytes=FIRST_FRAME_BYTES)
    admit(websocket, also=validated(KeyMessage, json_object_in(first)).key)
    return first


def refusal_fields(problem: Problem) -> dict[str, Any]:
    """Return the fields of a frame with a `message`, which the SDK raises as an error."""
    return {"message": problem.message, "error": status_word(problem), "code": problem.status}


def _refusal(problem: Problem) -> str:
    return json.dumps(refusal_fields(problem))


def _let_in(_connection: HTTPConnection) -> None:
    """Let everybody in: the key may be in the first frame, which is checked once it is there."""


KIND = SocketKind(DIALECT, _refusal, _let_in)
