"""Defines what commands need of speech, whether this process makes it or a server."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from app.cli.exits import Refused
from app.cli.paths import expanded

Spoken = Callable[[float], None]
"""Called with the seconds of speech that have been made so far."""

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
"""These fields of a voice are shown; the native API has the same names."""


def stand_in_warning(reason: str, model: str) -> str:
    """Return the warning that `model` speaks though another one was asked for."""
    return f"warning: {reason}; the {model} model speaks instead"


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording is a file in whose voice to speak, or of which to make a voice."""

    filename: str
    data: bytes = field(repr=False)

    @classmethod
    def read(cls, path: Path, option: str) -> Recording:
        """Read the file that `option` names.

        Raises:
            Refused: it cannot be read, or is empty.
        """
        try:
            data = expanded(path).read_bytes()
        except OSError as error:
            hint = ""
            if option == "--voice":
                hint = f"; a voice of the list is named without folder and ending: -v {path.stem}"
            raise Refused(f"{option}: {path} cannot be read: {error.strerror}{hint}") from None
        if not data:
            raise Refused(f"{option}: {path} is empty")
        return cls(path.name, data)


def why_ended(state: str, reason: str | None, job_id: str) -> str:
    """Say why a book will not be finished; the same command would find the same job."""
    if state == "cancelled":
        return f"cancelled: somebody has ended job {job_id}; delete it to narrate the book anew"
    return f"{state}: {reason}"


@dataclass(frozen=True, slots=True)
class TextToSpeak:
    """This says which text to speak, and how it is to sound.

    Attributes:
        voice: a name or a recording; None for the default voice.
        format: the name of the audio format.
        controls: values by the native API's names; the speaker's own hold for those left out.
        stream: whether the audio is wanted while it is made.
        captions: the formats of caption files that are wanted as well.
    """

    text: str
    voice: str | Recording | None
    format: str
    controls: Mapping[str, Any]
    stream: bool
    captions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BookToNarrate:
    """This says which document to narrate, and how: by the names of `POST /jobs`.

    Attributes:
        read: what is read besides the running text.
        key: the same book asked for again has the same.
    """

    data: bytes = field(repr=False)
    filename: str
    fields: Mapping[str, Any]
    read: Mapping[str, bool]
    key: str


Told = Callable[[Mapping[str, Any]], None]
"""Called with a job as `GET /jobs/{id}` shows it."""


@dataclass(frozen=True, slots=True)
class NewVoice:
    """This says of which recordings, or of which voice state, a voice is to be made."""

    name: str
    recordings: Sequence[Recording]
    description: str | None
    tags: Sequence[str]
    language: str | None
    replace: bool


class Backend(Protocol):
    """A backend speaks and keeps voices. Every method may raise `Refused`."""

    @property
    def side_by_side(self) -> int:
        """Tell how many texts are best spoken at once."""
        ...

    def opened(self) -> AbstractAsyncContextManager[None]:
        """Start the backend for the length of a block, and clean up at its end."""
        ...

    def speak(self, wanted: TextToSpeak, spoken: Spoken, /) -> AsyncGenerator[bytes, None]:
        """Yield the encoded audio: in one piece, or in many with `wanted.stream`."""
        ...

    async def speak_captioned(
        self, wanted: TextToSpeak, spoken: Spoken, /
    ) -> tuple[bytes, Mapping[str, str]]:
        """Return the encoded audio, and the texts of the caption files by their formats."""
        ...

    async def narrate(self, wanted: BookToNarrate, told: Told, /) -> str:
        """Narrate a book to its end, and return the id of its job; park it if interrupted."""
        ...

    def narrated(self, job_id: str, part: str) -> AsyncGenerator[bytes, None]:
        """Yield what was made of a book that is narrated: the `output`, or `captions.srt`."""
        ...

    async def voices(self) -> list[dict[str, Any]]:
        """List the `VOICE_FIELDS` of each voice."""
        ...

    async def add_voice(self, voice: NewVoice) -> dict[str, Any]:
        """Make a voice, and return its `VOICE_FIELDS`."""
        ...

    async def remove_voice(self, name: str) -> str:
        """Delete a voice, and return its name."""
        ...

    async def export_voice(self, name: str) -> bytes:
        """Return a voice as the bytes of a `.safetensors` file."""
        ...

    async def preview_voice(self, name: str, audio_format: str) -> bytes:
        """Return a few words spoken in a voice, encoded."""
        ...
