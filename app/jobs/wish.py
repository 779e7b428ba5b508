"""Defines what a caller asks of a long recording, under the names of the native API."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema

from app.audio.formats import AudioFormat
from app.audio.loudness import TARGET_LUFS
from app.audio.output import output_format
from app.bounds import DOCUMENT_LINE_CHARACTERS
from app.captions.controls import CaptionControls
from app.ranges import AnyCase
from app.speaking.controls import SpeechControls
from app.speech import SPEECH_RATE_HZ, SpeechRequest

BOOK_LUFS = -18.0
"""Audiobooks are mastered to about this loudness."""
M4B_KBPS = 64
LOUDNESS_LUFS_RANGE = (-40.0, -10.0)
MOST_PAUSE_SECONDS = 30.0

BookFormat = Literal["m4b", "mp3", "opus", "flac", "wav"]


def _table(value: object) -> object:
    """Read a table from JSON, as forms have it; leave any other value alone."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value or "{}")
    except (ValueError, RecursionError):
        raise ValueError('must be a JSON object such as {"Alice": "alba"}') from None


def _undotted(name: object) -> object:
    return name.removeprefix(".") if isinstance(name, str) else name


def _separate(value: object) -> object:
    """Take numbers in a list, or in texts with commas, as forms have them."""
    parts = [value] if isinstance(value, str) else value
    if not isinstance(parts, list):
        return value
    split = [part.split(",") if isinstance(part, str) else [part] for part in parts]
    return [number for numbers in split for number in numbers if number != ""]


_TABLE = WithJsonSchema({"type": "object", "additionalProperties": {"type": "string"}})
Voice = Annotated[str, Field(min_length=1, max_length=200)]
Line = Annotated[str, Field(max_length=DOCUMENT_LINE_CHARACTERS)]


class JobControls(SpeechControls, CaptionControls):
    """These fields say how a long recording is spoken and what is made of it."""

    model_config = ConfigDict(extra="forbid")

    model: Voice | None = Field(
        None,
        description="One of the server's models, where it has several (`models` of /health).",
        examples=["english_18m_2026-10"],
    )
    voice: Voice | None = Field(None, description="Name of the voice.", examples=["alba"])
    chapters: Annotated[
        list[Annotated[int, Field(ge=1)]],
        Field(max_length=1000),
        BeforeValidator(_separate),
    ] = Field(
        [],
        description="Only these chapters of the document, by number: 1,3. All if none is named.",
    )
    chapter_voices: Annotated[
        dict[Annotated[int, Field(ge=1)], Voice],
        Field(max_length=1000),
        BeforeValidator(_table),
        _TABLE,
    ] = Field({}, description='Other voices for some chapters, by number: {"2": "marius"}.')
    speakers: Annotated[
        dict[Voice, Voice], Field(max_length=1000), BeforeValidator(_table), _TABLE
    ] = Field(
        {},
        description="Voices for the names in a dialogue whose lines begin with [Name].",
        examples=[{"Alice": "alba"}],
    )
    format: Annotated[BookFormat, AnyCase, BeforeValidator(_undotted)] = Field(
        "m4b", description="Format of the finished recording: m4b, mp3, opus, flac, wav."
    )
    files: Annotated[Literal["one", "chapters"], AnyCase] = Field(
        "one", description="One file, or a zip with one for each chapter."
    )
    loudness: (
        Annotated[float, Field(ge=LOUDNESS_LUFS_RANGE[0], le=LOUDNESS_LUFS_RANGE[1])]
        | Literal["off"]
    ) = Field(
        BOOK_LUFS,
        description="The whole is brought to this loudness, in LUFS; `off` leaves it as spoken.",
    )
    chapter_pause: Annotated[float, Field(ge=0, le=MOST_PAUSE_SECONDS)] = Field(
        2.0, description="Seconds of silence between two chapters."
    )
    keep_times: bool = Field(
        True,
        description="Speak subtitles at their times, faster where need be; `false` reads them on.",
    )
    title: Line | None = Field(None, description="Title of the work; a document may have its own.")
    author: Line | None = Field(None, description="Who wrote it.")

    @property
    def target_lufs(self) -> float | None:
        """Return the loudness to aim at, so that `volume` is not levelled away; None for none."""
        if self.loudness == "off":
            return None
        wanted = self.loudness
        if self.normalize_loudness and "loudness" not in self.model_fields_set:
            wanted = TARGET_LUFS
        return wanted + self.volume

    def book_format(self) -> AudioFormat:
        """Return the format of the finished recording, at the rate and bitrate asked for.

        Raises:
            InvalidRequest: something is not allowed; the error names the field and what is.
        """
        codec = "aac" if self.format == "m4b" else self.format
        bitrate = M4B_KBPS if self.format == "m4b" and self.bitrate is None else self.bitrate
        audio = output_format(
            codec,
            speech_rate_hz=SPEECH_RATE_HZ,
            sample_rate_hz=self.sample_rate,
            bitrate_kbps=bitrate,
        )
        if self.format == "m4b":
            audio = replace(
                audio, name="m4b", media_type="audio/mp4", extension=".m4b", muxer="ipod"
            )
        return audio

    def speech(self, text: str, voice: str) -> SpeechRequest:
        """Make the request for one segment; the loudness of the whole comes later."""
        request = self.request(text, voice)
        return replace(
            request,
            model=self.model,
            normalize_loudness=False,
            timed=True,
            unhurried=True,
            silent_without_words=True,
        )

    def asked(self) -> Mapping[str, Any]:
        """Return what was asked for, in JSON's types, so that `JobControls` can be made of it."""
        return self.model_dump(mode="json", exclude_unset=True, include=set(_NAMES))


_NAMES = tuple(JobControls.model_fields)
