"""Defines what a caller can ask for and what speech is made of, in standard and numpy types.

Every dialect builds one `SpeechRequest`; nothing below the API sees an HTTP body.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from app.errors import Field, Parameter
from app.lexicon import Lexicon

SPEECH_CHARACTERS_PER_SECOND = 15.0
"""A text of usual words is spoken at about this pace."""

SPEECH_RATE_HZ = 24_000
"""Every Pocket TTS model speaks at this sample rate."""

Pcm: TypeAlias = NDArray[np.float32]
"""PCM is mono samples in [-1, 1], shape [samples], at the model's rate unless said otherwise."""
NO_PCM: Pcm = np.zeros(0, dtype=np.float32)

TokenCounter: TypeAlias = Callable[[str], int]
"""A token counter returns how many tokens the model reads for a text."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """Says how latents are sampled. None means the server's setting, else the model's default."""

    temperature: float | None = None
    sampler_decode_steps: int | None = None
    eos_threshold: float | None = None
    noise_clamp: float | None = None
    frames_after_eos: int | None = None
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Prosody:
    """Says how a stretch of speech is shaped after the model has spoken it.

    Spans of markup inside a request multiply and add up with the request's own.
    """

    speed: float = 1.0
    """Speech is this many times as fast, at the same pitch."""
    volume_db: float = 0.0
    pitch_semitones: float = 0.0

    @property
    def is_neutral(self) -> bool:
        """Tell whether the speech stays as the model spoke it."""
        return self == Prosody()

    def within(self, outer: Prosody) -> Prosody:
        """Combine this prosody with that of the stretch around it."""
        return Prosody(
            speed=self.speed * outer.speed,
            volume_db=self.volume_db + outer.volume_db,
            pitch_semitones=self.pitch_semitones + outer.pitch_semitones,
        )


Level: TypeAlias = Literal["very_low", "low", "moderate", "high", "very_high"]
"""Some callers give one of these words in the place of a number."""

SPEED_LEVELS = MappingProxyType[Level, float](
    {"very_low": 0.7, "low": 0.85, "moderate": 1.0, "high": 1.2, "very_high": 1.45}
)
PITCH_LEVELS_SEMITONES = MappingProxyType[Level, float](
    {"very_low": -4.0, "low": -2.0, "moderate": 0.0, "high": 2.0, "very_high": 4.0}
)


def leveled_prosody(pitch: Level | None, speed: Level | None) -> Prosody:
    """Turn two levels into a prosody; None is moderate."""
    return Prosody(
        speed=SPEED_LEVELS[speed or "moderate"],
        pitch_semitones=PITCH_LEVELS_SEMITONES[pitch or "moderate"],
    )


@dataclass(frozen=True, slots=True)
class Clip:
    """Holds a recording as it was received, in any container that `app.audio.decode` reads.

    Attributes:
        field: where in the request the recording stood, for errors.
        preparation: what was done to the recordings that this was made of, in words; empty for
            one as it was received.
    """

    data: bytes = field(repr=False)
    filename: str
    field: Field = Parameter.CLIP
    preparation: tuple[str, ...] = ()


class DecodedClip(NamedTuple):
    """Holds the sound of a recording, shape [samples], and how its channels became one."""

    pcm: Pcm
    only_channel: Literal["left", "right"] | None = None
    """This channel alone was taken; None is the mean of all."""


CodeReading: TypeAlias = Literal["skip", "name", "read"]
"""Blocks of code are left out, named ("Python code"), or brought into words."""

FormulaReading: TypeAlias = Literal["say", "name", "skip"]
"""Formulas are said where they are simple and else named; all are named; or they are left out."""


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """Holds one request for speech, whatever dialect it came in."""

    text: str
    voice: str | Clip
    sampling: Sampling = field(default_factory=Sampling)
    prosody: Prosody = field(default_factory=Prosody)
    pause_scale: float = 1.0
    """Pauses between sentences are stretched by this, but not those that the script asks for."""
    normalize: bool = True
    """Numbers, dates, money and abbreviations are put into words."""
    code: CodeReading = "skip"
    """It counts where the text is normalised, and so does the next."""
    formulas: FormulaReading = "say"
    normalize_loudness: bool = False
    language: str | None = None
    """The script is in this language, a two-letter code; None means the model's."""
    model: str | None = None
    """One of `Cast.models` that is to speak; None leaves it to the language and the voice."""
    max_chars_per_chunk: int | None = None
    markup: bool = True
    """Tags of pauses, speakers and SSML count as such; False speaks them as they are written."""
    goes_on: bool = False
    """More of the same script will follow in another request."""
    spoken_before_seconds: float = 0.0
    """Earlier parts of the same script, which were requests of their own, have sounded so long."""
    script_start: int = 0
    """So many characters of the same script came in requests before this one."""
    lexicons: tuple[Lexicon, ...] = ()
    """Words are spoken as these say, the first of them before the others, and all before the
    server's own."""
    timed: bool = False
    """Say when the words are heard."""
    unhurried: bool = False
    """Nobody listens: it is spoken when nobody who does is in a hurry, and waits as long as that
    takes."""
    silent_without_words: bool = False
    """A script in which there is nothing to say, such as "…", is a short silence and no error."""


class Boundary(Enum):
    """Says what stood in the script between a chunk and the next one, which decides the pause."""

    WORD = "word"
    CLAUSE = "clause"
    SENTENCE = "sentence"
    PARAGRAPH = "paragraph"
    END = "end"


@dataclass(frozen=True, slots=True)
class Chunk:
    """Holds a piece of script that the model speaks in one go.

    `text` is spoken; `separator` is the white space (possibly empty) that followed it, so that
    the concatenation of `text + separator` over all chunks is the script's own text.
    """

    text: str
    separator: str
    boundary: Boundary


class WrittenWord(NamedTuple):
    """Holds a word of the script as its writer knows it, which one caption shows.

    It is what stands between white space, and all of what becomes words together, such as "5 kg".

    Attributes:
        text: as it was written, without the marks of markup inside.
        script_start: its place in the script as it was sent, in characters.
        script_end: the place after its last character.
        ends_sentence: whether a sentence ends with it.
    """

    text: str
    script_start: int
    script_end: int
    ends_sentence: bool


class SpokenWord(NamedTuple):
    """Holds a word that is spoken: a run of characters in a chunk that are not white space.

    Attributes:
        start: its place in the chunk's text.
        end: the place after its last character.
        written: what it stands for; neighbours that stand for the same share one.
    """

    start: int
    end: int
    written: WrittenWord


@dataclass(frozen=True, slots=True)
class WordTime:
    """Says when a word of a chunk sounds, in seconds from the beginning of the chunk's own audio.

    A word is a run of characters without white space, `text[start:end]` of the chunk's text, that
    has something to say: a dash between two spaces has no time.
    """

    start: int
    end: int
    start_seconds: float
    end_seconds: float


@dataclass(frozen=True, slots=True)
class Frames:
    """Holds consecutive PCM of one chunk, in playback order.

    Attributes:
        chunk_last: marks the final piece of the chunk, whose `pcm` may then be empty.
        words: those of the chunk whose times have become certain with this piece, in order and one
            after the other; at the end of the chunk all its words have come. Empty unless the job
            asks for them.
    """

    chunk_index: int
    pcm: Pcm
    chunk_last: bool
    words: tuple[WordTime, ...] = ()
