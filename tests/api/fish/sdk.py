"""Fish Audio's own SDKs, the present and the older one, pointed at a server of the tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import fish_audio_sdk
import ormsgpack
from fishaudio import AsyncFishAudio, FishAudio
from httpx_ws import WebSocketSession, connect_ws

from tests.audio.probe import Probed, probe
from tests.serving import KEY, Served

TEXT = "Hello there, this is a short test."
BASES = ("", "/fish")
"""The plain paths, and the dialect's own"""


def sdk_for(served: Served, *, key: str = KEY, base: str = "") -> FishAudio:
    return FishAudio(api_key=key, base_url=served.url + base)


def async_sdk_for(served: Served, *, key: str = KEY, base: str = "") -> AsyncFishAudio:
    return AsyncFishAudio(api_key=key, base_url=served.url + base)


def session_for(served: Served, *, key: str = KEY, base: str = "") -> fish_audio_sdk.Session:
    return fish_audio_sdk.Session(key, base_url=served.url + base)


class Live(Protocol):
    """Everything that a client hears of a text, as WAV."""

    def __call__(self, served: Served, texts: Iterable[str], key: str = KEY) -> bytes: ...


def live(served: Served, texts: Iterable[str], key: str = KEY) -> bytes:
    with sdk_for(served, key=key) as sdk:
        return b"".join(sdk.tts.stream_websocket(texts, format="wav"))


def live_async(served: Served, texts: Iterable[str], key: str = KEY) -> bytes:
    async def heard() -> bytes:
        async with async_sdk_for(served, key=key) as sdk:
            pieces = sdk.tts.stream_websocket(_as_async(texts), format="wav")
            return b"".join([piece async for piece in pieces])

    return _run(heard())


def live_older(served: Served, texts: Iterable[str], key: str = KEY) -> bytes:
    request = fish_audio_sdk.TTSRequest(text="", format="wav")
    with fish_audio_sdk.WebSocketSession(key, base_url=served.url) as session:
        return b"".join(session.tts(request, texts))


def live_older_async(served: Served, texts: Iterable[str], key: str = KEY) -> bytes:
    async def heard() -> bytes:
        request = fish_audio_sdk.TTSRequest(text="", format="wav")
        async with fish_audio_sdk.AsyncWebSocketSession(key, base_url=served.url) as session:
            return b"".join([piece async for piece in session.tts(request, _as_async(texts))])

    return _run(heard())


LIVE: tuple[Live, ...] = (live, live_async, live_older, live_older_async)


@contextmanager
def raw_socket(served: Served, *, start: bool = True, **request: Any) -> Iterator[WebSocketSession]:
    """A socket as the SDK opens it, on which the first event was sent if `start`."""
    ws: WebSocketSession
    with (
        sdk_for(served) as sdk,
        connect_ws("/v1/tts/live", client=sdk._client_wrapper.client) as ws,
    ):
        if start:
            say(ws, event="start", request={"text": ""} | request)
        yield ws


def say(ws: WebSocketSession, **event: Any) -> None:
    ws.send_bytes(ormsgpack.packb(event))


def next_event(ws: WebSocketSession, seconds: float = 10) -> dict[str, Any]:
    event: dict[str, Any] = ormsgpack.unpackb(ws.receive_bytes(timeout=seconds))
    return event


def last_event(ws: WebSocketSession) -> dict[str, Any]:
    """The one that ends the speech."""
    while (event := next_event(ws))["event"] == "audio":
        pass
    return event


def heard_in(ffmpeg: Path, folder: Path, audio: bytes, name: str, rate_hz: int = 44100) -> Probed:
    """Decode audio; headerless samples are taken to have `rate_hz`."""
    path = folder / f"heard.{name}"
    path.write_bytes(audio)
    headerless = ("-f", "s16le", "-ar", str(rate_hz), "-ac", "1")
    return probe(ffmpeg, path, *(headerless if name == "pcm" else ()))


def _run(heard: Coroutine[Any, Any, bytes]) -> bytes:
    """The asynchronous clients wrap what they raise in the group of their background tasks."""
    try:
        return asyncio.run(heard)
    except Exception as error:
        for inner in getattr(error, "exceptions", ()):
            raise inner from error
        raise


async def _as_async(texts: Iterable[str]) -> AsyncIterator[str]:
    for text in texts:
        yield text
