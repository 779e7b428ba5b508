"""Speaks many sentences, and prints how many takes were spoken again, and why.

    python -m benchmarks.takes [--sentences 500] [--takes 3] [--voice sarah] [--words]
    python -m benchmarks.takes --cost

With `--words` a recogniser hears them, and the word error rate is printed, also that of the first
takes only (see `benchmarks/recogniser.py` for what that needs). `--cost` compares first audio and
throughput with those of an engine that does not listen to what it speaks.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import statistics
import time
from collections.abc import Sequence
from itertools import cycle, islice

import numpy as np

from app.engine.engine import BatchedEngine
from app.engine.runner import Row
from app.engine.sequence import Sequence as EngineSequence
from app.engine.takes.takes import Takes
from app.errors import TakesRefused
from app.speech import SPEECH_RATE_HZ, Frames, Pcm, Sampling
from app.speech_engine import SpeechJob, SpokenChunk, VoiceState
from benchmarks.preview_engine import preview_engine
from benchmarks.recogniser import Recogniser, word_errors, words_of
from benchmarks.scripts import script_of
from training.preview.sentences import held_out_sentences

AT_ONCE = 12
COST_ROUNDS = 24
COST_STREAMS = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sentences", type=int, default=500)
    parser.add_argument("--takes", type=int, default=3)
    parser.add_argument("--voice", default="sarah")
    parser.add_argument("--words", action="store_true", help="print the word error rate as well")
    parser.add_argument("--cost", action="store_true", help="print what listening costs, only")
    args = parser.parse_args()
    if args.cost:
        with preview_engine() as engine:
            _print_cost(engine, engine.predefined_voice(args.voice))
        return
    texts = _texts(args.sentences)
    with preview_engine(takes=args.takes) as engine:
        voice = engine.predefined_voice(args.voice)
        engine.calibrate(voice)
        began = time.monotonic()
        spoken = asyncio.run(_speak(engine, voice, texts))
        _print(engine, spoken, time.monotonic() - began)
        redone = engine.status().takes.redone + engine.status().takes.parted
    if args.words:
        recogniser = Recogniser()
        print(f"word error rate {_word_error_rate(recogniser, texts, spoken):.4f}")
        if redone:
            with preview_engine(takes=1) as engine:
                voice = engine.predefined_voice(args.voice)
                first = asyncio.run(_speak(engine, voice, texts))
            print(f"of the first takes {_word_error_rate(recogniser, texts, first):.4f}")


def _texts(sentences: int) -> list[str]:
    single = [each for share in held_out_sentences().values() for each in share]
    pairs = [" ".join(pair) for pair in zip(single[::2], single[1::2], strict=False)]
    return list(islice(cycle([*single, *pairs]), sentences))


async def _speak(
    engine: BatchedEngine, voice: VoiceState, texts: Sequence[str]
) -> list[Pcm | None]:
    """Speak each text as a complete answer, with a seed of its own; None for one refused."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(seed: int, text: str) -> Pcm | None:
        async with room:
            stream = engine.submit(SpeechJob((SpokenChunk(text, voice),), Sampling(seed=seed)))
            stream.hold_back(lambda: math.inf)
            try:
                return np.concatenate([frames.pcm async for frames in stream])
            except TakesRefused:
                return None

    return await asyncio.gather(*(one(seed, text) for seed, text in enumerate(texts)))


def _print(engine: BatchedEngine, spoken: Sequence[Pcm | None], seconds: float) -> None:
    counts = engine.status().takes
    pieces = len(spoken)
    print(f"{pieces} sentences in {seconds:.1f} s, {sum(each is None for each in spoken)} refused")
    print(f"takes {counts.spoken}, redone {counts.redone} ({counts.redone / pieces:.2%} of pieces)")
    print(f"parted {counts.parted}, refused {counts.refused}, judged: {counts.judged}")
    for fault, count in counts.by_fault.items():
        print(f"  {fault}: {count}")


def _word_error_rate(
    recogniser: Recogniser, texts: Sequence[str], spoken: Sequence[Pcm | None]
) -> float:
    """Return how many words of the texts are not heard as they are; all of those refused."""
    errors = words = 0
    for text, pcm in zip(texts, spoken, strict=True):
        said = words_of(text)
        words += len(said)
        errors += len(said) if pcm is None else word_errors(said, recogniser.words(pcm))
    return errors / words


class _Straight(Takes[Row]):
    """Hands sound on without listening to it."""

    def hand_on(self, sequence: EngineSequence[Row], pcm: Pcm, *, last: bool) -> None:
        sequence.closed = last
        sequence.job.stream.deliver(Frames(sequence.index, pcm, last))
        if last:
            sequence.job.stream.settle(sequence.index)


def _print_cost(engine: BatchedEngine, voice: VoiceState) -> None:
    """Print medians of first audio and of sound for a second of processor time, taking turns."""
    listening = engine._loop._takes
    straight = _Straight(
        listening.judge, eos_threshold=0.0, faded_out=lambda pcm: pcm, kept_of=lambda voice: voice
    )
    kinds: dict[str, Takes[Row]] = {"listening": listening, "straight": straight}
    first: dict[str, list[float]] = {name: [] for name in kinds}
    rates: dict[str, list[float]] = {name: [] for name in kinds}
    for index in range(COST_ROUNDS):
        for name in list(kinds)[:: 1 if index % 2 else -1]:
            engine._loop._takes = kinds[name]
            first[name].append(asyncio.run(_first_audio_seconds(engine, voice, index)))
            if index % 4 == 0:
                rates[name].append(asyncio.run(_audio_rate(engine, voice, index)))
    engine._loop._takes = listening
    for name in kinds:
        first_ms = 1000 * statistics.median(first[name])
        rate = statistics.median(rates[name])
        print(f"{name}: first audio {first_ms:.1f} ms, {rate:.2f} s of sound a CPU second")


def _job(voice: VoiceState, seed: int) -> SpeechJob:
    chunks = tuple(SpokenChunk(script_of(60, start=seed + index), voice) for index in range(3))
    return SpeechJob(chunks, Sampling(seed=seed))


async def _first_audio_seconds(engine: BatchedEngine, voice: VoiceState, seed: int) -> float:
    """Begin a live stream of three sentences, and return when its first sound came."""
    began = time.monotonic()
    stream = engine.submit(_job(voice, seed))
    stream.hold_back(lambda: -math.inf)
    await anext(aiter(stream))
    seconds = time.monotonic() - began
    stream.abort()
    return seconds


async def _audio_rate(engine: BatchedEngine, voice: VoiceState, seed: int) -> float:
    """Speak some streams at once; return how much sound a second of processor time made."""
    began = time.process_time()

    async def one(stream_seed: int) -> int:
        return sum([len(frames.pcm) async for frames in engine.submit(_job(voice, stream_seed))])

    samples = await asyncio.gather(*(one(seed + 100 * index) for index in range(COST_STREAMS)))
    return sum(samples) / SPEECH_RATE_HZ / (time.process_time() - began)


if __name__ == "__main__":
    main()
