"""Words an error for the client: a status, a kind, a message, and the field it is about."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from app.errors import (
    AudioNotFound,
    Conflict,
    ConsentNotFound,
    DictionaryNotFound,
    FfmpegUnavailable,
    Forbidden,
    InvalidRequest,
    JobNotFound,
    LimitReached,
    ModelNotFound,
    ModelUnavailable,
    NeedsNewerHttp,
    NotSupported,
    Overloaded,
    Parameter,
    QueueFull,
    ReaderFailed,
    SegmentNotFound,
    SpeechError,
    StorageFailed,
    StoreUnreachable,
    TakesRefused,
    TooLarge,
    TooSlow,
    Unauthorized,
    VoiceNotFound,
    named,
)

logger = logging.getLogger(__name__)

_STATUS: tuple[tuple[type[SpeechError], int, str], ...] = (
    (TooLarge, 413, "too_large"),
    (InvalidRequest, 400, "invalid_request"),
    (Unauthorized, 401, "unauthorized"),
    (LimitReached, 403, "limit_reached"),
    (Forbidden, 403, "forbidden"),
    (VoiceNotFound, 404, "voice_not_found"),
    (AudioNotFound, 404, "not_found"),
    (ModelNotFound, 404, "model_not_found"),
    (ConsentNotFound, 404, "not_found"),
    (DictionaryNotFound, 404, "not_found"),
    (JobNotFound, 404, "not_found"),
    (SegmentNotFound, 404, "not_found"),
    (TooSlow, 408, "too_slow"),
    (Conflict, 409, "conflict"),
    (NeedsNewerHttp, 426, "needs_newer_http"),
    (QueueFull, 503, "queue_full"),
    (Overloaded, 429, "overloaded"),
    (NotSupported, 501, "not_supported"),
    (TakesRefused, 502, "takes_refused"),
    (ModelUnavailable, 503, "model_unavailable"),
    (FfmpegUnavailable, 503, "ffmpeg_unavailable"),
    (ReaderFailed, 503, "reader_failed"),
    (StoreUnreachable, 503, "store_unreachable"),
    (StorageFailed, 507, "storage_failed"),
    (SpeechError, 500, "internal_error"),
)


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem is an error worded for a client; a dialect then gives it a shape."""

    status: int
    """It is the HTTP status; other protocols send the kind instead."""
    kind: str
    message: str
    field: str | None
    request_id: str


def problem_of(error: SpeechError, request_id: str, words: Mapping[Parameter, str]) -> Problem:
    """Word an error for a client; what is the server's own fault goes to the log instead.

    Args:
        words: the client's names for parameters.
    """
    status, kind = _status_of(error)
    message = error.told(words)
    if status == 500:
        logger.error("%s", error.message, extra={"request_id": request_id})
        message = "the speech could not be made"
    field = None if error.field is None else named(error.field, words)
    return Problem(status, kind, message, field, request_id)


def kind_of(error: SpeechError) -> str:
    """Return the word for a kind of error, as in `Problem.kind`."""
    return _status_of(error)[1]


def _status_of(error: SpeechError) -> tuple[int, str]:
    return next((status, kind) for known, status, kind in _STATUS if isinstance(error, known))
