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
from app.request_record import RequestRecord
from app.speaking.cast import Cast
from app.speaking.door import Speech
from app.speaking.speaker import Speaker
from app.speech import SPEECH_RATE_HZ, SpeechRequest
from app.work import ThreadPool

logger = logging.getLogger(__name__)

MOST_SPEED = 1.5
"""A cue that is too long for its time is spoken up to so many times as fast."""


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
            request = replace(request, sampling=sampling, goes_on=not segment.last)
            if request.language is None and job.language in self.cast.languages:
                request = replace(request, language=job.language)
            model, fingerprint = await self._model_of(job, request)
            await self.allowances.use(caller, "characters", len(segment.text))
            samples, marks = await self._spoken(request, model)
            if segment.most_seconds:
                seconds = len(samples) / SPEECH_RATE_HZ
                faster = min(MOST_SPEED, seconds / segment.most_seconds)
                if faster > 1.0:
                    prosody = replace(request.prosody, speed=request.prosody.speed * faster)
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
                f"stands in for it: {default.supervisor.status().detail}"
            )

    async def _spoken(self, request: SpeechRequest, model: str) -> tuple[S16, Marks]:
        utterance = await self.speech.begin(request)
        pieces: list[S16] = []
        try:
            if utterance.origin.model != model:
                raise OtherModel(f"{utterance.origin.model} took over from {model}")
            async with aclosing(utterance.pcm()) as spoken:
                pieces += [to_s16(piece) async for piece in spoken]
        finally:
            utterance.close()
        joined = await self.pool.run(partial(np.concatenate, pieces))
        return joined, utterance.marks
