"""Counts and measures what the server does, as Prometheus asks for it.

What happens is told here by those who know of it: the end of each request by `Requests`, speech by
the `Delivery` that the door makes of each, look-ups by the caches, batches by the engine. What is
so at one moment, such as the queue, is looked up when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from app.request_record import Outcome, RequestRecord
from app.speech_engine import EngineStatus

FIRST_AUDIO_SECONDS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)
QUEUE_SECONDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
GAP_SECONDS = (0.001, 0.005, 0.02, 0.04, 0.08, 0.16, 0.32, 0.5, 1.0, 2.0, 5.0, 10.0)
"""A frame of speech is 0.08 s, and at most four are delivered at once."""
REAL_TIME_FACTORS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.5, 2.0, 5.0)
BATCH_ROWS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 128)

CACHES = ("voice_states", "kept_states", "previews")
UTTERANCE_OUTCOMES = ("complete", "cancelled", "timed out", "failed")
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_PROTOCOLS = frozenset(("WEBSOCKET", "WYOMING"))
CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
NO_ROUTE = "none"
"""Stands for the route of what was sent to a path that leads nowhere: clients make those up."""


@dataclass(frozen=True, slots=True)
class Now:
    """Says how the server is at one moment.

    Attributes:
        engines: the status of each engine that is there, by the name of its model.
        requests: how many requests have not ended.
        voice_cache_bytes: how much memory the voices take that are ready to speak.
    """

    ready: bool
    engines: tuple[tuple[str, EngineStatus], ...]
    requests: int
    voice_cache_bytes: int


class Meter:
    """Holds all metrics of one app. Any thread may tell it something.

    Attributes:
        registry: has them, and those of the process.
    """

    def __init__(self, version: str) -> None:
        self.registry = registry = CollectorRegistry()
        self._process = ProcessCollector(registry=registry)
        self._version = version

        def counter(name: str, says: str, *labels: str) -> Counter:
            return Counter(f"pocket_speech_{name}", says, labels, registry=registry)

        def histogram(name: str, says: str, buckets: tuple[float, ...]) -> Histogram:
            name = f"pocket_speech_{name}"
            return Histogram(name, says, ("model",), buckets=buckets, registry=registry)

        self._requests = counter(
            "requests",
            "Requests that have ended, by the route's template.",
            *("method", "route", "dialect", "code", "outcome"),
        )
        self._caller_requests = counter(
            "caller_requests", "Requests that have ended, by who called.", "caller", "outcome"
        )
        self._errors = counter(
            "errors", "Errors that clients were told of, or felt.", "dialect", "reason"
        )
        self._ffmpeg_failures = counter(
            "ffmpeg_failures", "Speech that FFmpeg broke on while it was encoded or shaped."
        )
        self._cache_lookups = counter(
            "cache_lookups", "Look-ups of what was made before.", "cache", "result"
        )
        self.characters = counter("characters", "Characters that were begun to speak.", "caller")
        self.audio_seconds = counter("audio_seconds", "Speech that was handed on.", "caller")
        self.utterances = counter(
            "utterances", "Speech that was begun and has ended.", "model", "outcome"
        )
        self.underruns = counter(
            "underruns", "Times that who plays along had nothing to play.", "model"
        )
        self.first_audio_seconds = histogram(
            "time_to_first_audio_seconds",
            "From the request to the first sound.",
            FIRST_AUDIO_SECONDS,
        )
        self.queue_seconds = histogram(
            "queue_wait_seconds", "From the queue to a place in the batch.", QUEUE_SECONDS
        )
        self.gap_seconds = histogram(
            "delivery_gap_seconds", "How long a reader waits for the next sound.", GAP_SECONDS
        )
        self.real_time_factor = histogram(
            "real_time_factor", "Waiting for each second of speech.", REAL_TIME_FACTORS
        )
        self._batch_rows = histogram(
            "batch_size", "Rows in each step of the language model.", BATCH_ROWS
        )
        for cache in CACHES:
            for result in ("hit", "miss"):
                self._cache_lookups.labels(cache, result)

    def watch(self, now: Callable[[], Now]) -> None:
        """Show the moment as well: `now` is asked at each scrape."""
        self.registry.register(_Moment(self._version, now))

    def exposition(self) -> bytes:
        """Return all metrics in Prometheus' text format, whose type is `CONTENT_TYPE`."""
        return generate_latest(_WithoutTimes(self.registry))

    @property
    def resident_bytes(self) -> int | None:
        """Return how much memory the process takes; None where the system does not tell."""
        name = "process_resident_memory_bytes"
        values = [each.samples[0].value for each in self._process.collect() if each.name == name]
        return int(values[0]) if values else None

    @property
    def first_audio_so_far(self) -> tuple[float, float]:
        """Return how often somebody heard a first sound since the start, and their waits' sum."""
        samples = [each for metric in self.first_audio_seconds.collect() for each in metric.samples]
        count, total = (
            sum(each.value for each in samples if each.name.endswith(ending))
            for ending in ("_count", "_sum")
        )
        return count, total

    @property
    def spoken_seconds(self) -> float:
        """Return how much speech was handed on since the start."""
        samples = (each for metric in self.audio_seconds.collect() for each in metric.samples)
        return sum(each.value for each in samples if each.name.endswith("_total"))

    def request_ended(
        self, record: RequestRecord, method: str, route: str | None, code: int | None, how: Outcome
    ) -> None:
        """Count a request.

        Args:
            route: the template of the path; None if the path leads nowhere.
            code: the status of the answer; None if there is none.
        """
        known = method in _METHODS or method in _PROTOCOLS
        dialect = record.dialect or "native"
        outcome = _word(how)
        self._requests.labels(
            method if known else "other",
            route or NO_ROUTE,
            dialect,
            "none" if code is None else str(code),
            outcome,
        ).inc()
        self._caller_requests.labels(record.caller_name, outcome).inc()
        reason = record.reason or (outcome if how == "broken off" else None)
        if reason is not None:
            self._errors.labels(dialect, reason).inc()
        if record.ffmpeg_failures:
            self._ffmpeg_failures.inc(record.ffmpeg_failures)

    def lookups(self, cache: str) -> Callable[[bool], None]:
        """Return what is told of each look-up in a cache whether it was found there."""
        hit = self._cache_lookups.labels(cache, "hit")
        miss = self._cache_lookups.labels(cache, "miss")
        return lambda found: (hit if found else miss).inc()

    def batches(self, model: str) -> Callable[[int], None]:
        """Return what is told how many rows each step of a model's language model computes."""
        for outcome in UTTERANCE_OUTCOMES:
            self.utterances.labels(model, _word(outcome))
        return self._batch_rows.labels(model).observe


class _WithoutTimes(Collector):
    """Leaves out when each metric was first used, which would be as many numbers again."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        for metric in self._registry.collect():
            metric.samples = [each for each in metric.samples if not each.name.endswith("_created")]
            yield metric


class _Moment(Collector):
    """Shows how the server is when it is asked."""

    def __init__(self, version: str, now: Callable[[], Now]) -> None:
        self._version = version
        self._now = now

    def describe(self) -> Iterator[Metric]:
        return iter(())

    def collect(self) -> Iterator[Metric]:
        now = self._now()
        yield InfoMetricFamily("pocket_speech", "The server.", {"version": self._version})
        for name, says, value in (
            ("ready", "Whether speech can be made.", now.ready),
            ("requests_in_flight", "Requests that have not ended.", now.requests),
            ("voice_cache_bytes", "Memory of voices that are ready.", now.voice_cache_bytes),
        ):
            yield GaugeMetricFamily(f"pocket_speech_{name}", says, value)
        for name, says in (
            ("running_rows", "Rows that are computed."),
            ("max_running_rows", "Rows that may be computed."),
            ("queued_jobs", "Requests that wait for a row."),
            ("max_queued_jobs", "Requests that may wait for a row."),
        ):
            family = GaugeMetricFamily(f"pocket_speech_{name}", says, labels=["model"])
            for model, status in now.engines:
                family.add_metric([model], getattr(status, name))
            yield family
        yield from self._takes(now)

    def _takes(self, now: Now) -> Iterator[Metric]:
        """Count what became of the takes that were spoken, and what was wrong with the bad ones."""
        outcomes = CounterMetricFamily(
            "pocket_speech_takes",
            "Takes of pieces of speech, by what became of them.",
            labels=["model", "outcome"],
        )
        faults = CounterMetricFamily(
            "pocket_speech_take_faults", "Takes that came out badly.", labels=["model", "fault"]
        )
        for model, status in now.engines:
            takes = status.takes
            bad = takes.redone + takes.parted + takes.refused
            outcomes.add_metric([model, "served"], takes.spoken - bad)
            for outcome in ("redone", "parted", "refused"):
                outcomes.add_metric([model, outcome], getattr(takes, outcome))
            for fault, count in takes.by_fault.items():
                faults.add_metric([model, _word(fault)], count)
        yield outcomes
        yield faults


def _word(outcome: str) -> str:
    """Write an outcome as the value of a label."""
    return outcome.replace(" ", "_")
