"""How the sound of one utterance reaches its reader is measured, whatever the reader does."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest

from app.callers.caller import Caller
from app.request_record import RequestRecord
from app.speech_engine import JobTimings
from app.telemetry.delivery import Delivery
from app.telemetry.meter import Meter
from tests.telemetry.scrape import Scrape

PIECE_SECONDS = 0.08


class Listener:
    """Reads an utterance by a clock of the test's own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_seconds = 100.0
        clock = SimpleNamespace(monotonic=lambda: self.now_seconds)
        monkeypatch.setattr("app.telemetry.delivery.time", clock)
        self.meter = Meter("1")
        self.timings = JobTimings()
        self.record = RequestRecord("id", caller=Caller("shop"))
        self.delivery = Delivery(
            self.meter, self.record, "english", began_seconds=99.5, characters=10
        )

    def hear(self, *, made_after: float, read_after: float = 0.0) -> None:
        """Take the next piece, which is made so long after it was asked for."""
        self.now_seconds += read_after
        self.delivery.asked()
        self.now_seconds += made_after
        self.delivery.came(PIECE_SECONDS, self.timings)

    def value(self, name: str, **labels: str) -> float:
        scrape = Scrape(self.meter.exposition().decode())
        return scrape.value(f"pocket_speech_{name}", **labels)


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Listener:
    return Listener(monkeypatch)


def test_complete_speech(listener: Listener) -> None:
    """The first sound counts from the request, the factor is waiting over sound."""
    listener.timings.queued_seconds = 0.3
    listener.now_seconds += 0.5
    listener.delivery.came(PIECE_SECONDS, listener.timings)
    for _ in range(4):
        listener.hear(made_after=0.04)
    listener.delivery.outcome = "complete"
    listener.delivery.ended(listener.timings)
    listener.delivery.ended(listener.timings)
    assert listener.value("time_to_first_audio_seconds_sum") == pytest.approx(1.0)
    assert listener.value("queue_wait_seconds_sum") == pytest.approx(0.3)
    assert listener.value("delivery_gap_seconds_sum") == pytest.approx(0.16)
    assert listener.value("real_time_factor_sum") == pytest.approx(1.16 / 0.4)
    assert listener.value("utterances_total", outcome="complete") == 1
    assert listener.value("audio_seconds_total", caller="shop") == pytest.approx(0.4)
    assert listener.value("characters_total", caller="shop") == 10
    assert listener.record.audio_seconds == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("made_after", "read_after", "underruns"),
    [(0.07, 0.0, 0), (0.3, 0.0, 3), (0.0, 0.5, 0), (0.02, 5.0, 0)],
)
def test_silence_is_whose_fault_it_is(
    listener: Listener, made_after: float, read_after: float, underruns: int
) -> None:
    """Sound that is made too late is an underrun; sound that is fetched too late is none."""
    listener.delivery.came(PIECE_SECONDS, listener.timings)
    for _ in range(3):
        listener.hear(made_after=made_after, read_after=read_after)
    assert listener.value("underruns_total", model="english") == underruns


def test_who_gives_up_in_the_queue(listener: Listener) -> None:
    """Its wait counts as long as it was, its speech as cancelled, and nothing as heard."""
    listener.now_seconds += 7.0
    listener.delivery.ended(listener.timings)
    assert listener.value("queue_wait_seconds_sum") == pytest.approx(7.0)
    assert listener.value("utterances_total", outcome="cancelled") == 1
    assert listener.value("time_to_first_audio_seconds_count") == 0
    assert listener.value("real_time_factor_count") == 0


def test_until_when_the_reader_has_something_to_play(listener: Listener) -> None:
    """It plays at once what comes, after what it had before; who does not listen never waits."""
    assert listener.delivery.played_until_seconds == -math.inf
    listener.delivery.follow(105.0)
    assert listener.delivery.played_until_seconds == 105.0
    for played_until_seconds in (105.08, 105.16):
        listener.delivery.came(PIECE_SECONDS, listener.timings)
        assert listener.delivery.played_until_seconds == pytest.approx(played_until_seconds)
    listener.now_seconds = 110.0
    listener.delivery.came(PIECE_SECONDS, listener.timings)
    assert listener.delivery.played_until_seconds == pytest.approx(110.08)
    unheard = Delivery(
        listener.meter, listener.record, "english", began_seconds=0, characters=1, heard=False
    )
    unheard.came(PIECE_SECONDS, listener.timings)
    assert unheard.played_until_seconds == math.inf
