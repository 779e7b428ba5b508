"""The one error tree: raised anywhere below the front ends, told to the caller in one place.

No class here knows about HTTP. `app/api/http/problems.py` maps each to a status. Errors name a
`Parameter`; a dialect gives it the name that its own clients know, and the body its shape.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import TypeAlias

_MARK_START, _MARK_END = "\x02", "\x03"
_NOT_SHOWN = "\ufffd"


def shortened(text: str, max_chars: int = 80) -> str:
    """What a caller sent, fit for an error message: not long, and never taken for a parameter."""
    text = text.replace(_MARK_START, _NOT_SHOWN).replace(_MARK_END, _NOT_SHOWN)
    return text if len(text) <= max_chars else f"{text[:max_chars]}…"


class Parameter(Enum):
    """What a request can say, whatever the caller's dialect calls it.

    The value is the name on this server's own endpoints. Inside a message a parameter stands as a
    mark, as in `f"{Parameter.TEXT} is empty"`; `SpeechError.told` puts a name in its place.
    """

    TEXT = "script"
    VOICE = "voice"
    """the name of a voice, or what may stand in its place"""
    CLIP = "voice_file"
    """a recording to speak like"""
    LANGUAGE = "language"
    SPEED = "speed"
    VOLUME = "volume"
    PITCH = "pitch"
    FORMAT = "format"
    SAMPLE_RATE = "sample_rate"
    BITRATE = "bitrate"
    NAME = "name"
    """of a voice that is made or renamed"""
    RECORDINGS = "files"
    """to make a voice of"""
    STATE = "file"
    """an exported voice"""
    DESCRIPTION = "description"
    TAGS = "tags"
    LABELS = "labels"
    REPLACE = "replace=true"
    """a voice of the same name gives way"""

    def __str__(self) -> str:
        return f"{_MARK_START}{self.name}{_MARK_END}"

    def __format__(self, _spec: str) -> str:
        return str(self)


Field: TypeAlias = Parameter | str
"""What an error is about: a parameter, or something that one dialect alone has, in its own word"""

_MARK = re.compile(
    f"{_MARK_START}({'|'.join(Parameter.__members__)}){_MARK_END}|[{_MARK_START}{_MARK_END}]"
)
_OWN_NAMES: Mapping[Parameter, str] = MappingProxyType({})


def named(field: Field, words: Mapping[Parameter, str] = _OWN_NAMES) -> str:
    """The name of a field for a caller.

    Args:
        words: what the caller calls the parameters; those left out have this server's names.
    """
    return field if isinstance(field, str) else words.get(field, field.value)


class SpeechError(Exception):
    """Anything this server refuses or fails to do, in words meant for the caller.

    Args:
        message: may have parameters in it.

    Attributes:
        field: what it is about; None for the whole request, or where it is about no field.
        template: the message with its parameters as marks, to make another error of.
    """

    field: Field | None = None

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.template = message

    def told(self, words: Mapping[Parameter, str] = _OWN_NAMES) -> str:
        """The message as a caller reads it who calls the parameters by `words`."""

        def word(mark: re.Match[str]) -> str:
            # A mark that is none came with something that the caller sent.
            return named(Parameter[mark[1]], words) if mark[1] else _NOT_SHOWN

        return _MARK.sub(word, self.template)

    def reword(self, words: Mapping[Parameter, str]) -> None:
        """Give parameters names that only the place where the error came from knows.

        Args:
            words: such as `text[2]` for the text of one item among several.
        """
        for parameter, word in words.items():
            self.template = self.template.replace(str(parameter), word)
        if isinstance(self.field, Parameter):
            self.field = words.get(self.field, self.field)

    @property
    def message(self) -> str:
        """The message with this server's own names."""
        return self.told()

    def __str__(self) -> str:
        return self.message


class InvalidRequest(SpeechError):
    """The caller sent something that can never work."""

    def __init__(self, message: str, *, field: Field | None = None) -> None:
        super().__init__(message)
        self.field = field


class InvalidClip(InvalidRequest):
    """A reference clip that cannot condition a voice: no audio, silent, too short, undecodable."""


class TooLarge(InvalidRequest):
    """A script or an upload over the configured limit."""


class NothingToSpeak(InvalidRequest):
    """A script without a single word: tags, pauses, marks."""


class VoiceNotFound(SpeechError):
    """No voice of that name; `available` lists those that exist."""

    field = Parameter.VOICE

    def __init__(self, name: str, available: tuple[str, ...]) -> None:
        shown = ", ".join(available) if available else "none yet"
        super().__init__(
            f"{Parameter.VOICE} {shortened(name)!r} does not exist; available voices: {shown}"
        )
        self.name = name
        self.available = available


class ModelNotFound(SpeechError):
    """No model of that name."""


class AudioNotFound(SpeechError):
    """No saved audio of that name."""


class ConsentNotFound(SpeechError):
    """No consent recording of that id."""


class Conflict(SpeechError):
    """What is asked for cannot be done to what is there: a name is taken, a voice is built in."""


class StorageFailed(SpeechError):
    """The disk refuses to keep what the caller sent."""


class TooSlow(SpeechError):
    """The caller began a request and does not go on with it."""


class NotSupported(SpeechError):
    """Something that this server cannot do at all, such as listening."""


class Unauthorized(SpeechError):
    """No key, or a wrong one."""


class Overloaded(SpeechError):
    """The bounded queue is full; try again after `retry_after_seconds`."""

    def __init__(self, message: str, *, retry_after_seconds: float) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class ModelUnavailable(SpeechError):
    """The model is not there (yet): loading, failed to load, or shutting down.

    The message says what is going on and what the operator can do about it.
    """

    def __init__(self, message: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class SynthesisFailed(SpeechError):
    """Our own fault: the model, the codec or the encoder broke while making this speech."""
