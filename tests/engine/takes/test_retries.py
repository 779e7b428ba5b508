"""Bad takes are spoken again, parted or refused, with a real engine over a tiny model."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterable

import numpy as np
import pytest

from app.engine.batch_loop import BatchLoop
from app.engine.engine import BatchedEngine
from app.engine.takes.faults import Fault
from app.engine.takes.hearing import Hearing
from app.engine.takes.policy import PIECES_BEFORE_TRUST, Take, TakeJudge
from app.engine.voice_state import KvPrefix
from app.errors import TakesRefused
from app.speech import SPEECH_RATE_HZ, Pcm, Sampling
from app.speech_engine import SpeechJob, SpokenChunk
from tests.engine.conftest import MakeEngine
from tests.engine.speaking import assert_same, collect, voice_clip
from tests.engine.takes.test_faults import speech

SEEDED = Sampling(temperature=0.7, seed=5)
TEXT = "Is it so? Hello there."
NINE_TIMES: tuple[Fault, ...] = ("duration",) * 9


class ScriptedJudge(TakeJudge):
    """Finds what a test says, take by take, and then nothing."""

    def __init__(self, faults: Iterable[Fault | None], most_takes: int = 3) -> None:
        super().__init__(most_takes)
        self.faults = list(faults)
        self.takes: list[Take] = []
        self.loop: BatchLoop | None = None

    def fault_of(self, take: Take) -> Fault | None:
        # Judging takes a millisecond and more, for which nobody else may wait.
        assert self.loop is None or not self.loop._changed._is_owned()  # type: ignore[attr-defined]
        self.takes.append(take)
        return self.faults.pop(0) if self.faults else None


def judged(engine: BatchedEngine, *faults: Fault | None, most_takes: int = 3) -> ScriptedJudge:
    engine._loop._takes.judge = judge = ScriptedJudge(faults, most_takes)
    judge.loop = engine._loop
    return judge


async def spoken(
    engine: BatchedEngine,
    voice: KvPrefix,
    *texts: str,
    sampling: Sampling = SEEDED,
    whole: bool = True,
    timed: bool = False,
) -> list[Pcm]:
    chunks = tuple(SpokenChunk(text, voice) for text in texts)
    stream = engine.submit(SpeechJob(chunks, sampling, timed=timed))
    if whole:
        stream.hold_back(lambda: math.inf)
    return await collect(stream, len(texts))


async def test_bad_takes_are_spoken_again_and_counted(
    engine: BatchedEngine, voice: KvPrefix
) -> None:
    judge = judged(engine, "clipping", "clipping", "stuck")
    await spoken(engine, voice, TEXT, "one two three")
    assert len(judge.takes) == 5
    counts = engine.status().takes
    assert (counts.spoken, counts.redone) == (5, 3)
    assert (counts.by_fault["clipping"], counts.by_fault["stuck"]) == (2, 1)


async def test_who_reads_whole_pieces_is_told_that_there_is_sound(
    engine: BatchedEngine, voice: KvPrefix
) -> None:
    """Whoever waits for first audio no longer than that is of use does not give up meanwhile."""
    judge = judged(engine, "clipping")
    stream = engine.submit(SpeechJob((SpokenChunk(TEXT, voice),), SEEDED))
    stream.hold_back(lambda: math.inf)
    pieces = [(frames, len(judge.takes)) async for frames in stream]
    (first, judged_before), *others = pieces
    assert (len(first.pcm), judged_before) == (0, 0)
    assert all(len(frames.pcm) and takes == 2 for frames, takes in others)


async def test_a_piece_longer_than_the_buffer(make_engine: MakeEngine) -> None:
    """What cannot be read before its piece is over does not hold that piece up."""
    engine = make_engine(max_running_rows=2, stream_buffer_seconds=0.2)
    judged(engine)
    voice = engine.encode_voice(voice_clip(SPEECH_RATE_HZ))
    async with asyncio.timeout(20):
        heard = await spoken(engine, voice, TEXT, TEXT, TEXT)
    assert all(len(each) > 0.4 * SPEECH_RATE_HZ for each in heard)


async def test_the_same_seed_gives_the_same_retry(engine: BatchedEngine, voice: KvPrefix) -> None:
    judge = judged(engine, "clipping")
    (one,) = await spoken(engine, voice, TEXT)
    judge.faults = ["stuck"]
    (again,) = await spoken(engine, voice, TEXT)
    first_take = judge.takes[0].pcm
    assert_same(again, one)
    assert one.shape != first_take.shape or float(np.abs(one - first_take).max()) > 1e-2
    assert_same(judge.takes[2].pcm, first_take)


async def test_a_text_that_fails_is_parted_and_its_parts_are_heard_as_one(
    engine: BatchedEngine, voice: KvPrefix
) -> None:
    judge = judged(engine, "no end", "no end", "no end", None, "silence", None)
    (heard,) = await spoken(engine, voice, TEXT)
    assert [take.text for take in judge.takes] == [TEXT] * 3 + [
        "Is it so?",
        "Hello there.",
        "Hello there.",
    ]
    first, second = judge.takes[3].pcm, judge.takes[5].pcm
    # The first part goes to nothing in its last 5 ms.
    whole = len(first) - SPEECH_RATE_HZ // 200
    assert np.array_equal(heard[:whole], first[:whole])
    assert np.array_equal(heard[len(first) :], second)
    assert heard[len(first) - 1] == 0 != first[-1]
    counts = engine.status().takes
    assert (counts.redone, counts.parted, counts.refused) == (3, 1, 0)


async def test_words_of_parts_stand_where_they_do_in_the_text(
    engine: BatchedEngine, voice: KvPrefix
) -> None:
    judged(engine, "no end", "no end", "no end")
    chunk = SpokenChunk(TEXT, voice)
    stream = engine.submit(SpeechJob((chunk,), SEEDED, timed=True))
    stream.hold_back(lambda: math.inf)
    words = [word async for frames in stream for word in frames.words]
    assert [TEXT[word.start : word.end] for word in words] == TEXT.split()
    times = [seconds for word in words for seconds in (word.start_seconds, word.end_seconds)]
    assert times == sorted(times)


async def test_what_is_bad_each_time_is_refused(engine: BatchedEngine, voice: KvPrefix) -> None:
    judge = judged(engine, *NINE_TIMES)
    with pytest.raises(TakesRefused, match="longer or shorter"):
        await spoken(engine, voice, "Hello.")
    assert len(judge.takes) == 3
    assert engine.status().takes.refused == 1


async def test_at_temperature_nothing_is_said_twice(engine: BatchedEngine, voice: KvPrefix) -> None:
    judge = judged(engine, *NINE_TIMES)
    with pytest.raises(TakesRefused):
        await spoken(engine, voice, TEXT, sampling=Sampling(temperature=0.0))
    assert [take.text for take in judge.takes] == [TEXT, "Is it so?"]


async def test_what_was_heard_is_not_taken_back(engine: BatchedEngine, voice: KvPrefix) -> None:
    judged(engine, "words left out")
    stream = engine.submit(SpeechJob((SpokenChunk(TEXT, voice),), SEEDED))
    with pytest.raises(TakesRefused):
        await collect(stream, 1)


async def test_a_later_piece_is_taken_back_before_playback_needs_it(
    engine: BatchedEngine, voice: KvPrefix
) -> None:
    """A live reader who has enough to play gets a piece only once it is judged."""
    judge = judged(engine, None, "clipping", None)
    chunks = (SpokenChunk(TEXT, voice), SpokenChunk("one two three", voice))
    stream = engine.submit(SpeechJob(chunks, SEEDED))
    until = [-math.inf]
    stream.hold_back(lambda: until[0])
    pieces = []
    async for frames in stream:
        until[0] = time.monotonic() + 100
        pieces.append((frames.chunk_index, frames.pcm, len(judge.takes)))
    assert next(takes for index, _, takes in pieces if index == 1) == 3
    second = np.concatenate([pcm for index, pcm, _ in pieces if index == 1])
    assert np.array_equal(second, judge.takes[2].pcm)


async def test_a_tone_in_what_is_heard_ends_the_stream_while_it_sounds(
    make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make_engine(max_running_rows=2, proven=True)
    decode, sounded = engine._runner.decode, [0]

    def stuck(rows: object, frames: int) -> object:
        given = decode(rows, frames)  # type: ignore[arg-type]
        samples = np.arange(sounded[0], sounded[0] + len(given[0])) / SPEECH_RATE_HZ  # type: ignore[arg-type]
        sounded[0] += len(samples)
        return [(0.2 * np.sin(2 * np.pi * 170 * samples)).astype(np.float32)]

    monkeypatch.setattr(engine._runner, "decode", stuck)
    voice = engine.encode_voice(voice_clip(SPEECH_RATE_HZ))
    stream = engine.submit(SpeechJob((SpokenChunk(TEXT * 4, voice),), Sampling(eos_threshold=99.0)))
    with pytest.raises(TakesRefused, match="tone"):
        await collect(stream, 1)
    assert sounded[0] < 1.5 * SPEECH_RATE_HZ


async def test_with_one_take_whatever_comes_is_served_and_counted(
    engine: BatchedEngine, voice: KvPrefix
) -> None:
    judged(engine, "stuck", most_takes=1)
    await spoken(engine, voice, TEXT)
    assert engine.status().takes.by_fault["stuck"] == 1


async def test_a_take_that_is_not_finite_is_noticed_with_any_model(
    engine: BatchedEngine, voice: KvPrefix, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode, broken = engine._runner.decode, [True]

    def breaks_once(rows: object, frames: int) -> object:
        given = decode(rows, frames)  # type: ignore[arg-type]
        if broken:
            broken.clear()
            given[0][0] = np.nan  # type: ignore[index]
        return given

    monkeypatch.setattr(engine._runner, "decode", breaks_once)
    (heard,) = await spoken(engine, voice, TEXT)
    assert np.isfinite(heard).all()
    assert engine.status().takes.by_fault["not finite"] == 1


def take(
    pcm: Pcm,
    text: str = TEXT,
    *,
    ended: bool = True,
    own_end: bool = True,
    repeatable: bool = False,
) -> Take:
    hearing = Hearing()
    hearing.hear(pcm)
    flux = hearing.least_flux
    return Take(text, VOICE, pcm, flux, ended=ended, own_end=own_end, repeatable=repeatable)


class Voice:
    """Stands for a voice."""


VOICE = Voice()


def test_a_model_is_held_to_its_end_once_it_was_heard_to_speak_well() -> None:
    good = speech(1.5)
    judge = TakeJudge(3)
    assert judge.fault_of(take(good, ended=False)) is None
    for _ in range(PIECES_BEFORE_TRUST + 1):
        assert judge.fault_of(take(good)) is None
    assert judge.trusted
    assert judge.fault_of(take(good, ended=False)) == "no end"
    assert judge.fault_of(take(good, ended=False, own_end=False)) is None
    assert judge.fault_of(take(good[:12000])) == "duration"


def test_what_is_to_be_repeatable_does_not_hang_on_what_was_heard() -> None:
    good, bad = take(speech(1.5)), take(speech(1.5), ended=False, repeatable=True)
    for judge, fault in ((TakeJudge(3), None), (TakeJudge(3, proven=True), "no end")):
        assert judge.fault_of(bad) == fault
        for _ in range(PIECES_BEFORE_TRUST + 1):
            assert judge.fault_of(good) is None
        assert judge.trusted
        assert judge.fault_of(bad) == fault


def test_weights_without_training_are_not_held_to_anything() -> None:
    judge = TakeJudge(3)
    for index in range(100):
        assert judge.fault_of(take(speech(1.5), ended=index % 2 == 0)) is None
    assert not judge.trusted


def test_silence_that_was_asked_for_is_no_fault() -> None:
    """Who has a model go on after its end (`frames_after_eos`) gets that, however long."""
    judge = TakeJudge(3)
    for _ in range(PIECES_BEFORE_TRUST + 1):
        judge.fault_of(take(speech(1.5)))
    longer = np.concatenate([speech(1.5), np.zeros(4 * SPEECH_RATE_HZ, dtype=np.float32)])
    assert judge.fault_of(take(longer)) in ("silence", "duration")
    assert judge.fault_of(take(longer, own_end=False)) is None
