"""Speaks replies of one or two words in three ways, and prints how well each is understood.

    python -m benchmarks.short_replies [--seeds 2] [--keep FOLDER]

Alone, as the server does; after a carrier sentence that is cut away by the times of the words; and
as the one of three takes that is neither the shortest nor the longest. pocketsphinx tells which of
all replies it hears; with `--whisper` Whisper writes down what it hears, which takes far longer
(see `benchmarks/recogniser.py`).
"""

from __future__ import annotations

import argparse
import asyncio
import math
import statistics
import wave
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np

from app.audio.pcm import to_s16
from app.engine.engine import BatchedEngine
from app.engine.preview import preview_voices
from app.speech import SPEECH_RATE_HZ, Pcm, Sampling, WordTime
from app.speech_engine import SpeechJob, SpokenChunk, VoiceState
from benchmarks.forced_alignment import prepared, words_of
from benchmarks.preview_engine import preview_engine
from benchmarks.recogniser import Recogniser

REPLIES = (
    "Yes.|No!|OK, sure.|Okay.|Hello.|Thank you.|Good morning.|Not yet.|Why?|Really?|Stop!|Maybe.|"
    "Of course.|I see.|Go on.|Come in.|Goodbye.|Never.|Nothing.|Who?|Two.|Left.|Wait!|Right here.|"
    "Sorry.|Please.|Fine.|Good.|Tomorrow.|Exactly.|Well done.|Sounds good.|See you.|Not really.|"
    "All right.|Water, please."
)
CARRIER = "This is what I say."
SILENCE_SECONDS = 0.5
"""Without so much silence around it Whisper hears no single word."""
OUTLIER = 1.5
"""Sound this many times as long or as short as is usual for its text is an outlier."""
FADE_SAMPLES = SPEECH_RATE_HZ // 200
STEP_SAMPLES = SPEECH_RATE_HZ // 100

Way: TypeAlias = Callable[[BatchedEngine, VoiceState, str, int], Awaitable[Pcm]]


async def _spoken(
    engine: BatchedEngine, voice: VoiceState, text: str, seed: int, *, timed: bool = False
) -> tuple[Pcm, list[WordTime]]:
    stream = engine.submit(SpeechJob((SpokenChunk(text, voice),), Sampling(seed=seed), timed=timed))
    stream.hold_back(lambda: math.inf)
    frames = [each async for each in stream]
    return np.concatenate([each.pcm for each in frames]), [w for each in frames for w in each.words]


async def alone(engine: BatchedEngine, voice: VoiceState, text: str, seed: int) -> Pcm:
    """Speak a reply as any other text."""
    return (await _spoken(engine, voice, text, seed))[0]


async def carried(engine: BatchedEngine, voice: VoiceState, text: str, seed: int) -> Pcm:
    """Speak a carrier before it, and cut where it is most silent between the two."""
    pcm, words = await _spoken(engine, voice, f"{CARRIER} {text}", seed, timed=True)
    before = [word for word in words if word.start < len(CARRIER)]
    after = [word for word in words if word.start > len(CARRIER)]
    # Later than where the reply begins there may be silence inside it, as in "not yet".
    to_seconds = after[0].start_seconds + 0.06 if after else 0.0
    from_seconds = min(before[-1].end_seconds if before else 0.0, to_seconds) - 0.1
    steps = range(
        max(0, round(from_seconds * SPEECH_RATE_HZ)),
        round(to_seconds * SPEECH_RATE_HZ),
        STEP_SAMPLES,
    )
    power = {at: float(np.square(pcm[at : at + 3 * STEP_SAMPLES]).mean()) for at in steps}
    cut = min(power, key=lambda at: power[at]) if power else 0
    reply = pcm[cut:].copy()
    fade = min(FADE_SAMPLES, len(reply))
    reply[:fade] *= np.linspace(0, 1, fade, dtype=np.float32)
    return reply


async def median_of_three(engine: BatchedEngine, voice: VoiceState, text: str, seed: int) -> Pcm:
    """Speak it three times, and take the one of middle length."""
    takes = await asyncio.gather(
        *(alone(engine, voice, text, 1000 * index + seed) for index in range(3))
    )
    return sorted(takes, key=_sounding_seconds)[1]


WAYS: dict[str, Way] = {"alone": alone, "carried": carried, "median of three": median_of_three}


def _sounding_seconds(pcm: Pcm) -> float:
    """Tell how long a sound is without the silence at its edges."""
    steps = len(pcm) // STEP_SAMPLES
    power = np.square(pcm[: steps * STEP_SAMPLES]).reshape(steps, -1).mean(1)
    loud = np.flatnonzero(power > 1e-3 * power.max()) if steps else power
    return float(loud[-1] - loud[0] + 1) / 100 if len(loud) else 0.0


class Chooser:
    """Tells which of some replies it hears; ImportError if pocketsphinx is not installed."""

    def __init__(self, replies: Sequence[str]) -> None:
        from pocketsphinx import Decoder  # noqa: PLC0415 - an optional tool

        choices = " | ".join(" ".join(_words(each)) for each in replies)
        self._decoder = Decoder(samprate=16_000, loglevel="FATAL", lm=None)
        self._decoder.add_jsgf_string(
            "replies", f"#JSGF V1.0;\ngrammar replies;\npublic <reply> = {choices};\n"
        )
        self._decoder.activate_search("replies")

    def words(self, pcm: Pcm) -> list[str]:
        """Return the words of the reply that a sound is likest to; none if it is like none."""
        self._decoder.start_utt()
        self._decoder.process_raw(prepared(pcm), full_utt=True)
        self._decoder.end_utt()
        heard = self._decoder.hyp()
        return [] if heard is None else heard.hypstr.split()


def _words(text: str) -> list[str]:
    return ["okay" if each == "ok" else each for each in words_of(text)]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--whisper", action="store_true")
    parser.add_argument("--keep", type=Path, help="write what is spoken into this folder")
    args = parser.parse_args()
    replies = REPLIES.split("|")
    spoken: dict[str, list[tuple[str, str, Pcm]]] = {}
    with preview_engine() as engine:
        voices = {name: engine.predefined_voice(name) for name in preview_voices()}
        engine.calibrate(next(iter(voices.values())))
        cases = [
            (name, reply, seed)
            for name in voices
            for reply in replies
            for seed in range(args.seeds)
        ]

        async def speak(way: Way) -> list[tuple[str, str, Pcm]]:
            room = asyncio.Semaphore(8)

            async def one(name: str, reply: str, seed: int) -> tuple[str, str, Pcm]:
                async with room:
                    return name, reply, await way(engine, voices[name], reply, seed)

            return await asyncio.gather(*(one(*case) for case in cases))

        for way_name, way in WAYS.items():
            spoken[way_name] = asyncio.run(speak(way))
    if args.keep:
        _keep(args.keep, spoken)
    if args.whisper:
        recogniser = Recogniser()
        _print(
            spoken,
            lambda pcm: _words(" ".join(recogniser.words(pcm, silence_seconds=SILENCE_SECONDS))),
        )
    else:
        _print(spoken, Chooser(replies).words)


def _print(spoken: dict[str, list[tuple[str, str, Pcm]]], hear: Callable[[Pcm], list[str]]) -> None:
    """Print for each way how many replies are misheard, and how many are oddly long."""
    lengths: dict[tuple[str, str], list[float]] = defaultdict(list)
    for takes in spoken.values():
        for voice, reply, pcm in takes:
            lengths[voice, reply].append(_sounding_seconds(pcm))
    usual = {key: statistics.median(each) for key, each in lengths.items()}
    print(f"{'':18}{'replies':>8}{'misheard':>10}{'odd length':>12}")
    for way, takes in spoken.items():
        misheard = sum(hear(pcm) != _words(reply) for _, reply, pcm in takes)
        ratios = [_sounding_seconds(pcm) / usual[voice, reply] for voice, reply, pcm in takes]
        odd = sum(not 1 / OUTLIER <= ratio <= OUTLIER for ratio in ratios)
        count = len(takes)
        print(f"{way:18}{count:8}{misheard / count:10.1%}{odd / count:12.1%}", flush=True)


def _keep(folder: Path, spoken: dict[str, list[tuple[str, str, Pcm]]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for way, takes in spoken.items():
        for index, (voice, _, pcm) in enumerate(takes):
            path = folder / f"{way.replace(' ', '_')}-{index:03}-{voice}.wav"
            with wave.open(str(path), "wb") as file:
                file.setparams((1, 2, SPEECH_RATE_HZ, 0, "NONE", ""))
                file.writeframes(to_s16(pcm).tobytes())


if __name__ == "__main__":
    main()
