"""Measures what it costs to tell when words sound, in processor time of the same speech.

    python -m benchmarks.timing_cost                  # with the preview model
    python -m benchmarks.timing_cost MODEL_YAML       # with one that benchmarks.random_model wrote

A model with random weights has no heads that follow its words, so four are named; what they cost
does not depend on what they tell. Exits with 1 if it is more than 3 %.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch

from app.engine.alignment.follow import FRAMES_AT_ONCE
from app.engine.alignment.sentences import SENTENCES
from app.engine.engine import BatchedEngine
from app.engine.loader import EngineLoader
from app.engine.preview import PREVIEW, PREVIEW_CONFIG, voice_prompts
from app.engine.runner import Row
from app.engine.sampling import resolve
from app.engine.sequence import Aligner
from app.engine.voice_state import KvPrefix
from app.speech import SPEECH_RATE_HZ, Sampling
from app.speech_engine import Alignment, EngineOptions, Head
from benchmarks.machine import describe_machine

ROWS = (1, 4, 16)
FRAMES = 36
"""Few sentences are shorter."""
BAR = 1.03


def cost(engine: BatchedEngine, voice: KvPrefix, rows: int, rounds: int) -> float:
    """Return the processor time of speech with times, as a multiple of that without.

    Two batches of the same sentences take turns, frame by frame; the medians of what a few
    frames take are compared, since this machine may be busy with other things.
    """
    timed, plain = (Batch(engine, voice, rows, timed) for timed in (True, False))
    taken: dict[Batch, list[float]] = {timed: [], plain: []}
    for _ in range(rounds):
        for batch in taken:
            batch.begin()
        for _ in range(FRAMES // FRAMES_AT_ONCE):
            sums = dict.fromkeys(taken, 0.0)
            for _ in range(FRAMES_AT_ONCE):
                for batch in taken:
                    sums[batch] += batch.seconds()
            for batch, seconds in sums.items():
                taken[batch].append(seconds)
        for batch in taken:
            batch.end()
    return round(statistics.median(taken[timed]) / statistics.median(taken[plain]), 3)


class Batch:
    """Speaks some sentences at once on the thread that asks for it, as an engine's worker does."""

    def __init__(self, engine: BatchedEngine, voice: KvPrefix, rows: int, timed: bool) -> None:
        self._runner = engine._runner
        self._voice = voice
        self._texts = SENTENCES["english"][:rows]
        self._sampling = resolve(Sampling(seed=1), Sampling(), engine._model)
        heads = tuple(Head(layer, 0) for layer in range(2, 6))
        self._runner.heads = heads
        alignment = Alignment("attention", heads, gain=1.0)
        self._make = engine._calibration.make_aligner(alignment) if timed else None
        self._rows: list[Row] = []
        self._aligners: list[Aligner] = []

    def begin(self) -> None:
        """Open the rows."""
        for index, text in enumerate(self._texts):
            prompt = self._runner.prompt(text)
            assert prompt is not None
            watched = self._make is not None
            row = self._runner.open(self._voice, prompt, self._sampling, index, watched=watched)
            self._rows.append(row)
            if self._make is not None:
                aligner = self._make(prompt.reading, partial(self._runner.attention, row))
                assert aligner is not None
                self._aligners.append(aligner)

    @torch.inference_mode()
    def seconds(self) -> float:
        """Speak one frame of each row, and return the processor time that it took."""
        begin = time.thread_time()
        self._runner.sample(self._rows)
        for row in self._rows:
            row.keep()
        pcms = self._runner.decode(self._rows, 1)
        for aligner, pcm in zip(self._aligners, pcms, strict=False):
            assert not isinstance(pcm, Exception)
            aligner.advance(pcm)
        return time.thread_time() - begin

    def end(self) -> None:
        """Close the rows."""
        for row in self._rows:
            self._runner.close(row)
        self._rows.clear()
        self._aligners.clear()


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", nargs="?", default=str(PREVIEW_CONFIG), help="its YAML file")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--precision", default="auto")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as models:
        options = EngineOptions(
            language=PREVIEW,
            config=arguments.model,
            models_dir=Path(models),
            voice_prompts=voice_prompts(),
            precision=arguments.precision,
        )
        engine = EngineLoader(options)()
        noise = np.random.default_rng(1).standard_normal(5 * SPEECH_RATE_HZ)
        voice = engine.encode_voice((0.05 * noise).astype(np.float32))
        torch.set_num_threads(1)
        costs = {rows: cost(engine, voice, rows, arguments.rounds) for rows in ROWS}
        engine.close()
    print(describe_machine())
    print(f"processor time with times, as a multiple, by sentences at once: {costs}")
    return int(max(costs.values()) > BAR)


if __name__ == "__main__":
    sys.exit(main())
