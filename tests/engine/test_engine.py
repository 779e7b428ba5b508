"""The engine serves many jobs at once, and one job's trouble is its own."""

from __future__ import annotations

import asyncio
import gc
import string
import tracemalloc
import weakref
from typing import Any

import numpy as np
import pytest
import torch

from app.engine.engine import BatchedEngine
from app.engine.runner import Row, Runner
from app.engine.static.runner import StaticRunner
from app.engine.voice_state import MAX_VALUE, KvPrefix
from app.errors import ModelUnavailable, Overloaded, SynthesisFailed
from app.speech import Pcm, Sampling
from app.speech_engine import SpeechJob
from tests.engine.conftest import RUNNERS, MakeEngine
from tests.engine.speaking import (
    FRAME_SAMPLES,
    STILL,
    TEXTS,
    Upstream,
    assert_same,
    collect,
    job,
    speak,
    speak_now,
    voice_clip,
    wait_until,
)

# What computes makes little difference to what is tried here.
pytestmark = pytest.mark.parametrize("runner", RUNNERS)

LONG = "A much longer sentence that goes on and on, so that it is still running a while later."


async def test_chunks_are_delivered_in_order_and_timed(
    engine: BatchedEngine, voice: KvPrefix
) -> None:
    stream = engine.submit(job(TEXTS, voice))
    await collect(stream, len(TEXTS))
    timings = stream.timings
    assert timings.queued_seconds is not None
    assert timings.prefill_seconds is not None
    assert timings.first_audio_seconds is not None
    assert timings.queued_seconds <= timings.prefill_seconds <= timings.first_audio_seconds


async def test_no_sound_stays_in_memory(engine: BatchedEngine, voice: KvPrefix) -> None:
    """What was read is gone at once, while its job goes on as well: it may last for hours.

    Nothing here may wait for a search for garbage, which looks at arrays last.
    """
    texts = [LONG] * 12
    await speak(engine, voice, texts)
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        stream = engine.submit(job(texts, voice))
        began_bytes, _ = tracemalloc.get_traced_memory()
        read_bytes = 0
        async for frames in stream:
            read_bytes += frames.pcm.nbytes
            if frames.chunk_index == 11 and frames.chunk_last:
                break
        wait_until(lambda: engine.status().running_rows == 0)
        grown_bytes = tracemalloc.get_traced_memory()[0] - began_bytes
    finally:
        tracemalloc.stop()
        gc.enable()
    assert read_bytes > 1_000_000
    assert grown_bytes < read_bytes / 10


async def test_a_chunk_without_anything_to_say_is_silent(
    engine: BatchedEngine, voice: KvPrefix, tiny: Upstream
) -> None:
    silence, speech = await speak(engine, voice, ["  ", TEXTS[0]])
    assert silence.size == 0
    assert_same(speech, tiny.speak(TEXTS[0]))


async def test_a_job_without_chunks_ends_at_once(engine: BatchedEngine, voice: KvPrefix) -> None:
    assert await speak(engine, voice, []) == []


async def test_the_same_seed_gives_the_same_audio_alone_and_in_company(
    engine: BatchedEngine, voice: KvPrefix
) -> None:
    seeded = Sampling(temperature=0.8, seed=5)
    alone = await speak(engine, voice, TEXTS[:2], seeded)
    company = [speak(engine, voice, [text], Sampling(temperature=0.5)) for text in TEXTS]
    again, *_ = await asyncio.gather(speak(engine, voice, TEXTS[:2], seeded), *company)
    for one, two in zip(alone, again, strict=True):
        assert_same(one, two)


async def test_other_seeds_and_other_chunks_sound_different(
    engine: BatchedEngine, voice: KvPrefix
) -> None:
    options = {"temperature": 0.8, "eos_threshold": 1e9}
    twice = await speak(engine, voice, [TEXTS[0]] * 2, Sampling(seed=1, **options))  # type: ignore[arg-type]
    other = await speak(engine, voice, [TEXTS[0]], Sampling(seed=2, **options))  # type: ignore[arg-type]
    unseeded = await speak(engine, voice, [TEXTS[0]], Sampling(**options))  # type: ignore[arg-type]
    waves = [*twice, *other, *unseeded]
    assert len({wave.shape for wave in waves}) == 1
    for i, wave in enumerate(waves):
        assert all(np.abs(wave - earlier).max() > 1e-3 for earlier in waves[:i])


async def test_frames_after_eos_and_the_eos_threshold_are_per_job(
    engine: BatchedEngine, voice: KvPrefix
) -> None:
    def at_once(after: int) -> Sampling:
        return Sampling(temperature=0.0, eos_threshold=-1e9, frames_after_eos=after)

    waves = await asyncio.gather(*(speak(engine, voice, [LONG], at_once(n)) for n in (0, 1, 4)))
    assert [len(wave[0]) // FRAME_SAMPLES for wave in waves] == [6, 7, 10]


async def test_the_servers_defaults_apply_where_a_job_leaves_it_open(
    make_engine: MakeEngine,
) -> None:
    defaults = Sampling(temperature=0.0, eos_threshold=-1e9, frames_after_eos=2)
    engine = make_engine(defaults=defaults)
    voice = engine.encode_voice(voice_clip(engine.sample_rate_hz))
    own = Sampling(frames_after_eos=5)
    waves = [
        *await speak(engine, voice, [LONG], Sampling()),
        *await speak(engine, voice, [LONG], own),
    ]
    assert [len(wave) // FRAME_SAMPLES for wave in waves] == [8, 11]


async def test_an_aborted_job_frees_its_rows(engine: BatchedEngine, voice: KvPrefix) -> None:
    stream = engine.submit(job((LONG,) * 8, voice))
    await anext(aiter(stream))
    stream.abort()
    with pytest.raises(SynthesisFailed):
        await anext(aiter(stream))
    await asyncio.to_thread(wait_until, lambda: engine.status().running_rows == 0)


async def test_a_broken_row_ends_its_job_only(
    engine: BatchedEngine, voice: KvPrefix, tiny: Upstream
) -> None:
    poisoned = KvPrefix(torch.full_like(voice.cache, float("nan")))
    good = [speak(engine, voice, [text]) for text in TEXTS[:3]]
    *waves, failure = await asyncio.gather(
        *good, speak(engine, poisoned, [TEXTS[0]]), return_exceptions=True
    )
    assert isinstance(failure, SynthesisFailed)
    for text, wave in zip(TEXTS, waves, strict=False):
        assert not isinstance(wave, BaseException)
        assert_same(wave[0], tiny.speak(text))


@pytest.mark.parametrize("half", ["_sample", "_decode"])
async def test_a_row_that_breaks_the_batch_ends_its_job_only(
    engine: BatchedEngine,
    voice: KvPrefix,
    tiny: Upstream,
    monkeypatch: pytest.MonkeyPatch,
    half: str,
) -> None:
    original, culprit = getattr(engine._runner, half), 3

    def breaking(rows: list[Row], *others: Any) -> Any:
        if any(row.sampling.decode_steps == culprit for row in rows):
            raise RuntimeError("broken")
        return original(rows, *others)

    monkeypatch.setattr(engine._runner, half, breaking)
    bad = Sampling(temperature=0.0, sampler_decode_steps=culprit)
    good, failure = await asyncio.gather(
        speak(engine, voice, TEXTS[:2]), speak(engine, voice, TEXTS, bad), return_exceptions=True
    )
    assert isinstance(failure, SynthesisFailed)
    assert not isinstance(good, BaseException)
    assert_same(good[1], tiny.speak(TEXTS[1]))


async def test_chunks_that_ran_ahead_do_not_hold_up_the_one_that_is_read(
    make_engine: MakeEngine,
) -> None:
    engine = make_engine(max_running_rows=8, stream_buffer_seconds=1.0)
    voice = engine.encode_voice(voice_clip(engine.sample_rate_hz))
    spoken = await asyncio.wait_for(speak(engine, voice, [LONG] * 8), timeout=60)
    assert all(len(chunk) for chunk in spoken)


async def test_a_reader_that_stops_holds_nobody_else_up(make_engine: MakeEngine) -> None:
    engine = make_engine(max_running_rows=2, stream_buffer_seconds=1.0)
    voice = engine.encode_voice(voice_clip(engine.sample_rate_hz))
    slow = engine.submit(job((LONG, LONG), voice))
    await anext(aiter(slow))
    for _ in range(3):
        await speak(engine, voice, [TEXTS[0]])
    assert slow.progress.buffered_seconds < 5.0  # type: ignore[attr-defined]
    assert len(await collect_rest(slow)) > 0


async def collect_rest(stream: Any) -> list[Any]:
    return [frames async for frames in stream]


async def test_the_queue_is_bounded(make_engine: MakeEngine) -> None:
    engine = make_engine(max_running_rows=1, max_queued_jobs=1)
    voice = engine.encode_voice(voice_clip(engine.sample_rate_hz))
    first = engine.submit(job((LONG,), voice))
    await anext(aiter(first))
    second = engine.submit(job((LONG,), voice))
    assert engine.status().queued_jobs == 1
    with pytest.raises(Overloaded):
        engine.submit(job((LONG,), voice))
    second.abort()
    assert engine.status().queued_jobs == 0


async def test_draining_finishes_what_runs_and_refuses_the_rest(make_engine: MakeEngine) -> None:
    engine = make_engine()
    voice = engine.encode_voice(voice_clip(engine.sample_rate_hz))
    running = asyncio.create_task(speak(engine, voice, [TEXTS[0]]))
    await asyncio.sleep(0)
    draining = asyncio.create_task(engine.drain(10.0))
    await asyncio.sleep(0)
    with pytest.raises(ModelUnavailable):
        engine.submit(job((TEXTS[0],), voice))
    assert len((await running)[0]) > 0
    await draining
    assert not engine.status().alive


async def test_draining_gives_up_after_its_timeout(make_engine: MakeEngine) -> None:
    engine = make_engine()
    voice = engine.encode_voice(voice_clip(engine.sample_rate_hz))
    running = asyncio.create_task(speak(engine, voice, [LONG] * 20))
    await asyncio.sleep(0)
    await engine.drain(0.05)
    with pytest.raises(ModelUnavailable):
        await running


async def test_a_dead_worker_ends_every_stream_and_a_new_engine_can_take_over(
    make_engine: MakeEngine, tiny: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make_engine()
    voice = engine.encode_voice(voice_clip(engine.sample_rate_hz))
    streams = [asyncio.create_task(speak(engine, voice, [LONG])) for _ in range(3)]
    await asyncio.sleep(0.02)

    def broken(*_: Any) -> None:
        raise MemoryError("no more")

    monkeypatch.setattr(engine._loop._scheduler, "next_batch", broken)
    for failure in await asyncio.gather(*streams, return_exceptions=True):
        assert isinstance(failure, ModelUnavailable)
    assert not engine.status().alive
    with pytest.raises(ModelUnavailable):
        engine.submit(job((TEXTS[0],), voice))
    heir = make_engine()
    assert_same((await speak(heir, voice, [TEXTS[0]]))[0], tiny.speak(TEXTS[0]))


async def test_an_engine_that_was_not_started_refuses_jobs(
    make_engine: MakeEngine, voice: KvPrefix
) -> None:
    with pytest.raises(ModelUnavailable):
        make_engine(start=False).submit(job((TEXTS[0],), voice))


def test_one_worker_is_enough(make_engine: MakeEngine, tiny: Upstream) -> None:
    engine = make_engine(worker_threads=1)
    voice = engine.encode_voice(voice_clip(engine.sample_rate_hz))
    for text, wave in zip(TEXTS[:2], speak_now(engine, voice, TEXTS[:2]), strict=True):
        assert_same(wave, tiny.speak(text))


def test_status_shows_the_bounds_and_the_precision(make_engine: MakeEngine) -> None:
    status = make_engine(max_running_rows=3, max_queued_jobs=7).status()
    assert (status.max_running_rows, status.max_queued_jobs) == (3, 7)
    assert (status.precision, status.device, status.alive) == ("float32", "cpu", True)


def test_tokens_are_counted_as_the_model_reads_them(engine: BatchedEngine, tiny: Upstream) -> None:
    tokenizer = tiny.model.flow_lm.conditioner.tokenizer
    assert engine.count_tokens("hello there") == len(tokenizer.encode("Hello there."))
    assert engine.count_tokens("  ") == 0


@pytest.mark.parametrize(
    "text",
    [
        "Hello there, this is one sentence. And here is another! Is that so?",
        "  Odd   spaces,\n\nand \u201cquotes\u201d \u2014 everywhere, in all of this text.  ",
        "caf\u00e9 na\u00efve \u4f60\u597d 12.5% don't stop here, there is more",
    ],
)
def test_tokens_of_pieces(engine: BatchedEngine, text: str) -> None:
    """Counted from one reading of the whole, pieces have about the tokens they have alone.

    The model's own preparation begins with a capital, adds a full stop and pads short texts.
    """
    count = engine.token_counter(text)
    words = text.split()
    for first in range(len(words) - 7):
        for last in range(first + 7, len(words) + 1):
            piece = " ".join(words[first:last])
            assert abs(count(piece) - engine.count_tokens(piece)) <= 4
    inside = text.strip()[1:-1]
    assert abs(count(inside) - engine.count_tokens(inside)) <= 4


def test_letters(engine: BatchedEngine) -> None:
    """The model was taught the letters of its tokenizer's English, and no Chinese."""
    assert set(string.ascii_letters) <= engine.letters
    assert engine.letters.isdisjoint("你好")


@pytest.mark.parametrize("late", [False, True])
async def test_a_job_that_grows_sounds_like_one_that_was_whole(
    engine: BatchedEngine, voice: KvPrefix, late: bool
) -> None:
    """Chunks may be added while others are spoken, or when nothing is left to speak."""
    seeded = Sampling(temperature=0.8, seed=5)
    whole = await speak(engine, voice, TEXTS[:3], seeded)
    first, *others = job(TEXTS[:3], voice).chunks
    stream = engine.submit(SpeechJob((first,), seeded, more=True))
    frames = aiter(stream)
    heard: list[list[Pcm]] = [[], [], []]
    if late:
        while not (piece := await anext(frames)).chunk_last:
            heard[0].append(piece.pcm)
        heard[0].append(piece.pcm)
        await asyncio.sleep(0.05)
    for number, chunk in enumerate(others, start=1):
        stream.extend([chunk], more=number < len(others))
    async for piece in frames:
        heard[piece.chunk_index].append(piece.pcm)
    for one, pieces in zip(whole, heard, strict=True):
        assert_same(one, np.concatenate(pieces))
    await asyncio.to_thread(wait_until, lambda: engine.status().running_rows == 0)


async def test_a_job_that_was_to_grow_is_given_up(engine: BatchedEngine, voice: KvPrefix) -> None:
    """Nothing is left of it, and what is added afterwards is not spoken."""
    stream = engine.submit(SpeechJob(job(TEXTS[:1], voice).chunks, STILL, more=True))
    await anext(aiter(stream))
    stream.abort()
    stream.extend(job(TEXTS[1:3], voice).chunks, more=False)
    with pytest.raises(SynthesisFailed):
        await anext(aiter(stream))
    await asyncio.to_thread(wait_until, lambda: engine.status().running_rows == 0)
    engine._loop.wait_until_idle(5)
    assert not engine._loop._scheduler.jobs


@pytest.mark.parametrize("value", [MAX_VALUE, -MAX_VALUE])
async def test_the_largest_voice_still_speaks(
    engine: BatchedEngine, voice: KvPrefix, value: float
) -> None:
    """With any keys and values that are let in, what is computed is finite."""
    loud = KvPrefix(torch.full_like(voice.cache, value))
    mixed = KvPrefix(torch.sign(torch.randn_like(voice.cache)) * value)
    for each in (loud, mixed):
        (wave,) = await speak(engine, each, [TEXTS[0]])
        assert np.isfinite(wave).all()


async def test_it_speaks_on_after_a_rest(engine: BatchedEngine, voice: KvPrefix) -> None:
    """What was kept for the next rows is gone, and made again when they come."""
    said = await speak(engine, voice, TEXTS)
    runner = engine._runner
    kept = [weakref.ref(each) for each in runner._caches._idle] if type(runner) is Runner else []
    assert kept or type(runner) is StaticRunner
    engine.rest()
    gc.collect()
    assert not any(cache() for cache in kept)
    for ours, before in zip(await speak(engine, voice, TEXTS), said, strict=True):
        assert_same(ours, before)
