"""Measures how long one step of the engine takes, by batch size and part, on one thread.

    python -m benchmarks.engine_step --model models/random-english/model.yaml --precision auto

Prints a table and, with --json, writes it. A row's cache holds a 10-second voice, a text and half
a chunk; times are medians over repetitions in milliseconds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from pocket_tts import TTSModel

from app.engine.alignment.words import Reading
from app.engine.precision import PRECISIONS, choose_precision
from app.engine.prompt import Prompt
from app.engine.runner import Row, Runner
from app.engine.sequence import RowSampling
from app.engine.voice_state import KvPrefix
from benchmarks.models import model_argument

VOICE_POSITIONS = 126
TEXT_TOKENS = 40
FRAMES = 75
FRAME_MILLISECONDS = 80.0
SAMPLING = RowSampling(0.3, 1, 1e9, None, None, seed=0)


def open_rows(runner: Runner, rows: int) -> list[Row]:
    """Open rows that are in the middle of a chunk."""
    shape = runner.cache_shape.of(VOICE_POSITIONS)
    voice = KvPrefix(0.1 * torch.randn(shape))
    made = []
    for index in range(rows):
        tokens = torch.randint(0, 100, (TEXT_TOKENS,))
        row = runner.open(voice, Prompt(tokens, Reading("", "", ()), 300, 0), SAMPLING, index)
        row.position = TEXT_TOKENS + FRAMES
        row.cache[:, :, :, : row.position].normal_(0, 0.1)
        row.tokens = None
        made.append(row)
    return made


def milliseconds(work: Callable[[], Any], repetitions: int) -> float:
    """Return the median processor time of `work` after two rounds of warm-up."""
    times = []
    for round_ in range(repetitions + 2):
        begin = time.process_time()
        work()
        if round_ >= 2:
            times.append(time.process_time() - begin)
    return 1000.0 * statistics.median(times)


def measure(runner: Runner, rows: int, repetitions: int) -> dict[str, float]:
    """Measure the times of the parts of a step for a batch of `rows`."""
    batch = open_rows(runner, rows)
    newcomer = open_rows(runner, 1)[0]
    frames = torch.randn(rows, runner.flow_lm.latent_dim)

    def sample() -> None:
        runner.sample(batch)
        for row in batch:  # stay at the same age
            row.position -= 1
            row.sampled -= 1

    def prefill() -> None:
        newcomer.sampled = 0
        newcomer.position = 0
        newcomer.tokens = torch.randint(0, 100, (TEXT_TOKENS,))
        runner.sample([newcomer])

    def decode(count: int) -> None:
        for row in batch:
            row.pending.extend(frames[:count] if len(frames) >= count else [frames[0]] * count)
        runner.decode(batch, count)

    result = {
        "rows": float(rows),
        "flow_lm": milliseconds(sample, repetitions),
        "prefill_one": milliseconds(prefill, repetitions),
        "codec_1_frame": milliseconds(lambda: decode(1), repetitions),
        "codec_4_frames": milliseconds(lambda: decode(4), repetitions) / 4,
    }
    for row in [*batch, newcomer]:
        runner.close(row)
    per_frame = result["flow_lm"] + min(result["codec_1_frame"], result["codec_4_frames"])
    result["times_real_time"] = rows * FRAME_MILLISECONDS / per_frame
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    model_argument(parser)
    parser.add_argument("--precision", choices=PRECISIONS, default="auto")
    parser.add_argument("--rows", default="1,2,4,8,16,24,32", help="batch sizes")
    parser.add_argument("--repetitions", type=int, default=15)
    parser.add_argument("--json", type=Path, help="file to write the results to")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model = TTSModel.load_model(config=arguments.model)
    precision = choose_precision(arguments.precision, torch.device("cpu"))
    sizes = [int(size) for size in arguments.rows.split(",")]
    runner = Runner(model, precision, torch.device("cpu"), max_rows=max(sizes) + 1)
    results: list[dict[str, float]] = []
    with torch.inference_mode():
        for size in sizes:
            result = measure(runner, size, arguments.repetitions)
            if not results:
                print(
                    f"{arguments.model}, {precision}, milliseconds\n" + "".join(map(_cell, result))
                )
            print("".join(f"{value:>16.2f}" for value in result.values()), flush=True)
            results.append(result)
    if arguments.json:
        report = {"model": str(arguments.model), "precision": str(precision), "steps": results}
        arguments.json.write_text(json.dumps(report, indent=2), "utf-8")


def _cell(name: str) -> str:
    return f"{name[-15:]:>16}"


if __name__ == "__main__":
    main()
