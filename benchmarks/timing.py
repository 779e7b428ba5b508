"""Measures how well the engine knows when its words sound, against pocketsphinx's forced alignment.

    python -m benchmarks.timing                    # 100 sentences in each preview voice
    python -m benchmarks.timing --sentences 20

*live*: as the engine tells it while it speaks. *complete*: the same with the whole chunk known.
*estimated*: what a model without heads that follow the words gets. *even*: all words last alike.
Errors are those of starts and of ends, in ms; *elsewhere* are words that do not overlap with where
they really are. Exits with 1 if a bar is missed. Needs pocketsphinx.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.engine.alignment.estimate import EstimatingAligner
from app.engine.alignment.follow import AttentionAligner
from app.engine.alignment.words import Reading, spoken_words, token_shares
from app.engine.engine import BatchedEngine
from app.engine.loader import EngineLoader
from app.engine.preview import PREVIEW, PREVIEW_CONFIG, preview_voices, voice_prompts
from app.engine.sampling import resolve
from app.engine.sequence import Look
from app.engine.voice_state import KvPrefix
from app.speech import SPEECH_RATE_HZ, Pcm, Sampling, WordTime
from app.speech_engine import Alignment, EngineOptions, SpeechJob, SpokenChunk
from benchmarks.forced_alignment import ForcedAligner, words_of
from benchmarks.machine import describe_machine
from training.preview.sentences import held_out_sentences

BATCH = 16
WHOLE = 1_000_000
"""No chunk has so many frames."""
MEAN_BAR_MS, P90_BAR_MS, LIVE_BAR_MS = 40.0, 80.0, 5.0


@dataclass
class Spoken:
    """Holds a sentence that was spoken, and when its words sound by each method.

    It takes the place of the engine's aligner for the sentence, and listens in on it.
    """

    reading: Reading
    look: Look
    alignment: Alignment
    frame_samples: int
    pcm: list[Pcm] = field(default_factory=list)
    attention: list[NDArray[np.float32]] = field(default_factory=list)
    live: list[WordTime] = field(default_factory=list)
    told_after_seconds: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._words = spoken_words(self.reading.text)
        self._aligner = self._follower(self._looked)

    def advance(self, pcm: Pcm) -> tuple[WordTime, ...]:
        self.pcm.append(pcm)
        return self._told(self._aligner.advance(pcm))

    def finish(self) -> tuple[WordTime, ...]:
        return self._told(self._aligner.finish())

    def times(self) -> dict[str, Sequence[WordTime]]:
        """Return the times of the words by each method."""
        pcm, attention = np.concatenate(self.pcm), np.concatenate(self.attention, axis=1)
        complete = self._follower(lambda _frames: attention, lag_frames=WHOLE)
        estimated = EstimatingAligner(self.reading.text, self._words)
        each = len(pcm) / SPEECH_RATE_HZ / len(self._words)
        return {
            "live": self.live,
            "complete": (*complete.advance(pcm), *complete.finish()),
            "estimated": (*estimated.advance(pcm), *estimated.finish()),
            "even": [
                WordTime(word.start, word.end, index * each, (index + 1) * each)
                for index, word in enumerate(self._words)
            ],
        }

    def _follower(self, look: Look, lag_frames: int | None = None) -> AttentionAligner:
        return AttentionAligner(
            self._words,
            token_shares(self.reading, self._words),
            look,
            self.alignment,
            frame_samples=self.frame_samples,
            lag_frames=lag_frames,
        )

    def _looked(self, frames: int) -> NDArray[np.float32]:
        self.attention.append(self.look(frames))
        return self.attention[-1]

    def _told(self, words: tuple[WordTime, ...]) -> tuple[WordTime, ...]:
        heard_seconds = sum(map(len, self.pcm)) / SPEECH_RATE_HZ
        self.told_after_seconds += [heard_seconds - word.end_seconds for word in words]
        self.live += words
        return words


async def spoken(engine: BatchedEngine, voice: KvPrefix, texts: Sequence[str]) -> list[Spoken]:
    """Speak sentences, sixteen at a time, and listen in on how the engine times them."""
    alignment = engine.status().alignment
    assert alignment is not None
    heard: list[Spoken] = []
    for begin in range(0, len(texts), BATCH):
        made: list[Spoken] = []

        def listen(reading: Reading, look: Look, made: list[Spoken] = made) -> Spoken:
            made.append(Spoken(reading, look, alignment, engine._runner.frame_samples))
            return made[-1]

        chunks = tuple(SpokenChunk(text, voice) for text in texts[begin : begin + BATCH])
        sampling = resolve(Sampling(seed=1), Sampling(), engine._model)
        stream = engine._loop.submit(SpeechJob(chunks), sampling, listen, watched=True)
        async for _ in stream:
            pass
        heard += sorted(made, key=lambda each: texts.index(each.reading.text))
    return heard


@dataclass
class Errors:
    """Adds up how far off the times of one method are."""

    starts_ms: list[float] = field(default_factory=list)
    ends_ms: list[float] = field(default_factory=list)
    missing: int = 0
    elsewhere: int = 0
    disordered: int = 0

    def count(self, words: Sequence[WordTime], truth: Sequence[tuple[float, float]]) -> None:
        """Compare the words of a sentence with where they really are."""
        self.missing += abs(len(truth) - len(words))
        moments = [moment for word in words for moment in (word.start_seconds, word.end_seconds)]
        self.disordered += sum(int(later < earlier) for earlier, later in pairwise(moments))
        for word, (start, end) in zip(words, truth, strict=False):
            self.starts_ms.append(1000 * (word.start_seconds - start))
            self.ends_ms.append(1000 * (word.end_seconds - end))
            self.elsewhere += int(word.end_seconds <= start or word.start_seconds >= end)

    def figures(self) -> dict[str, float]:
        """Return the figures of the table."""
        found: dict[str, float] = {"words": len(self.starts_ms)}
        for name, errors in (("starts", self.starts_ms), ("ends", self.ends_ms)):
            sizes = np.abs(errors)
            found[f"{name}_mean_ms"] = round(float(sizes.mean()), 1)
            found[f"{name}_p90_ms"] = round(float(np.percentile(sizes, 90)), 1)
            found[f"{name}_bias_ms"] = round(float(np.median(errors)), 1)
        counts = {"missing": self.missing, "elsewhere": self.elsewhere}
        return found | counts | {"disordered": self.disordered}


def measure(
    engine: BatchedEngine, sphinx: ForcedAligner, voice: str, texts: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Measure all methods on one voice and print them."""
    heard = asyncio.run(spoken(engine, engine.predefined_voice(voice), texts))
    errors = {method: Errors() for method in ("live", "complete", "estimated", "even")}
    unaligned = 0
    for each in heard:
        truth = sphinx.align(each.reading.text, np.concatenate(each.pcm))
        if truth is None:
            unaligned += 1
            continue
        for method, words in each.times().items():
            errors[method].count(words, truth)
    figures = {method: counted.figures() for method, counted in errors.items()}
    print(" " * 21 + "".join(f"{name:>16}" for name in figures["live"]))
    for method, row in figures.items():
        print(f"{voice:<10}{method:<11}" + "".join(f"{value:>16}" for value in row.values()))
    delays = [delay for each in heard for delay in each.told_after_seconds]
    print(
        f"{voice:<10}a word is told {statistics.mean(delays):.2f} s after its end in the audio, "
        f"at most {max(delays):.2f} s; {unaligned} sentences the reference could not align"
    )
    return figures


def missed_bars(figures: dict[str, dict[str, dict[str, float]]]) -> list[str]:
    """List which bars the live times miss."""
    missed: list[str] = []
    for voice, methods in figures.items():
        live, complete = methods["live"], methods["complete"]
        for side in ("starts", "ends"):
            mean, p90 = live[f"{side}_mean_ms"], live[f"{side}_p90_ms"]
            if mean > MEAN_BAR_MS or p90 > P90_BAR_MS:
                missed.append(f"{voice}: {side} are off by {mean} ms, 90th percentile {p90} ms")
            if mean - complete[f"{side}_mean_ms"] > LIVE_BAR_MS:
                missed.append(f"{voice}: live {side} are worse than complete ones by too much")
        if live["missing"] or live["disordered"]:
            missed.append(f"{voice}: words are missing or out of order")
    return missed


def known_sentences(sphinx: ForcedAligner, count: int) -> list[str]:
    """Take held-out sentences all of whose words the reference knows, and counts as we do."""
    known = [
        text
        for share in held_out_sentences().values()
        for text in share
        if sphinx.knows(text) and len(words_of(text)) == len(spoken_words(text))
    ]
    return list(dict.fromkeys(known))[:count]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sentences", type=int, default=100, help="in each voice (default: 100)")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    arguments = parser.parse_args()
    if importlib.util.find_spec("pocketsphinx") is None:
        print("pocketsphinx is missing: pip install -r training/preview/requirements.txt")
        return 1
    sphinx = ForcedAligner()
    texts = known_sentences(sphinx, arguments.sentences)
    with tempfile.TemporaryDirectory() as models:
        options = EngineOptions(
            language=PREVIEW,
            config=str(PREVIEW_CONFIG),
            models_dir=Path(models),
            voice_prompts=voice_prompts(),
            precision=arguments.precision,
        )
        engine = EngineLoader(options)()
        first = engine.predefined_voice(next(iter(preview_voices())))
        begin = time.monotonic()
        alignment = engine.calibrate(first)
        print(f"{describe_machine()}\n{alignment}, found in {time.monotonic() - begin:.1f} s\n")
        figures = {voice: measure(engine, sphinx, voice, texts) for voice in preview_voices()}
        missed = missed_bars(figures)
        report: dict[str, object] = {"alignment": str(alignment), "voices": figures}
        engine.close()
    for line in missed:
        print(f"missed: {line}")
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
