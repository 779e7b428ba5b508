"""Sends a clip as base64 in JSON, piece by piece, with what is to be told of it."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncGenerator, Mapping
from functools import partial

from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from app.api.http.delivery import measured_headers
from app.speaking.encoded import CompleteAudio
from app.work import Pools

# A length that three divides leaves no padding between the pieces.
_PIECE_BYTES = 3 << 14


class TimedResponse(StreamingResponse):
    """Answers with `{"audio": base64, …}` and closes the clip.

    Args:
        content: what follows the audio; at least one field.
        audio_field: what the audio is called.
    """

    def __init__(
        self,
        made: CompleteAudio,
        content: Mapping[str, object],
        pools: Pools,
        *,
        audio_field: str = "audio",
    ) -> None:
        self._made = made
        head = f'{{"{audio_field}":"'.encode()
        tail = f'",{json.dumps(content, ensure_ascii=False)[1:]}'.encode()
        size_bytes = len(head) + -(-made.size_bytes // 3) * 4 + len(tail)
        super().__init__(
            _in_json(made, head, tail, pools),
            media_type="application/json",
            headers={**measured_headers(made), "Content-Length": str(size_bytes)},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._made.file:
            await super().__call__(scope, receive, send)


async def _in_json(
    made: CompleteAudio, head: bytes, tail: bytes, pools: Pools
) -> AsyncGenerator[bytes, None]:
    yield head
    while data := await pools.files.run(partial(made.file.read, _PIECE_BYTES)):
        yield base64.b64encode(data)
    yield tail
