"""Where speech is made: in this process, or by a server. Commands do not care which."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from app.cli.exits import Refused
from app.cli.paths import expanded

Spoken = Callable[[float], None]
"""Told how many seconds of the speech there are so far"""

VOICE_FIELDS = (
    "name",
    "title",
    "kind",
    "spoken_by",
    "language",
    "tags",
    "description",
    "created",
    "reference_seconds",
)
"""What is told of a voice, by the names of the native API"""

STATE_SUFFIX = ".safetensors"
"""Of a voice that was exported, not recorded"""


def stand_in_warning(reason: str, model: str) -> str:
    """The line on standard error about a `model` that nobody asked for."""
    return f"warning: {reason}; the {model} model speaks instead"


@dataclass(frozen=True, slots=True)
class Recording:
    """A file in whose voice to speak, or of which to make a voice."""

    filename: str
    data: bytes = field(repr=False)

    @classmethod
    def read(cls, path: Path, option: str) -> Recording:
        """Raises: Refused: says what is wrong with the file that `option` names."""
        try:
            data = expanded(path).read_bytes()
        except OSError as error:
            hint = f"; a voice of the list is called {path.stem}" if option == "--voice" else ""
            raise Refused(f"{option}: {path} cannot be read: {error.strerror}{hint}") from None
        if not data:
            raise Refused(f"{option}: {path} is empty")
        return cls(path.name, data)


@dataclass(frozen=True, slots=True)
class Order:
    """One text, and how it is to sound.

    Attributes:
        voice: None for the default one.
        format: its name.
        controls: by the names of the native API; what is missing stays as the speaker has it.
        stream: bytes are wanted while they are made.
    """

    text: str
    voice: str | Recording | None
    format: str
    controls: Mapping[str, Any]
    stream: bool


@dataclass(frozen=True, slots=True)
class NewVoice:
    name: str
    recordings: Sequence[Recording]
    description: str | None
    tags: Sequence[str]
    language: str | None
    replace: bool


class Backend(Protocol):
    """Speaks, and keeps voices. Every method raises `Refused`."""

    @property
    def side_by_side(self) -> int:
        """How many texts it gains from speaking at once."""
        ...

    def opened(self) -> AbstractAsyncContextManager[None]:
        """It works in this block, and cleans up at its end."""
        ...

    def speak(self, order: Order, spoken: Spoken, /) -> AsyncGenerator[bytes, None]:
        """The encoded audio: in one piece, or in many with `order.stream`."""
        ...

    async def voices(self) -> list[dict[str, Any]]:
        """What is known of each voice, by the names of the native API's GET /voices."""
        ...

    async def add_voice(self, voice: NewVoice) -> dict[str, Any]:
        """The voice as it is now known."""
        ...

    async def remove_voice(self, name: str) -> str:
        """Its name as it was."""
        ...

    async def export_voice(self, name: str) -> bytes:
        """Its `.safetensors` file."""
        ...

    async def preview_voice(self, name: str, audio_format: str) -> bytes:
        """A few words in it, encoded."""
        ...
