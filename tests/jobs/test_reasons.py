"""Each job that waits says what it waits for and what can be done, and what cannot pass fails."""

from __future__ import annotations

import pytest

from app.errors import (
    Forbidden,
    InvalidRequest,
    LimitReached,
    ModelUnavailable,
    Parameter,
    SpeechError,
    StorageFailed,
    SynthesisFailed,
    VoiceNotFound,
)
from app.jobs.reasons import reason_to_fail, reason_to_wait
from app.jobs.speaking import OtherModel


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (ModelUnavailable("no model"), "goes on by itself once the model is there"),
        (StorageFailed("the disk is full"), "goes on by itself once the disk takes it"),
        (LimitReached("stored_bytes: delete one"), "goes on by itself once there is room"),
        (Forbidden("the key was revoked"), "once a key of that name may run jobs again"),
        (InvalidRequest("no French", field=Parameter.LANGUAGE), "once the server has a model"),
    ],
)
def test_what_may_pass(error: SpeechError, advice: str) -> None:
    """The reason begins with the error and ends with the advice."""
    reason = reason_to_wait(error)
    assert reason is not None
    assert reason.startswith(error.message)
    assert advice in reason


def test_what_says_so_itself() -> None:
    """Nothing is said twice."""
    assert reason_to_wait(OtherModel("resume the job")) == "resume the job"


@pytest.mark.parametrize("error", [SynthesisFailed("it broke"), InvalidRequest("too long")])
def test_what_cannot_pass(error: SpeechError) -> None:
    """The job fails, and says which segment it is and how it can go on."""
    assert reason_to_wait(error) is None
    assert "resume the job" in reason_to_fail(error, None)
    said = reason_to_fail(error, 3)
    assert said.startswith(f"segment 3: {error.message}; ")
    assert "PATCH" in said


def test_a_voice() -> None:
    """It may come back, or a segment may have another one."""
    error = VoiceNotFound("tess", ())
    assert "PATCH" in (reason_to_wait(error) or "")
