"""OpenAI's Realtime socket as far as it speaks, through OpenAI's own SDK."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from openai import AsyncOpenAI

from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.serving import KEY


def said(text: str) -> dict[str, Any]:
    content = [{"type": "input_text", "text": text}]
    return {"input": [{"type": "message", "role": "user", "content": content}]}


async def until(connection: Any, kind: str) -> tuple[Any, bytes]:
    sound = b""
    async for event in connection:
        if event.type == "response.output_audio.delta":
            sound += base64.b64decode(event.delta)
        if event.type == kind:
            return event, sound
    pytest.fail("the socket was closed")


async def test_speech(fake_server: ServeFake) -> None:
    """A text is spoken in the voice of the session; what listens is refused by name."""
    engine = FakeEngine()
    served = fake_server(engine)
    socket = f"{served.url.replace('http', 'ws')}/v1"
    client = AsyncOpenAI(api_key=KEY, base_url=f"{served.url}/v1", websocket_base_url=socket)
    async with client.realtime.connect(model="pocket-tts") as connection:
        await until(connection, "session.created")
        session: Any = {"type": "realtime", "audio": {"output": {"voice": "marius"}}}
        await connection.session.update(session=session)
        updated, _ = await until(connection, "session.updated")
        assert updated.session.audio.output.voice == "marius"
        response: Any = said("Hello there.")
        await connection.response.create(response=response)
        created, _ = await until(connection, "response.created")
        done, sound = await until(connection, "response.done")
        assert done.response.id == created.response.id
        assert done.response.status == "completed"
        assert len(sound) == 2 * 5 * 1920
        await connection.input_audio_buffer.commit()
        error, _ = await until(connection, "error")
        assert "input_audio_buffer.commit: this server speaks" in error.error.message
        session["audio"]["output"]["voice"] = "nobody"
        await connection.session.update(session=session)
        error, _ = await until(connection, "error")
        assert "'nobody'" in error.error.message
        engine.frames_per_chunk, engine.frame_seconds = 500, 0.01
        await connection.response.create(response=response)
        await until(connection, "response.output_audio.delta")
        await connection.response.cancel()
        done, _ = await until(connection, "response.done")
        assert done.response.status == "cancelled"
        assert engine.streams[-1].aborted.wait(5)
