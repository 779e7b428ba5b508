"""Defines the errors that are raised anywhere below the front ends, and told in one place.

No class here knows about HTTP. `app/wording/problems.py` maps each to a status. Errors name a
`Parameter`; a dialect gives it the name that its own clients know, and the body its shape.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

_MARK_START, _MARK_END = "\x02", "\x03"
_NOT_SHOWN = "\ufffd"


def shortened(text: str, max_chars: int = 80) -> str:
    """Make what a caller sent fit for a message: not long, and never taken for a parameter."""
    text = text.replace(_MARK_START, _NOT_SHOWN).replace(_MARK_END, _NOT_SHOWN)
    return text if len(text) <= max_chars else f"{text[:max_chars]}…"


def in_one_line(error: BaseException) -> str:
    """Say what an unforeseen error is and where in the code it was raised, for the log."""
    place = ""
    for frame in traceback.extract_tb(error.__traceback__)[-1:]:
        place = f" ({Path(frame.filename).name}:{frame.lineno}, in {frame.name})"
    words = " ".join(str(error).split())
    return f"{type(error).__name__}: {words}{place}"


class Parameter(Enum):
    """Lists what a request can say, whatever the caller's dialect calls it.

    The value is the name on this server's own endpoints. Inside a message a parameter stands as a
    mark, as in `f"{Parameter.TEXT} is empty"`; `SpeechError.told` puts a name in its place.
    """

    TEXT = "script"
    VOICE = "voice"
    """The caller names a voice, or gives what may stand in its place."""
    CLIP = "voice_file"
    """The caller sends a recording to speak like."""
    LANGUAGE = "language"
    DOCUMENT = "document"
    """The caller sends a text in a file, such as a book."""
    PRONUNCIATIONS = "pronunciations"
    """The caller says how words are to be spoken."""
    SPEED = "speed"
    VOLUME = "volume"
    PITCH = "pitch"
    FORMAT = "format"
    SAMPLE_RATE = "sample_rate"
    BITRATE = "bitrate"
    NAME = "name"
    """The caller gives a name to a voice that is made or renamed."""
    RECORDINGS = "files"
    """The caller sends recordings to make a voice of."""
    STATE = "file"
    """The caller sends an exported voice."""
    DESCRIPTION = "description"
    TAGS = "tags"
    LABELS = "labels"
    REPLACE = "replace"
    """The caller lets a voice of the same name give way."""

    def __str__(self) -> str:
        return f"{_MARK_START}{self.name}{_MARK_END}"

    def __format__(self, _spec: str) -> str:
        return str(self)


Field: TypeAlias = Parameter | str
"""An error is about a parameter, or about what one dialect alone has, in that dialect's word."""

_MARK = re.compile(
    f"{_MARK_START}({'|'.join(Parameter.__members__)}){_MARK_END}|[{_MARK_START}{_MARK_END}]"
)
_OWN_NAMES: Mapping[Parameter, str] = MappingProxyType({})


def named(field: Field, words: Mapping[Parameter, str] = _OWN_NAMES) -> str:
    """Return the name of a field as a caller knows it.

    Args:
        words: the caller's words for parameters; those left out have this server's names.
    """
    return _encodable(field) if isinstance(field, str) else words.get(field, field.value)


def _encodable(text: str) -> str:
    """Replace halves of surrogate pairs, which JSON can bring in and no answer can carry."""
    return text.encode("utf-8", "replace").decode()


class SpeechError(Exception):
    """Says what this server refuses or fails to do, in words meant for the caller.

    Args:
        message: the words, in which parameters may stand as marks.

    Attributes:
        field: what the error is about; None if it is about no field or the whole request.
        template: the message with its parameters as marks, to make another error of.
    """

    field: Field | None = None

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.template = message

    def told(self, words: Mapping[Parameter, str] = _OWN_NAMES) -> str:
        """Return the message for a caller who calls the parameters by `words`."""

        def word(mark: re.Match[str]) -> str:
            # A mark without a parameter came with something that the caller sent.
            return named(Parameter[mark[1]], words) if mark[1] else _NOT_SHOWN

        return _MARK.sub(word, _encodable(self.template))

    def reword(self, words: Mapping[Parameter, str]) -> None:
        """Rename parameters to what only the place where the error came from knows.

        Args:
            words: such as `text[2]` for the text of one item among several.
        """
        for parameter, word in words.items():
            self.template = self.template.replace(str(parameter), word)
        if isinstance(self.field, Parameter):
            self.field = words.get(self.field, self.field)

    @property
    def message(self) -> str:
        """Return the message with this server's own names."""
        return self.told()

    def __str__(self) -> str:
        return self.message


class InvalidRequest(SpeechError):
    """Says that the caller sent something that can never work."""

    def __init__(self, message: str, *, field: Field | None = None) -> None:
        super().__init__(message)
        self.field = field


class InvalidClip(InvalidRequest):
    """Says that a recording cannot condition a voice, being no audio, silent or too short."""


class DocumentUnreadable(InvalidRequest):
    """Says that a document cannot be read: it is damaged, encrypted, or nothing that is known."""

    def __init__(self, message: str) -> None:
        super().__init__(message, field=Parameter.DOCUMENT)


class TooLarge(InvalidRequest):
    """Says that a script or an upload is over the configured limit."""


class NothingToSpeak(InvalidRequest):
    """Says that a script has no words, only tags, pauses or marks."""


class NoText(NothingToSpeak):
    """Says that a script has nothing in it at all."""


class VoiceNotFound(SpeechError):
    """Says that no voice has that name; `available` lists those that exist."""

    field = Parameter.VOICE

    def __init__(self, name: str, available: tuple[str, ...]) -> None:
        shown = ", ".join(available) if available else "none yet"
        super().__init__(
            f"{Parameter.VOICE} {shortened(name)!r} does not exist; available voices: {shown}"
        )
        self.name = name
        self.available = available


class ModelNotFound(SpeechError):
    """Says that no model has that name."""


class AudioNotFound(SpeechError):
    """Says that no saved audio has that name."""


class DictionaryNotFound(SpeechError):
    """Says that no dictionary of pronunciations has that name, or no entry is for that word."""


class ConsentNotFound(SpeechError):
    """Says that no consent recording has that id."""


class JobNotFound(SpeechError):
    """Says that no job has that id."""


class SegmentNotFound(SpeechError):
    """Says that a job has no such segment, or that it has not been spoken yet."""


class Conflict(SpeechError):
    """Says that what is there stands in the way: a name is taken, or a voice is built in."""


class VoiceExists(Conflict):
    """Says that the name of a voice is taken.

    Args:
        hint: how the caller can have it replaced, if at all.
    """

    def __init__(self, name: str, hint: str = "") -> None:
        super().__init__(f"there is a voice {name!r} already{hint}")
        self.name = name
        self.field = Parameter.REPLACE if hint else Parameter.NAME


class StorageFailed(SpeechError):
    """Says that the disk refuses to keep what the caller sent."""


class StoreUnreachable(StorageFailed):
    """Says that the store which several servers share does not answer at present."""

    def __init__(self, message: str, *, retry_after_seconds: float) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class FfmpegUnavailable(SpeechError):
    """Says that FFmpeg, which reads recordings and encodes speech, does not start."""

    def __init__(self) -> None:
        super().__init__(
            "FFmpeg, which this server needs for that, does not start; its log says why"
        )


class ReaderFailed(SpeechError):
    """Says that the process that reads a document did not start, or was ended from outside."""


class TooSlow(SpeechError):
    """Says that the caller began a request and does not go on with it."""


class NeedsNewerHttp(SpeechError):
    """Says that the caller's version of HTTP cannot carry the answer in useful time."""


class NotSupported(SpeechError):
    """Says that this server cannot do such a thing at all, for example listen."""


class Unauthorized(SpeechError):
    """Says that the caller sent no key, or a wrong one."""


class WrongKey(Unauthorized):
    """Says that the caller sent a key that nobody has.

    Attributes:
        tell_after_seconds: when to say so, since whoever tries many keys is kept waiting.
    """

    tell_after_seconds = 0.0


class Forbidden(SpeechError):
    """Says that the caller may not have this, whoever they are: a link has ended, for example."""


class LimitReached(Forbidden):
    """Says that the caller keeps as much here as their key allows."""


class Overloaded(SpeechError):
    """Says that the caller asks for too much at once, and may after `retry_after_seconds`."""

    def __init__(self, message: str, *, retry_after_seconds: float) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class QueueFull(Overloaded):
    """Says that others have filled the bounded queue, each within its share."""


class ModelUnavailable(SpeechError):
    """Says that the model is not there: it is loading, failed to load, or shuts down.

    The message says what is going on and what the operator can do about it.
    """

    def __init__(self, message: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class SynthesisFailed(SpeechError):
    """Says that the model, the codec or FFmpeg broke while making this speech."""


class TakesRefused(SynthesisFailed):
    """Says that the model spoke a piece badly, however often it was asked."""


class FfmpegFailed(SynthesisFailed):
    """Says that FFmpeg broke while it read a recording, or shaped or encoded this speech."""
