"""Measures how the sound of one utterance comes to whoever reads it."""

from __future__ import annotations

import math
import time
from typing import Literal

from app.request_record import RequestRecord
from app.speech_engine import JobTimings
from app.telemetry.meter import Meter

AUDIBLE_GAP_SECONDS = 0.1
"""Who plays along hears a silence that is longer than this."""


class Delivery:
    """Follows one utterance from its submission to its end, for the meter and the record.

    Use from one event loop.

    Attributes:
        outcome: what is said to have become of it; it is cancelled unless somebody says otherwise.

    Args:
        record: that of the request.
        model: who speaks.
        began_seconds: when the request came in, as `time.monotonic` has it.
        characters: how much text is spoken.
        heard: whether somebody listens; how long others wait says nothing of the server.
    """

    outcome: Literal["complete", "cancelled", "timed out", "failed"]

    def __init__(
        self,
        meter: Meter,
        record: RequestRecord,
        model: str,
        *,
        began_seconds: float,
        characters: int,
        heard: bool = True,
    ) -> None:
        self._heard = heard
        self.outcome = "cancelled"
        self.began_seconds = began_seconds
        self._meter = meter
        self._record = record
        self._model = model
        self._submitted_seconds = time.monotonic()
        self._asked_seconds = began_seconds
        self._waited_seconds = 0.0
        self._spoken_seconds = 0.0
        self._played_until_seconds: float | None = None
        self._follows_until_seconds = -math.inf
        self._ended = False
        meter.characters.labels(record.caller_name).inc(characters)
        # Finding a metric by its labels takes longer than to use it, which is done for each piece.
        self._audio = meter.audio_seconds.labels(record.caller_name)
        self._gap = meter.gap_seconds.labels(model)
        self._underruns = meter.underruns.labels(model)

    def asked(self) -> None:
        """Take note that the reader wants the next piece, having taken the last one."""
        self._asked_seconds = time.monotonic()

    def came(self, seconds: float, timings: JobTimings) -> None:
        """Take note of a piece of sound of so many seconds, which the reader gets now."""
        now_seconds = time.monotonic()
        waited_seconds = now_seconds - self._asked_seconds
        self._waited_seconds += waited_seconds
        if self._played_until_seconds is None:
            self._played_until_seconds = max(now_seconds, self._follows_until_seconds)
            self._first_came(now_seconds, timings)
        elif self._heard:
            self._gap.observe(waited_seconds)
            # A reader that comes late for sound that is there has itself to blame for the silence.
            late_seconds = min(now_seconds - self._played_until_seconds, waited_seconds)
            if late_seconds > AUDIBLE_GAP_SECONDS:
                self._underruns.inc()
        self._played_until_seconds = max(self._played_until_seconds, now_seconds) + seconds
        self._spoken_seconds += seconds
        self._record.audio_seconds += seconds
        self._audio.inc(seconds)

    def follow(self, played_until_seconds: float) -> None:
        """Take note that the reader has other sound to play until then."""
        self._follows_until_seconds = played_until_seconds

    @property
    def played_until_seconds(self) -> float:
        """Return until when the reader has something to play, as `time.monotonic` has it.

        Who does not listen needs nothing before all is there: that is infinite.
        """
        if not self._heard:
            return math.inf
        own_seconds = self._played_until_seconds
        return self._follows_until_seconds if own_seconds is None else own_seconds

    def ended(self, timings: JobTimings) -> None:
        """Take note that nothing more is read; once is enough."""
        if self._ended:
            return
        self._ended = True
        self._meter.utterances.labels(self._model, self.outcome.replace(" ", "_")).inc()
        if self._played_until_seconds is None:
            self._queue_left(timings)
        elif self.outcome == "complete":
            factor = self._waited_seconds / self._spoken_seconds
            self._meter.real_time_factor.labels(self._model).observe(factor)
        self._tell_stages(timings)

    def _first_came(self, now_seconds: float, timings: JobTimings) -> None:
        if not self._heard:
            return
        first_audio_seconds = now_seconds - self.began_seconds
        self._meter.first_audio_seconds.labels(self._model).observe(first_audio_seconds)
        self._queue_left(timings)

    def _queue_left(self, timings: JobTimings) -> None:
        """Measure the wait in the queue; who gave up has waited at least until now."""
        if not self._heard:
            return
        queued_seconds = timings.queued_seconds
        if queued_seconds is None:
            queued_seconds = time.monotonic() - self._submitted_seconds
        self._meter.queue_seconds.labels(self._model).observe(queued_seconds)

    def _tell_stages(self, timings: JobTimings) -> None:
        """Tell the record of the stages there were; the last one goes on until now."""
        began_seconds = self._submitted_seconds
        self._record.stage("prepare", self.began_seconds, began_seconds)
        for name, lasted_seconds in (
            ("queue", timings.queued_seconds),
            ("prefill", timings.prefill_seconds),
            ("decode", None),
        ):
            if lasted_seconds is None:
                self._record.stage(name, began_seconds, time.monotonic())
                return
            over_seconds = self._submitted_seconds + lasted_seconds
            self._record.stage(name, began_seconds, over_seconds)
            began_seconds = over_seconds
