"""Defines the messages of /ws/tts; docs/asyncapi.yaml is made of them."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from app.marks import Mark
from app.ranges import AnyCase
from app.speaking.controls import SpeechControls

MarkKinds: TypeAlias = Literal["none", "sentence", "word"]
ContextName = Annotated[str, Field(max_length=200, description="Which text it is about.")]


class FromClient(BaseModel):
    """Holds what all messages of clients have."""

    model_config = ConfigDict(extra="forbid")

    context: ContextName = "default"


class Start(SpeechControls, FromClient):
    """Opens a context, in which one text becomes one sound."""

    type: Literal["start"]
    model: str | None = Field(
        None,
        description="One of the server's models, where it has several (`models` of /health).",
    )
    voice: str | None = Field(None, description="A voice of this server.")
    format: str = Field(
        "pcm", description="How the sound is encoded: pcm, wav, mp3, opus and all others."
    )
    marks: Annotated[MarkKinds, AnyCase] = Field(
        "word", description="Which marks come with the sound; `word` brings sentences as well."
    )


class Text(FromClient):
    """Brings more of the text, as it is; an empty one only keeps the context alive."""

    type: Literal["text"]
    text: str = Field(description="Plain text, markup, or SSML in pieces of any size.")


class Flush(FromClient):
    """Has the text spoken that is there, even if a sentence is unfinished."""

    type: Literal["flush"]


class End(FromClient):
    """Says that the text is complete; what is there is spoken."""

    type: Literal["end"]


class Cancel(FromClient):
    """Stops a context at once, also one that was sent to its end and is still played."""

    type: Literal["cancel"]
    heard_seconds: float | None = Field(
        None,
        ge=0,
        description="How much was heard, where the player knows it; else it is estimated.",
    )


class FromServer(BaseModel):
    """Holds what all messages of the server have."""

    context: str = Field(description="Which text it is about.")


class Started(FromServer):
    """Says that the context can speak, and what its sound will be."""

    type: Literal["started"] = "started"
    format: str
    content_type: str
    sample_rate: int = Field(description="Hz; the sound is mono, and PCM has 16 bits.")


class Audio(FromServer):
    """Says whose sound the next frame is, which is binary."""

    type: Literal["audio"] = "audio"
    bytes: int = Field(description="The length of that frame.")


class Marked(FromServer):
    """Says when a word or a sentence is heard; it comes once that is known, after its sound."""

    type: Literal["mark"] = "mark"
    kind: Literal["word", "sentence"]
    text: str
    start: float = Field(description="Seconds from the beginning of the context's sound.")
    end: float
    script_start: int = Field(description="Where in the context's text it stands, in characters.")
    script_end: int

    @classmethod
    def of(cls, context: str, kind: Literal["word", "sentence"], mark: Mark) -> Marked:
        """Make the message about a mark."""
        return cls(
            context=context,
            kind=kind,
            text=mark.text,
            start=round(mark.start_seconds, 3),
            end=round(mark.end_seconds, 3),
            script_start=mark.script_start,
            script_end=mark.script_end,
        )


class Done(FromServer):
    """Says that all of the context's text has been spoken, and all of its sound sent."""

    type: Literal["done"] = "done"
    seconds: float = Field(description="How long the sound is.")
    method: Literal["attention", "estimated"] | None = Field(
        description="How the times of words were found; null where none were asked for."
    )


class Cancelled(FromServer):
    """Says that nothing more of the context comes, and how much of it has been heard."""

    type: Literal["cancelled"] = "cancelled"
    heard_seconds: float = Field(
        description="Of the sound, by a player that plays it as it comes, or as `cancel` said."
    )
    heard_characters: int | None = Field(
        description="The text was heard up to here; null where no marks were asked for."
    )
    sent_seconds: float = Field(description="How much sound was sent.")


class ErrorDetail(BaseModel):
    """Says what was wrong, as over HTTP."""

    type: str
    message: str
    field: str | None
    request_id: str


class Error(BaseModel):
    """Says what was wrong. One about a context ends that; one about none ends the socket."""

    type: Literal["error"] = "error"
    context: str | None
    error: ErrorDetail


CLIENT_MESSAGES: tuple[type[FromClient], ...] = (Start, Text, Flush, Cancel, End)
SERVER_MESSAGES: tuple[type[BaseModel], ...] = (Started, Audio, Marked, Done, Cancelled, Error)
