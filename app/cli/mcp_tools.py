"""Defines the tools that an agent gets over the Model Context Protocol."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import AudioContent, ToolAnnotations
from pydantic import Field

from app import __version__
from app.audio.formats import FORMATS, format_with_extension
from app.cli.backend import Backend, NewVoice, Recording, TextToSpeak
from app.cli.exits import Refused
from app.cli.mcp_desk import Desk
from app.cli.outputs import whole_file
from app.cli.player import Player
from app.speech import SPEECH_RATE_HZ

T = TypeVar("T")

INSTRUCTIONS = (
    "Speaks text aloud or into audio files, in one of several voices. Write text as it is to be "
    "read; numbers and abbreviations are put into words. [pause 1s] is a pause, and a line that "
    "begins with [voice name] is said by that voice."
)
SpokenFormat: TypeAlias = Literal["mp3", "wav", "flac", "opus", "aac"]
Text = Annotated[str, Field(description="What is said.")]
Voice = Annotated[
    str | None, Field(description="Who says it, by a name of list_voices; else the default voice.")
]
Speed = Annotated[
    float, Field(ge=0.25, le=4, description="Pace at constant pitch; 2 is twice as fast.")
]
Language = Annotated[
    str | None, Field(description="Of the text, such as en or fr; else the model's own.")
]
NewName = Annotated[str, Field(description="How the voice will be called.")]
AboutIt = Annotated[str | None, Field(description="A few words about it.")]
MayReplace = Annotated[bool, Field(description="Replace the voice of that name.")]
_RECORDINGS = "Recordings of one person, some seconds of clear speech"
_OPTION = re.compile(r"--([a-z_-]+)")
_ARGUMENTS = {"TEXT": "text", "FILE": "recordings", "NAME": "name"}
_ARGUMENT = re.compile(rf"\b({'|'.join(_ARGUMENTS)})\b")
_PLAYED = "wav"


class SpeechTools:
    """Speaks for agents.

    Args:
        desk: has work done by a backend.
        folder: here alone files are read and written; None where no files are touched.
        player: plays on this machine; None leaves out the tool that speaks aloud.
    """

    def __init__(self, desk: Desk, folder: Path | None, player: Player | None) -> None:
        self._desk = desk
        self._folder = None if folder is None else folder.resolve()
        self._player = player

    def server(self, **options: Any) -> MCPServer[Any]:
        """Make the server that offers the tools.

        Args:
            options: of `MCPServer`.
        """
        server = MCPServer[Any](
            "pocket-speech",
            title="Pocket Speech",
            instructions=INSTRUCTIONS,
            version=__version__,
            log_level="WARNING",
            **options,
        )
        looking, adding = (
            ToolAnnotations(read_only_hint=True),
            ToolAnnotations(destructive_hint=False),
        )
        server.tool(annotations=looking, structured_output=False)(self.speak)
        server.tool(annotations=looking)(self.list_voices)
        if self._folder is None:
            server.tool(annotations=adding)(self.clone_voice)
        else:
            server.tool("clone_voice", annotations=adding)(self.clone_voice_of_files)
            server.tool()(self.save_speech)
        if self._player is not None:
            server.tool(annotations=adding)(self.say_aloud)
        return server

    async def speak(
        self,
        text: Text,
        voice: Voice = None,
        format: SpokenFormat = "mp3",  # noqa: A002 - agents see this name
        speed: Speed = 1.0,
        language: Language = None,
    ) -> AudioContent:
        """Speak a text, and return the audio."""
        wanted = _wanted(text, voice, format, speed, language)
        data = await self._done(partial(_spoken, wanted))
        kind = FORMATS[format].content_type(SPEECH_RATE_HZ)
        return AudioContent(data=base64.b64encode(data).decode(), mime_type=kind)

    async def save_speech(
        self,
        text: Text,
        file: Annotated[
            str, Field(description="Where it is written, such as speech.mp3; the ending decides.")
        ],
        voice: Voice = None,
        speed: Speed = 1.0,
        language: Language = None,
    ) -> str:
        """Speak a text into an audio file, which is replaced if it exists; return its path."""
        path = self._inside(file)
        found = format_with_extension(path.suffix.lower())
        if found is None:
            endings = ", ".join(dict.fromkeys(each.extension for each in FORMATS.values()))
            raise ToolError(f"file: {file} must end in one of {endings}")
        wanted = _wanted(text, voice, found.name, speed, language)

        async def work(backend: Backend) -> None:
            data = await _spoken(wanted, backend)
            path.parent.mkdir(parents=True, exist_ok=True)
            async with whole_file(path) as write:
                await write(data)

        await self._done(work)
        return str(path)

    async def say_aloud(
        self, text: Text, voice: Voice = None, speed: Speed = 1.0, language: Language = None
    ) -> str:
        """Speak a text through the loudspeaker of this machine, and return once it was heard."""
        player = self._player
        assert player is not None
        wanted = _wanted(text, voice, _PLAYED, speed, language)

        async def work(backend: Backend) -> None:
            with TemporaryDirectory() as folder:
                path = Path(folder) / f"speech.{_PLAYED}"
                async with whole_file(path) as write:
                    await write(await _spoken(wanted, backend))
                await player.play(path)

        await self._done(work)
        return "It was spoken."

    async def list_voices(self) -> list[dict[str, Any]]:
        """List the voices: name, language, kind, description."""
        return await self._done(lambda backend: backend.voices())

    async def clone_voice(
        self,
        name: NewName,
        recordings: Annotated[
            list[str], Field(min_length=1, description=f"{_RECORDINGS}, in base64.")
        ],
        description: AboutIt = None,
        replace: MayReplace = False,
    ) -> dict[str, Any]:
        """Make a voice of recordings. Only with the consent of the person who is heard."""
        read = []
        for number, each in enumerate(recordings, 1):
            try:
                data = base64.b64decode(each.rpartition(",")[2], validate=True)
            except (binascii.Error, ValueError):
                raise ToolError(f"recordings: number {number} is not base64") from None
            read.append(Recording(f"recording {number}", data))
        return await self._cloned(NewVoice(name, read, description, (), None, replace))

    async def clone_voice_of_files(
        self,
        name: NewName,
        files: Annotated[list[str], Field(min_length=1, description=f"{_RECORDINGS}: their files")],
        description: AboutIt = None,
        replace: MayReplace = False,
    ) -> dict[str, Any]:
        """Make a voice of recordings. Only with the consent of the person who is heard."""
        try:
            read = [Recording.read(self._inside(each), "files") for each in files]
        except Refused as refused:
            raise _told(refused) from None
        return await self._cloned(NewVoice(name, read, description, (), None, replace))

    async def _cloned(self, voice: NewVoice) -> dict[str, Any]:
        return await self._done(lambda backend: backend.add_voice(voice))

    async def _done(self, work: Callable[[Backend], Coroutine[Any, Any, T]]) -> T:
        try:
            return await self._desk.do(work)
        except Refused as refused:
            raise _told(refused) from None
        except OSError as error:
            raise ToolError(f"{error.filename}: {error.strerror}") from None

    def _inside(self, typed: str) -> Path:
        """Return the path of a file.

        Raises:
            ToolError: it is not in the folder.
        """
        assert self._folder is not None
        path = (self._folder / typed.replace("\0", "")).resolve()
        if not path.is_relative_to(self._folder) or "\0" in typed:
            raise ToolError(f"{typed[:200]} is not in {self._folder}, where files are kept")
        return path


def _told(refused: Refused) -> ToolError:
    """Tell an agent why, with the names that its arguments have in the place of a command's."""
    message = _OPTION.sub(r"\1", refused.message or "")
    return ToolError(_ARGUMENT.sub(lambda found: _ARGUMENTS[found[0]], message))


def _wanted(
    text: str, voice: str | None, audio_format: str, speed: float, language: str | None
) -> TextToSpeak:
    controls: dict[str, Any] = {"speed": speed}
    if language is not None:
        controls["language"] = language
    return TextToSpeak(text, voice, audio_format, controls, stream=False)


async def _spoken(wanted: TextToSpeak, backend: Backend) -> bytes:
    async with aclosing(backend.speak(wanted, lambda _seconds: None)) as pieces:
        return b"".join([piece async for piece in pieces])
