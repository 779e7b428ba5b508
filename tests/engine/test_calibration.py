"""Words are timed by a model that follows them, after it was found out once how it does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from app.engine.alignment.loudness import STEP_SECONDS
from app.engine.engine import BatchedEngine
from app.engine.loader import EngineLoader
from app.engine.preview import PREVIEW, PREVIEW_CONFIG, voice_prompts
from app.engine.voice_state import KvPrefix
from app.errors import ModelUnavailable
from app.speech import Frames, Sampling, WordTime
from app.speech_engine import ESTIMATED, Alignment, EngineOptions, Head, SpeechJob, SpokenChunk
from tests.engine.conftest import MakeEngine
from tests.engine.speaking import TEXTS, speak, voice_clip, wait_until

pytestmark = pytest.mark.long

SENTENCE = "Please close the window, before you go to sleep."
OTHERS = ("The weather is nice today.", "She has lived in this house for many years.", "Hello.")


def preview_engine(models: Path) -> BatchedEngine:
    options = EngineOptions(
        language=PREVIEW,
        config=str(PREVIEW_CONFIG),
        models_dir=models,
        voice_prompts=voice_prompts(),
        worker_threads=2,
    )
    return EngineLoader(options)()


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def preview(models: Path) -> Iterator[BatchedEngine]:
    """The preview model, which has been listened to."""
    engine = preview_engine(models)
    engine.calibrate(engine.predefined_voice("sarah"))
    yield engine
    engine.close()


def job(
    texts: Sequence[str], voice: KvPrefix, *, timed: bool = True, seed: int | None = None
) -> SpeechJob:
    chunks = tuple(SpokenChunk(text, voice) for text in texts)
    return SpeechJob(chunks, Sampling(temperature=0.0, seed=seed), timed=timed)


async def frames_of(engine: BatchedEngine, order: SpeechJob) -> list[Frames]:
    return [frames async for frames in engine.submit(order)]


async def times_of(engine: BatchedEngine, order: SpeechJob) -> list[WordTime]:
    return [word for frames in await frames_of(engine, order) for word in frames.words]


def test_the_preview_model_is_timed_by_its_attention(preview: BatchedEngine) -> None:
    found = preview.status().alignment
    assert found is not None
    assert found.method == "attention"
    assert 2 <= len(found.heads) <= 4
    assert found.gain is not None
    assert found.gain > 0.6
    assert abs(found.offset_seconds) < 0.08


async def test_words_have_plausible_times(preview: BatchedEngine) -> None:
    """All words, in order, each as long as a word is, with a gap at the comma; half come live."""
    voice = preview.predefined_voice("sarah")
    stream = preview.submit(job([SENTENCE], voice))
    frames = [each async for each in stream]
    assert stream.alignment == preview.status().alignment
    words = [word for each in frames for word in each.words]
    assert [SENTENCE[word.start : word.end] for word in words] == SENTENCE.split()
    lengths = [word.end_seconds - word.start_seconds for word in words]
    assert min(lengths) >= 0.04
    assert max(lengths) < 1.0
    gaps = [after.start_seconds - before.end_seconds for before, after in pairwise(words)]
    assert min(gaps) >= 0
    assert max(gaps) == gaps[3] > 0.05
    seconds = sum(len(each.pcm) for each in frames) / preview.sample_rate_hz
    # The voice is silent for five frames and a bit after its last word.
    assert seconds - 0.7 < words[-1].end_seconds <= seconds
    assert sum(len(each.words) for each in frames[:-1]) >= 4
    heard = 0.0
    for each in frames[:-1]:
        heard += len(each.pcm) / preview.sample_rate_hz
        assert all(word.end_seconds < heard for word in each.words)


async def test_times_do_not_depend_on_company(preview: BatchedEngine) -> None:
    """Others come and go beside a row, some timed and some not, in either voice."""
    sarah, deep = preview.predefined_voice("sarah"), preview.predefined_voice("adam")
    alone = await times_of(preview, job([SENTENCE], sarah))
    together, *_ = await asyncio.gather(
        times_of(preview, job([SENTENCE], sarah)),
        times_of(preview, job(OTHERS, sarah)),
        times_of(preview, job(OTHERS[::-1], deep)),
        frames_of(preview, job(OTHERS, deep, timed=False)),
    )
    # int8 rounds a little differently in batches of other sizes: less than a millisecond for most
    # words, and where little is heard between two of them ("to sleep") up to two steps of loudness
    moved_seconds = []
    for one, other in zip(alone, together, strict=True):
        assert (one.start, one.end) == (other.start, other.end)
        moved_seconds.append(abs(one.start_seconds - other.start_seconds))
        assert one.start_seconds == pytest.approx(other.start_seconds, abs=2.1 * STEP_SECONDS)
        assert one.end_seconds == pytest.approx(other.end_seconds, abs=2.1 * STEP_SECONDS)
    assert np.median(moved_seconds) < 0.004


async def test_asking_for_times_changes_no_sound(preview: BatchedEngine) -> None:
    """And nobody is told times who does not ask for them."""
    voice = preview.predefined_voice("sarah")
    timed = await frames_of(preview, job(OTHERS, voice))
    plain = await frames_of(preview, job(OTHERS, voice, timed=False))
    assert preview.submit(job([], voice, timed=False)).alignment is None
    assert not any(frames.words for frames in plain)
    timed_pcm, plain_pcm = (
        np.concatenate([each.pcm for each in frames]) for frames in (timed, plain)
    )
    # int8 rounds a little differently in batches of other sizes, and bfloat16 (AMX) more
    assert timed_pcm.shape == plain_pcm.shape
    assert float(np.abs(timed_pcm - plain_pcm).mean()) < 3e-3


async def test_a_model_that_does_not_follow_its_text_is_estimated(
    make_engine: MakeEngine, tmp_path: Path
) -> None:
    """Random weights: all words have times all the same, and the method says what they are."""
    engine = make_engine(models_dir=tmp_path, worker_threads=2)
    voice = engine.encode_voice(voice_clip(engine.sample_rate_hz))
    assert await asyncio.to_thread(engine.calibrate, voice) == ESTIMATED
    assert engine.status().alignment == ESTIMATED
    stream = engine.submit(job([TEXTS[3]], voice))
    words = [word async for frames in stream for word in frames.words]
    assert stream.alignment == ESTIMATED
    assert [TEXTS[3][word.start : word.end] for word in words] == TEXTS[3].split()
    moments = [moment for word in words for moment in (word.start_seconds, word.end_seconds)]
    assert moments == sorted(moments)


@pytest.fixture
def few_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few and short ones, where it does not matter what comes of them."""
    monkeypatch.setattr("app.engine.calibration.sentences_for", lambda _model: TEXTS)


@pytest.mark.usefixtures("few_sentences")
async def test_a_second_start_reads_what_the_first_found(
    make_engine: MakeEngine, tmp_path: Path
) -> None:
    """What is kept counts, and is found out anew if it is of a model of another shape."""

    async def found() -> Alignment:
        engine = make_engine(models_dir=tmp_path)
        voice = engine.encode_voice(voice_clip(engine.sample_rate_hz))
        alignment = await asyncio.to_thread(engine.calibrate, voice)
        words = await times_of(engine, job([TEXTS[1]], voice))
        assert len(words) == len(TEXTS[1].split())
        return alignment

    assert await found() == ESTIMATED
    (kept,) = (tmp_path / "alignment").iterdir()
    first = kept.read_bytes()
    other = {"method": "attention", "heads": [[1, 3]], "gain": 0.5, "offset_seconds": 0.01}
    kept.write_text(json.dumps(other))
    assert await found() == Alignment("attention", (Head(1, 3),), 0.5, 0.01)
    kept.write_text(json.dumps(other | {"heads": [[2, 0]]}))
    assert await found() == ESTIMATED
    assert kept.read_bytes() == first


async def test_times_asked_for_too_early_are_estimated(
    make_engine: MakeEngine, tmp_path: Path
) -> None:
    """Nothing to say has no times, and a chunk that is cut short has all of its words."""
    engine = make_engine(models_dir=tmp_path)
    voice = engine.encode_voice(voice_clip(engine.sample_rate_hz))
    assert engine.status().alignment is None
    cut = SpeechJob(
        (SpokenChunk(" ", voice), SpokenChunk("…", voice), SpokenChunk(TEXTS[1], voice)),
        Sampling(temperature=0.0, eos_threshold=-1e9, frames_after_eos=0),
        timed=True,
    )
    frames = await frames_of(engine, cut)
    assert [len(each.words) for each in frames if each.chunk_last] == [0, 0, len(TEXTS[1].split())]


@pytest.mark.usefixtures("few_sentences")
async def test_an_engine_that_stops_does_not_finish_listening_to_itself(
    make_engine: MakeEngine, tmp_path: Path
) -> None:
    """It is for nobody; who waits for it is told that the engine is going."""
    engine = make_engine(models_dir=tmp_path, worker_threads=1, max_running_rows=1)
    voice = engine.encode_voice(voice_clip(engine.sample_rate_hz))
    listening = asyncio.create_task(asyncio.to_thread(engine.calibrate, voice))
    await asyncio.to_thread(wait_until, lambda: engine.status().running_rows > 0)
    async with asyncio.timeout(5):
        await engine.drain(60)
        with pytest.raises(ModelUnavailable):
            await listening
    assert not (tmp_path / "alignment").exists()


@pytest.mark.usefixtures("few_sentences")
async def test_the_engine_speaks_for_others_while_it_listens_to_itself(
    make_engine: MakeEngine, tmp_path: Path
) -> None:
    engine = make_engine(models_dir=tmp_path, worker_threads=1, max_running_rows=2)
    voice = engine.encode_voice(voice_clip(engine.sample_rate_hz))
    listening = asyncio.create_task(asyncio.to_thread(engine.calibrate, voice))
    await asyncio.to_thread(wait_until, lambda: engine.status().running_rows > 0)
    assert len((await speak(engine, voice, [TEXTS[0]]))[0]) > 0
    assert not listening.done()
    await listening
