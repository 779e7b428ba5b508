"""The one error tree: raised anywhere below the API, turned into HTTP in one place.

No class here knows about HTTP. `app/api/http/problems.py` maps each to a status; a dialect only
changes the shape of the body.
"""

from __future__ import annotations


def shortened(text: str, max_chars: int = 80) -> str:
    """What a caller sent, fit for an error message."""
    return text if len(text) <= max_chars else f"{text[:max_chars]}…"


class SpeechError(Exception):
    """Anything this server refuses or fails to do, in words meant for the caller."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidRequest(SpeechError):
    """The caller sent something that can never work.

    Attributes:
        field: the name of the offending field as the caller knows it, or None for the whole body.
    """

    def __init__(self, message: str, *, field: str | None = None) -> None:
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

    def __init__(self, name: str, available: tuple[str, ...]) -> None:
        shown = ", ".join(available) if available else "none yet"
        super().__init__(f"voice {shortened(name)!r} does not exist; available voices: {shown}")
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
