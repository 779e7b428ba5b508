"""Speaks one segment of a job through the door, as the caller whose job it is."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np

from app.audio.pcm import S16, to_s16
from app.callers.allowances import Allowances
from app.callers.caller import Caller
from app.errors import ModelUnavailable
from app.jobs.job import Chapter, Job, Segment
from app.jobs.wish import JobControls
from app.marks import Marks
from app.ranges import SPEED_RANGE
from app.request_record import RequestRecord
from app.speaking.cast import Cast
from app.speaking.door import Speech
from app.speaking.speaker import Speaker
from app.speech import SPEECH_RATE_HZ, SpeechRequest
from app.work import ThreadPool

logger = logging.getLogger(__name__)

MOST_FASTER = 1.5
"""What is too long for its time is spoken up to so many times as fast as the job is,"""
TIGHTER = 1.02
"""and a little faster than is needed, for the end of a sentence is not cut to the sample."""


class OtherModel(ModelUnavailable):
    """Says that another model would go on than the one that has begun."""


class Take(NamedTuple):
    """Holds what was spoken of a segment, and by whom."""

    samples: S16
    marks: Marks
    model: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class SegmentSpeaker:
    """Speaks segments. Use from the event loop.

    Attributes:
        caller_of: returns whose a job is; raises Forbidden for one who may not have it any more.
    """

    speech: Speech
    cast: Cast
    allowances: Allowances
    caller_of: Callable[[Job], Caller]
    pool: ThreadPool

    async def take(
        self, job: Job, controls: JobControls, chapter: Chapter, segment: Segment
    ) -> Take:
        """Speak a segment.

        Raises:
            SpeechError: as `Speech.begin` and `Utterance.pcm`.
            OtherModel: not the model of the job would speak.
        """
        caller = self.caller_of(job)
        with RequestRecord(f"job {job.id[:8]}", caller=caller).is_current():
            voice = self.cast.voice_named(segment.voice or chapter.voice or controls.voice)
            request = controls.speech(segment.text, voice)
            sampling = replace(request.sampling, seed=segment.seed)
            # The silence before the next cue is that of its time.
            goes_on = not segment.last and segment.start_seconds is None
            request = replace(request, sampling=sampling, goes_on=goes_on)
            request = replace(request, model=self.cast.required_model(request.model))
            by_language = request.model is None and request.language is None
            if by_language and job.language in self.cast.languages:
                request = replace(request, language=job.language)
            model, fingerprint = await self._model_of(job, request)
            await self.allowances.use(caller, "characters", len(segment.text))
            samples, marks = await self._spoken(request, model)
            speed = _speed_for(segment, len(samples), request.prosody.speed)
            if speed > request.prosody.speed:
                # The same seed says it the same way, so that it is only faster.
                prosody = replace(request.prosody, speed=speed)
                samples, marks = await self._spoken(replace(request, prosody=prosody), model)
        return Take(samples, marks, model, fingerprint)

    async def _model_of(self, job: Job, request: SpeechRequest) -> tuple[str, str]:
        """Return the name and the fingerprint of the model, if that may speak this job."""
        speaker = await self.cast.of(request)
        self._refuse_stand_in(speaker)
        engine = speaker.supervisor.engine
        fingerprint = await self.pool.run(lambda: engine.model_fingerprint)
        if job.fingerprint is not None and job.fingerprint != fingerprint:
            raise OtherModel(
                f"the job was begun by the model {job.model}, and {speaker.model} would go on, "
                "which sounds unlike it: bring that model back, or resume the job to let this one "
                "go on"
            )
        return speaker.model, fingerprint

    def _refuse_stand_in(self, speaker: Speaker) -> None:
        default = self.cast.default
        if speaker is self.cast.current and speaker is not default:
            raise OtherModel(
                f"the model {default.model} is not there, and a book is not begun by the one that "
                f"stands in for it: {default.supervisor.status().detail}; the job goes on by "
                "itself once the model is there"
            )

    async def _spoken(self, request: SpeechRequest, model: str) -> tuple[S16, Marks]:
        utterance = await self.speech.begin(request)
        pieces: list[S16] = []
        try:
            if utterance.origin.model != model:
                raise OtherModel(
                    f"the model {utterance.origin.model} took over from {model}; the job goes on "
                    "by itself once that is back"
                )
            # Nobody listens yet, so that a bad take need not be heard.
            utterance.read_whole()
            async with aclosing(utterance.pcm()) as spoken:
                pieces += [to_s16(piece) async for piece in spoken]
        finally:
            utterance.close()
        joined = await self.pool.run(partial(np.concatenate, pieces))
        return joined, utterance.marks


def _speed_for(segment: Segment, samples: int, speed: float) -> float:
    """Return how fast a segment is to be spoken that takes so long at some speed."""
    if not segment.most_seconds:
        return speed
    seconds = samples / SPEECH_RATE_HZ
    if seconds <= segment.most_seconds:
        return speed
    faster = min(MOST_FASTER, TIGHTER * seconds / segment.most_seconds)
    return min(SPEED_RANGE[1], speed * faster)
