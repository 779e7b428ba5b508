"""Says why a job waits or has failed, and what can be done about it."""

from __future__ import annotations

from app.errors import (
    FfmpegUnavailable,
    Forbidden,
    InvalidRequest,
    LimitReached,
    ModelUnavailable,
    Overloaded,
    Parameter,
    SpeechError,
    StorageFailed,
    VoiceNotFound,
)
from app.jobs.speaking import OtherModel
from app.jobs.takes import TakeLost

_ITSELF = "the job goes on by itself once"
_MAY_PASS: tuple[tuple[type[SpeechError], str | None], ...] = (
    (OtherModel, None),  # it says so itself
    (TakeLost, None),
    (ModelUnavailable, f"{_ITSELF} the model is there"),
    (VoiceNotFound, f"{_ITSELF} the voice is there; PATCH gives a segment another one"),
    (LimitReached, f"{_ITSELF} there is room"),
    (Forbidden, f"{_ITSELF} a key of that name may run jobs again"),
    (StorageFailed, f"{_ITSELF} the disk takes it"),
    (Overloaded, f"{_ITSELF} that is over"),
    (FfmpegUnavailable, f"{_ITSELF} FFmpeg works again"),
)
_AGAIN = "resume the job to have it tried again, or PATCH the segment to have it say something else"


def reason_to_wait(error: SpeechError) -> str | None:
    """Return why a job waits for what may pass; None if it cannot pass, so that it fails."""
    if isinstance(error, InvalidRequest) and error.field is Parameter.LANGUAGE:
        return f"{error.message}; {_ITSELF} the server has a model for that"
    for kind, advice in _MAY_PASS:
        if isinstance(error, kind):
            return error.message if advice is None else f"{error.message}; {advice}"
    return None


def reason_to_fail(error: SpeechError, segment: int | None) -> str:
    """Return why a job has failed.

    Args:
        segment: the number of the one that cannot be spoken; None if it is the finished file.
    """
    if segment is None:
        return f"{error.message}; resume the job to have it tried again"
    return f"segment {segment}: {error.message}; {_AGAIN}"
