"""A server that Home Assistant can speak with, and what it hears from it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Describe, Info
from wyoming.tts import SynthesizeStopped

from app.main import create_app
from app.speech_engine import SpeechEngine
from app.wyoming.server import listeners_of
from tests.fakes import FRAME_SAMPLES, FakeEngine
from tests.serving import Served, make_settings, running, served_at

PATIENCE_SECONDS = 10.0
SENTENCE_SAMPLES = 5 * FRAME_SAMPLES
PAUSE_SAMPLES = 6000


@dataclass
class Home:
    """A server that Home Assistant can speak with."""

    served: Served
    port: int

    @asynccontextmanager
    async def client(self) -> AsyncIterator[AsyncTcpClient]:
        client = AsyncTcpClient("127.0.0.1", self.port, read_timeout=PATIENCE_SECONDS)
        await client.connect()
        try:
            yield client
        finally:
            await client.disconnect()

    async def say(self, *events: Event) -> Heard:
        """What comes back for these events on a connection of their own."""
        async with self.client() as client:
            for event in events:
                await client.write_event(event)
            return await hear(client, streamed=events[0].type == "synthesize-start")


@dataclass
class Heard:
    """What a client was told, until the speech or the connection ended."""

    types: list[str] = field(default_factory=list)
    pcm: bytes = b""
    error: Error | None = None

    @property
    def samples(self) -> int:
        return len(self.pcm) // 2


async def hear(
    client: AsyncTcpClient, *, streamed: bool = False, before: Heard | None = None
) -> Heard:
    """All until the end of the speech or of the connection.

    Args:
        streamed: whether the end is that of a stream.
        before: what was heard already.
    """
    heard = before or Heard()
    while (event := await client.read_event()) is not None:
        if AudioChunk.is_type(event.type):
            chunk = AudioChunk.from_event(event)
            assert (chunk.rate, chunk.width, chunk.channels) == (24000, 2, 1)
            heard.pcm += chunk.audio
            if heard.types[-1] == event.type:
                continue
        heard.types.append(event.type)
        if AudioStart.is_type(event.type):
            start = AudioStart.from_event(event)
            assert (start.rate, start.width, start.channels) == (24000, 2, 1)
        if Error.is_type(event.type):
            heard.error = Error.from_event(event)
        if (SynthesizeStopped if streamed else AudioStop).is_type(event.type):
            break
    return heard


WHOLE = ["audio-start", "audio-chunk", "audio-stop"]


@contextmanager
def home(
    folder: Path, build: Callable[[], SpeechEngine] | None, *, wait: bool = True, **fields: Any
) -> Iterator[Home]:
    settings = make_settings(folder, wyoming_port=0, **fields)
    listeners = listeners_of(settings)
    port = listeners[0].getsockname()[1]
    app = create_app(settings, build, wyoming_listeners=listeners)
    with running(app) as url, served_at(url, settings) as served:
        if wait:
            served.wait_until(lambda health: health["model"]["state"] == "ready", seconds=60)
        yield Home(served, port)


@contextmanager
def fake_home(folder: Path, engine: FakeEngine | None = None, **fields: Any) -> Iterator[Home]:
    fake = engine or FakeEngine()
    with home(folder, lambda: fake, **fields) as made:
        try:
            yield made
        finally:
            fake.let_go.set()


def spoken(engine: FakeEngine) -> list[str]:
    return [" ".join(chunk.text for chunk in each.job.chunks) for each in engine.streams]


async def describe(made: Home) -> Info:
    async with made.client() as client:
        await client.write_event(Describe().event())
        event = await client.read_event()
        assert event is not None
        return Info.from_event(event)
