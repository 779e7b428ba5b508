"""Measures the engine on a GPU: steps, streams at real time, first audio of newcomers, memory.

    python -m benchmarks.gpu                         # a table, with the card's name
    python -m benchmarks.gpu --device cpu --rows 1,2 # rehearses it where there is no GPU

For each number of rows a new engine is made. First its two passes are timed alone: one latent and
one frame for all rows, in the middle of a chunk. Then so many listeners hear speech as it is
played, and every now and then a newcomer asks for a sentence and waits for its first sound.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import json
import statistics
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from app.engine.alignment.words import Reading
from app.engine.engine import BatchedEngine
from app.engine.loader import load_model
from app.engine.prompt import Prompt
from app.engine.resting import RestingModel
from app.engine.runner import BaseRunner, Row
from app.engine.sequence import RowSampling
from app.engine.static.runner import StaticRunner
from app.engine.voice_state import KvPrefix
from app.engine.weights import fetch_model
from app.speech_engine import EngineOptions, SpeechJob, SpokenChunk
from benchmarks.machine import describe_machine
from benchmarks.models import model_argument

ROWS = "1,16,64,256,512,1024"
VOICE_POSITIONS = 126
TEXT_TOKENS = 40
FRAMES = 120
"""Ten-second voice, text and half a chunk: what a row of average age looks back at"""
NEWCOMERS_ROOM = 8
NEWCOMER_EVERY_SECONDS = 0.25
LATE_SECONDS = 0.05
TEXT = (
    "This is a sentence of some length, as one reads them in a book, which goes on for a while, "
    "so that it takes its listener a dozen seconds to hear it to its end."
)


@dataclass(frozen=True, slots=True)
class Level:
    """Holds what was measured with one number of rows.

    Attributes:
        sample_ms: the median time of one latent for all rows.
        decode_ms: the same of one frame of PCM.
        real_time_streams: how many listeners these two times alone would allow.
        unbroken: share of the listeners who heard no gap.
        first_audio_p95_seconds: how long newcomers waited; who was never heard waited all the time.
        memory_mb: the most memory on the device, or of the process on a CPU.
        ready_seconds: how long it took to make the engine and to capture its graphs.
    """

    rows: int
    sample_ms: float
    decode_ms: float
    real_time_streams: float
    unbroken: float
    first_audio_p95_seconds: float
    memory_mb: float
    ready_seconds: float


def open_rows(runner: BaseRunner, voice: KvPrefix, count: int) -> list[Row]:
    """Open rows that are in the middle of a chunk."""
    sampling = RowSampling(0.3, 1, 1e9, None, None, seed=0)
    rows = []
    for index in range(count):
        prompt = Prompt(torch.zeros(TEXT_TOKENS, dtype=torch.long), Reading("", "", ()), 240, 0)
        row = runner.open(voice, prompt, sampling, index)
        row.tokens = None
        row.position = TEXT_TOKENS + FRAMES
        row.sampled = row.spoken = FRAMES
        rows.append(row)
    return rows


def time_steps(runner: BaseRunner, voice: KvPrefix, rows: int, times: int) -> tuple[float, float]:
    """Return the median milliseconds of one latent and of one frame for so many rows."""
    batch = open_rows(runner, voice, rows)
    sample_ms, decode_ms = [], []
    for _ in range(times + 2):
        begin = time.perf_counter()
        outcomes: list[object] = [*runner.sample(batch)]
        middle = time.perf_counter()
        for row in batch:
            row.keep()
        outcomes += runner.decode(batch, 1)
        decode_ms.append(1000 * (time.perf_counter() - middle))
        sample_ms.append(1000 * (middle - begin))
        failures = [each for each in outcomes if isinstance(each, Exception)]
        if failures:
            raise failures[0]
    for row in batch:
        runner.close(row)
    return statistics.median(sample_ms[2:]), statistics.median(decode_ms[2:])


async def listen(engine: BatchedEngine, voice: KvPrefix, caller: str, gaps: set[str]) -> None:
    """Hear one text after the other as it is played, and say whether there was a gap."""
    while True:
        stream = engine.submit(SpeechJob((SpokenChunk(TEXT, voice),), caller=caller))
        played_until: float | None = None
        async for frames in stream:
            now = time.monotonic()
            if played_until is not None and now > played_until + LATE_SECONDS:
                gaps.add(caller)
            played_until = max(played_until or now, now)
            played_until += len(frames.pcm) / engine.sample_rate_hz
            await asyncio.sleep(max(0.0, played_until - now - 0.5))


async def ask(engine: BatchedEngine, voice: KvPrefix, number: int) -> float:
    """Return how many seconds a newcomer waits for the first sound."""
    began = time.monotonic()
    job = SpeechJob((SpokenChunk(TEXT, voice),), caller=f"newcomer {number}")
    stream = engine.submit(job)
    await anext(aiter(stream))
    stream.abort()
    return time.monotonic() - began


async def under_load(
    engine: BatchedEngine, voice: KvPrefix, rows: int, seconds: float
) -> tuple[float, float]:
    """Let so many listen; return who of them heard no gap, and the newcomers' 95th percentile."""
    gaps: set[str] = set()
    names = [f"listener {number}" for number in range(rows)]
    listeners = [asyncio.create_task(listen(engine, voice, name, gaps)) for name in names]
    await asyncio.sleep(seconds / 2)  # until all of them are heard, where that is possible
    gaps.clear()
    end = time.monotonic() + seconds
    newcomers: list[asyncio.Task[float]] = []
    for number in itertools.count():
        newcomers.append(asyncio.create_task(ask(engine, voice, number)))
        await asyncio.sleep(NEWCOMER_EVERY_SECONDS)
        if time.monotonic() > end:
            break
    await asyncio.wait(newcomers, timeout=seconds)
    waits = [each.result() if each.done() else 2 * seconds for each in newcomers]
    for failed in filter(asyncio.Task.done, listeners):
        failed.result()  # with fewer listeners than it says, it would measure nothing
    for task in (*listeners, *newcomers):
        task.cancel()
    await asyncio.gather(*listeners, *newcomers, return_exceptions=True)
    return 1 - len(gaps) / rows, float(np.percentile(waits, 95))


def measure(arguments: argparse.Namespace, rows: int) -> Level:
    """Make an engine for so many rows and measure it."""
    device = torch.device(arguments.device)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    began = time.perf_counter()
    options = EngineOptions(
        language="english",
        config=str(arguments.model),
        models_dir=Path(),
        device=arguments.device,
        precision=arguments.precision,
        max_running_rows=rows + NEWCOMERS_ROOM,
        max_queued_jobs=2 * rows + 100,
        max_queued_seconds=1e9,
        stream_buffer_seconds=3.0,
        takes=1,
    )
    model = load_model(fetch_model(language="english", config=str(arguments.model)))
    engine = BatchedEngine(RestingModel(model, None), options, runner=StaticRunner)
    engine.start()
    ready_seconds = time.perf_counter() - began
    runner = engine._runner
    shape = runner.cache_shape.of(VOICE_POSITIONS)
    voice = KvPrefix((0.1 * torch.randn(shape)).to(device))
    try:
        sample_ms, decode_ms = time_steps(runner, voice, rows, arguments.times)
        unbroken, first_audio = asyncio.run(under_load(engine, voice, rows, arguments.seconds))
    finally:
        engine.close()
    return Level(
        rows=rows,
        sample_ms=sample_ms,
        decode_ms=decode_ms,
        real_time_streams=rows * 1000 * runner.frame_seconds / (sample_ms + decode_ms),
        unbroken=unbroken,
        first_audio_p95_seconds=first_audio,
        memory_mb=memory_mb(device),
        ready_seconds=ready_seconds,
    )


def memory_mb(device: torch.device) -> float:
    """Return the most memory that was reserved on a GPU, or what the process has on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved(device) / 1e6
    status = Path("/proc/self/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) * 1024 / 1e6


def card(device: torch.device) -> str:
    """Name the device with its memory, and the machine around it."""
    if device.type != "cuda":
        return f"no GPU: {describe_machine()}"
    about = torch.cuda.get_device_properties(device)
    return f"{about.name}, {about.total_memory / 1e9:.0f} GB; {describe_machine()}"


COLUMNS = (
    "rows",
    "latent, ms",
    "frame, ms",
    "streams these allow",
    "without a gap",
    "first audio p95",
    "MB",
    "ready after",
)


def line(level: Level) -> str:
    return (
        f"| {level.rows} | {level.sample_ms:.2f} | {level.decode_ms:.2f} "
        f"| {level.real_time_streams:.0f} | {100 * level.unbroken:.0f}% "
        f"| {level.first_audio_p95_seconds:.2f} s "
        f"| {level.memory_mb:.0f} | {level.ready_seconds:.0f} s |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    model_argument(parser)
    parser.add_argument("--device", default="cuda", help="cuda, cuda:N or cpu")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="bfloat16")
    parser.add_argument("--rows", default=ROWS, help="how many listeners")
    parser.add_argument("--seconds", type=float, default=20.0, help="under load, for each level")
    parser.add_argument("--times", type=int, default=30, help="how often a step is timed")
    parser.add_argument("--json", type=Path, help="file to write the results to")
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    print(f"{card(device)}\n{arguments.model}, {arguments.precision}\n")
    print(f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|", flush=True)
    levels: list[Level] = []
    for rows in map(int, arguments.rows.split(",")):
        try:
            levels.append(measure(arguments, rows))
        except torch.OutOfMemoryError:
            print(f"| {rows} | not enough memory |")
            break
        print(line(levels[-1]), flush=True)
        gc.collect()
        if device.type == "cuda":
            torch.cuda.empty_cache()
    sustained = [each.rows for each in levels if each.unbroken >= 0.95]
    print(f"\nstreams at real time, of these levels: {max(sustained, default=0)}")
    if arguments.json:
        report = {"device": card(device), "levels": [asdict(level) for level in levels]}
        arguments.json.write_text(json.dumps(report, indent=2), "utf-8")


if __name__ == "__main__":
    main()
