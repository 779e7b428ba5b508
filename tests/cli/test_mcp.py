"""A voice for agents, spoken with through the client of the official SDK."""

from __future__ import annotations

import asyncio
import base64
import io
import os
import socket
import sys
import wave
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp")

import httpx2
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import AudioContent, CallToolResult, TextContent

from app.cli.backend import NewVoice, Spoken, TextToSpeak
from app.cli.exits import Refused
from app.cli.mcp_desk import Desk
from app.cli.mcp_tools import SpeechTools
from app.cli.player import Player
from tests.audio.probe import voice_like
from tests.conftest import wav_bytes
from tests.fakes import FakeEngine
from tests.serving import KEY, Served, serve_fake

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 30.0


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve_fake(tmp_path_factory.mktemp("mcp"), FakeEngine(frames_per_chunk=10)) as served:
        yield served


def text_of(result: CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


def refusal(result: CallToolResult) -> str:
    assert result.is_error
    return text_of(result)


def seconds_of(result: CallToolResult) -> float:
    assert not result.is_error, result.content
    (content,) = result.content
    assert isinstance(content, AudioContent)
    assert content.mime_type == "audio/wav"
    with wave.open(io.BytesIO(base64.b64decode(content.data))) as file:
        return float(file.getnframes() / file.getframerate())


def command(*arguments: str) -> dict[str, Any]:
    environment = {"API_KEY": KEY, "PYTHONPATH": str(ROOT)}
    return {"args": ["-m", "app", "mcp", *arguments], "env": environment}


async def test_over_stdio(served: Served, tmp_path: Path) -> None:
    """It speaks, writes files into its folder and nowhere else, lists voices, and clones."""
    (tmp_path / "anna.wav").write_bytes(wav_bytes(voice_like(3.0)))
    started = command("--server", served.url)
    server = StdioServerParameters(command=sys.executable, cwd=tmp_path, **started)
    async with asyncio.timeout(PATIENCE_SECONDS), Client(stdio_client(server)) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert {"speak", "list_voices", "clone_voice", "save_speech"} <= set(tools)
        assert all(tool.description for tool in tools.values())

        heard = await client.call_tool("speak", {"text": "Hello there.", "format": "wav"})
        assert seconds_of(heard) == pytest.approx(0.8)
        saved = await client.call_tool(
            "save_speech", {"text": "Hello.", "file": "out/hello.flac", "voice": "marius"}
        )
        assert text_of(saved) == str(tmp_path / "out" / "hello.flac")
        assert (tmp_path / "out" / "hello.flac").read_bytes().startswith(b"fLaC")

        made = await client.call_tool("clone_voice", {"name": "anna", "files": ["anna.wav"]})
        assert not made.is_error, made.content
        listed = await client.call_tool("list_voices", {})
        assert listed.structured_content is not None
        assert {"alba", "anna"} <= {each["name"] for each in listed.structured_content["result"]}

        for file, words in (
            ("../hello.mp3", "is not in"),
            ("/etc/hello.mp3", "is not in"),
            ("hel\0lo.mp3", "is not in"),
            ("hello.txt", "must end in one of"),
            ("hello", "must end in one of"),
        ):
            told = await client.call_tool("save_speech", {"text": "Hello.", "file": file})
            assert words in refusal(told)
        assert {each.name for each in tmp_path.iterdir()} == {"anna.wav", "out"}
        for arguments, words in (
            ({"text": "Hello.", "voice": "nobody"}, "voice 'nobody' does not exist"),
            ({"text": " "}, "is empty"),
            ({"text": "Hello.", "speed": 9}, "speed"),
            ({"text": "Hello.", "format": "midi"}, "format"),
        ):
            message = refusal(await client.call_tool("speak", arguments))
            assert words in message
            assert "--" not in message


@asynccontextmanager
async def over_http(served: Served) -> AsyncIterator[str]:
    """The address at which the command serves."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    started = command("--http", "--port", str(port), "--server", served.url)
    process = await asyncio.create_subprocess_exec(
        sys.executable, *started["args"], env={**os.environ, **started["env"]}
    )
    try:
        while True:
            try:
                (await asyncio.open_connection("127.0.0.1", port))[1].close()
                break
            except ConnectionRefusedError:
                assert process.returncode is None
                await asyncio.sleep(0.05)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.terminate()
        await process.wait()


async def test_over_http(served: Served) -> None:
    """It speaks and clones for whoever has the key, and touches no files."""
    recording = base64.b64encode(wav_bytes(voice_like(3.0))).decode()
    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        over_http(served) as url,
        httpx2.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as connections,
    ):
        for key in ({}, {"Authorization": "Bearer wrong"}):
            assert (await connections.post(url, json={}, headers=key)).status_code == 401
        connections.headers["Authorization"] = f"Bearer {KEY}"
        async with Client(streamable_http_client(url, http_client=connections)) as client:
            names = {tool.name for tool in (await client.list_tools()).tools}
            assert names == {"speak", "list_voices", "clone_voice"}
            heard = await client.call_tool("speak", {"text": "Hello there.", "format": "wav"})
            assert seconds_of(heard) == pytest.approx(0.8)
            for data, words in (("no base64", "1 is not base64"), ("aGk=", "recordings: ")):
                asked = {"name": "ben", "recordings": [data]}
                assert words in refusal(await client.call_tool("clone_voice", asked))
            asked = {"name": "ben", "recordings": [f"data:audio/wav;base64,{recording}"]}
            made = await client.call_tool("clone_voice", asked)
            assert not made.is_error, made.content


class FakeBackend:
    """Speaks two bytes, once it is let."""

    side_by_side = 1

    def __init__(self, broken: str = "") -> None:
        self.let = asyncio.Event()
        self.broken = broken
        self.closed = False
        self.given_up = asyncio.Event()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        await self.let.wait()
        if self.broken:
            raise Refused(self.broken)
        try:
            yield
        finally:
            self.closed = True

    async def speak(self, wanted: TextToSpeak, spoken: Spoken, /) -> AsyncIterator[bytes]:
        try:
            if wanted.text == "for ever":
                await asyncio.Event().wait()
            yield b"hi"
        finally:
            self.given_up.set()

    async def add_voice(self, voice: NewVoice) -> dict[str, Any]:
        raise OSError(28, "No space left on device", "voices/anna.wav")


def tools_of(backend: FakeBackend, folder: Path | None, player: Player | None = None) -> Any:
    desk = Desk(backend)  # type: ignore[arg-type]  # it does what is asked here
    return desk, SpeechTools(desk, folder, player).server()


async def test_it_answers_while_the_model_is_loaded(tmp_path: Path) -> None:
    """Tools are listed at once; speech waits for the model, and hears if there is none."""
    for broken in ("", "the model cannot be had"):
        backend = FakeBackend(broken)
        desk, server = tools_of(backend, tmp_path)
        async with desk.open(), Client(server) as client:
            assert (await client.list_tools()).tools
            speaking = asyncio.create_task(client.call_tool("speak", {"text": "Hello."}))
            await asyncio.sleep(0.05)
            assert not speaking.done()
            backend.let.set()
            result = await speaking
            assert result.is_error == bool(broken)
            if broken:
                assert broken in refusal(result)
        assert backend.closed != bool(broken)


async def test_a_disk_that_is_full(tmp_path: Path) -> None:
    """What the system refuses is told as such."""
    (tmp_path / "anna.wav").write_bytes(b"RIFF")
    backend = FakeBackend()
    backend.let.set()
    desk, server = tools_of(backend, tmp_path)
    async with desk.open(), Client(server) as client:
        made = await client.call_tool("clone_voice", {"name": "anna", "files": ["anna.wav"]})
        assert refusal(made).endswith("voices/anna.wav: No space left on device")
        none = await client.call_tool("clone_voice", {"name": "anna", "files": ["ben.wav"]})
        assert "cannot be read" in refusal(none)


async def test_speaking_aloud(tmp_path: Path) -> None:
    """Where the machine has a player, there is a tool that plays."""
    heard = tmp_path / "heard"
    player = Player("cp", (), None)
    backend = FakeBackend()
    backend.let.set()

    class Copying(Player):
        async def play(self, path: Path) -> None:
            heard.write_bytes(path.read_bytes())

    desk, server = tools_of(backend, tmp_path, Copying(player.program, (), None))
    async with desk.open(), Client(server) as client:
        assert "say_aloud" in {tool.name for tool in (await client.list_tools()).tools}
        assert text_of(await client.call_tool("say_aloud", {"text": "Hi."})) == "It was spoken."
    assert heard.read_bytes() == b"hi"


async def test_who_gives_up(tmp_path: Path) -> None:
    """Work that nobody waits for any more is stopped."""
    backend = FakeBackend()
    backend.let.set()
    desk, server = tools_of(backend, tmp_path)
    async with desk.open(), Client(server) as client:
        asking = asyncio.create_task(client.call_tool("speak", {"text": "for ever"}))
        await asyncio.wait([asking], timeout=0.2)
        asking.cancel()
        await asyncio.wait_for(backend.given_up.wait(), PATIENCE_SECONDS)
