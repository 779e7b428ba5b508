"""Clients of every kind, who read to the end, leave at some moment, or read a byte a second."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import msgpack

from benchmarks.attacks import masked
from tests.serving import KEY

LEAVES, SLOW = 0.5, 0.02
"""The shares of clients that leave, and that read a byte a second before they do."""

LONGEST_STAY_SECONDS = 0.5
SLOW_BYTES = 5
PATIENCE_SECONDS = 120.0
JSON = "application/json"
_BOUNDARY = "a-boundary-that-is-in-no-recording"


class Left(Exception):
    """The client has left before the end."""


@dataclass
class Visits:
    """Sends requests, and counts what came of them.

    Attributes:
        outcomes: by kind and status, "left", or "slow".
    """

    port: int
    wyoming_port: int
    recording: bytes
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    requests: int = 0
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)

    async def make(self, kind: str) -> None:
        """Be a client of one kind, once."""
        with suppress(Left):
            await KINDS[kind](self, kind)

    async def exchange(
        self,
        kind: str,
        sent: bytes,
        read: Callable[[asyncio.StreamReader], Awaitable[tuple[str, bytes]]],
        *,
        frames: bytes = b"",
        port: int = 0,
    ) -> tuple[str, bytes]:
        """Send something on a connection of its own and read the answer, or do not wait for it.

        Args:
            frames: are sent once the server has switched to a WebSocket, as RFC 6455 asks.

        Raises:
            Left: the client did not wait.
        """
        self.requests += 1
        reader, writer = await asyncio.open_connection("127.0.0.1", port or self.port)
        dice = self.chance.random()
        manner = "left" if dice < LEAVES else "slow" if dice < LEAVES + SLOW else ""
        try:
            writer.write(sent)
            if frames:
                head = await reader.readuntil(b"\r\n\r\n")
                assert b" 101 " in head, head
                writer.write(frames)
            if manner:
                await self._stay(manner, reader)
                self.outcomes[kind, manner] += 1
                writer.transport.abort()
                raise Left
            async with asyncio.timeout(PATIENCE_SECONDS):
                status, body = await read(reader)
        except OSError:
            status, body = "cut off", b""
        finally:
            writer.close()
        self.outcomes[kind, status] += 1
        return status, body

    async def _stay(self, manner: str, reader: asyncio.StreamReader) -> None:
        if manner == "slow":
            for _ in range(SLOW_BYTES):
                with suppress(TimeoutError):
                    await asyncio.wait_for(reader.read(1), 1.0)
                await asyncio.sleep(1.0)
        else:
            stays = asyncio.ensure_future(reader.read(-1))
            await asyncio.wait({stays}, timeout=self.chance.uniform(0, LONGEST_STAY_SECONDS))
            stays.cancel()

    async def http(
        self, kind: str, method: str, path: str, body: bytes = b"", content_type: str = JSON
    ) -> tuple[str, bytes]:
        """Make a request over HTTP."""
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-API-Key: {KEY}\r\n"
        head += f"xi-api-key: {KEY}\r\nContent-Type: {content_type}\r\n"
        head += f"Content-Length: {len(body)}\r\n\r\n"
        return await self.exchange(kind, head.encode() + body, _whole_answer)


async def _whole_answer(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    data = await reader.read(-1)
    head, _, body = data.partition(b"\r\n\r\n")
    whole = b"chunked" not in head.lower() or data.endswith(b"0\r\n\r\n")
    return head.split(b" ", 2)[1].decode() if head and whole else "cut off", body


async def _whole_socket(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    """Read the frames of a WebSocket; return the code with which the server closes it."""
    while True:
        first, size = await reader.readexactly(2)
        if size >= 126:
            size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8), "big")
        payload = await reader.readexactly(size)
        if first & 0x0F == 8:
            return str(int.from_bytes(payload[:2], "big")), b""


async def _whole_talk(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    """Read Wyoming's events up to the end of the speech."""
    while line := await reader.readline():
        event = json.loads(line)
        await reader.readexactly(event.get("data_length", 0) + event.get("payload_length", 0))
        if event["type"] in ("audio-stop", "error"):
            return event["type"], b""
    return "cut off", b""


def _form(fields: dict[str, str], file: tuple[str, bytes]) -> tuple[bytes, str]:
    part = f"--{_BOUNDARY}\r\nContent-Disposition: form-data; name="
    body = "".join(f'{part}"{name}"\r\n\r\n{value}\r\n' for name, value in fields.items())
    body += f'{part}"{file[0]}"; filename="a.wav"\r\n\r\n'
    whole = body.encode() + file[1] + f"\r\n--{_BOUNDARY}--\r\n".encode()
    return whole, f"multipart/form-data; boundary={_BOUNDARY}"


Kind = Callable[[Visits, str], Awaitable[object]]


def posted(path: str, body: Any) -> Kind:
    data = json.dumps(body).encode()
    return lambda visits, kind: visits.http(kind, "POST", path, data)


def got(path: str) -> Kind:
    return lambda visits, kind: visits.http(kind, "GET", path)


def socket(path: str, *frames: bytes) -> Kind:
    """Open a WebSocket and say something."""
    lines = [f"GET {path} HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: websocket"]
    lines += ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
    sent = "\r\n".join([*lines, f"X-API-Key: {KEY}", "", ""]).encode()
    said = b"".join(frames)
    return lambda visits, kind: visits.exchange(kind, sent, _whole_socket, frames=said)


def text_frame(**content: Any) -> bytes:
    return masked(0x81, json.dumps(content).encode())


def packed_frame(**content: Any) -> bytes:
    return masked(0x82, msgpack.packb(content))


async def clone(visits: Visits, kind: str) -> None:
    """Speak like a recording, which is a new one each time."""
    sound = bytearray(visits.recording)
    sound[100:104] = visits.chance.randbytes(4)
    form = _form({"script": "Hello.", "format": "wav"}, ("voice_file", bytes(sound)))
    await visits.http(kind, "POST", "/tts/clone", *form)


async def flash_clone(visits: Visits, kind: str) -> None:
    form = _form({"text": "Hello."}, ("reference_audio_file", visits.recording))
    await visits.http(kind, "POST", "/clone_voice", *form)


async def saved(visits: Visits, kind: str) -> None:
    """Save audio with captions, and fetch what was saved."""
    body = {"script": "Hello.", "format": "wav", "type": "url", "captions": ["srt", "vtt"]}
    status, answer = await visits.http(kind, "POST", "/tts", json.dumps(body).encode())
    assert status == "200", (status, answer)
    made = json.loads(answer)
    for url in (made["url"], *made["captions"].values()):
        await visits.http(kind, "GET", "/voice/" + url.rpartition("/")[2])


async def voice(visits: Visits, kind: str) -> None:
    """Make a voice, describe, hear, export and delete it, with others at the same few names."""
    path = f"/voices/voice-{visits.chance.randrange(5)}"
    name = path.rpartition("/")[2]
    form = _form({"name": name, "replace": "true"}, ("files", visits.recording))
    await visits.http(kind, "POST", "/voices", *form)
    await visits.http(kind, "PATCH", path, b'{"description": "Warm"}')
    for read in (path, f"{path}/preview", f"{path}/export"):
        await visits.http(kind, "GET", read)
    await visits.http(kind, "DELETE", path)


async def wyoming(visits: Visits, kind: str) -> None:
    event = b'{"type": "synthesize", "data": {"text": "Hello."}}\n'
    await visits.exchange(kind, event, _whole_talk, port=visits.wyoming_port)


SCRIPT = {"script": "Hello there.", "format": "mp3"}
OPENAI = {"model": "tts-1", "input": "Hello there.", "voice": "alba"}
KINDS: dict[str, Kind] = {
    "native, live": posted("/tts", {**SCRIPT, "stream": True}),
    "native, live, WAV": posted("/tts", {**SCRIPT, "format": "wav", "stream": True}),
    "native, complete": posted("/tts", {**SCRIPT, "normalize_loudness": True}),
    "native, GET": got("/tts?script=Hello&format=opus"),
    "captions": posted("/tts", {**SCRIPT, "captions": ["srt"]}),
    "clone": clone,
    "saved": saved,
    "voices": voice,
    "OpenAI": posted("/v1/audio/speech", {**OPENAI, "response_format": "flac"}),
    "OpenAI, SSE": posted("/v1/audio/speech", {**OPENAI, "stream_format": "sse"}),
    "ElevenLabs": posted("/v1/text-to-speech/alba", {"text": "Hello there."}),
    "ElevenLabs, live": posted("/v1/text-to-speech/alba/stream", {"text": "Hello there."}),
    "ElevenLabs, times": posted("/v1/text-to-speech/alba/with-timestamps", {"text": "Hello."}),
    "ElevenLabs, socket": socket(
        "/v1/text-to-speech/alba/stream-input",
        *(text_frame(text=text) for text in (" ", "Hello there. ", "And more. ", "")),
    ),
    "Fish": posted("/v1/tts", {"text": "Hello there.", "format": "mp3"}),
    "Fish, socket": socket(
        "/v1/tts/live",
        packed_frame(event="start", request={"text": "", "format": "opus"}),
        packed_frame(event="text", text="Hello there. And more."),
        packed_frame(event="stop"),
    ),
    "ChatTTS": posted("/chattts/v1/audio/speech", {"input": "Hello.", "stream": True}),
    "ChatTTS, several": posted("/generate_voice", {"text": ["Hello.", "And more."]}),
    "Flash-TTS": posted("/speak", {"name": "alba", "text": "Hello.", "response_format": "mp3"}),
    "Flash-TTS, clone": flash_clone,
    "Wyoming": wyoming,
    "health": got("/health"),
    "refused": posted("/tts", {**SCRIPT, "voice": "nobody"}),
}
