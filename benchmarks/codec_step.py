"""Time one call of the batched codec, by rows and frames, beside upstream's decoder for one row.

    python -m benchmarks.codec_step --model models/random-english/model.yaml --json codec.json

Every cell is the median of the CPU time over rounds in which all precisions and upstream take
turns, so that a busy machine is busy for all of them. One intra-op thread, as each of the engine's
workers has.
Fidelity is measured against float32 on the same random latents.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from pocket_tts import TTSModel
from pocket_tts.modules.stateful_module import increment_steps, init_states
from torch import Tensor

from app.engine.codec import BatchedCodec
from app.engine.layer_checks import LayerChecks
from benchmarks.models import model_argument

PRECISIONS = ("float32", "bfloat16")
POSITIONS_PER_FRAME = 16
# This many frames fill the attention window of every shipped config.
WARM_FRAMES = 16


class UpstreamDecoder:
    """Decodes one row with upstream's streaming decoder, and restarts when its cache is full."""

    def __init__(self, model: TTSModel, capacity_frames: int) -> None:
        self._model = model
        self._capacity_frames = capacity_frames
        self._used_frames = capacity_frames

    @torch.inference_mode()
    def decode(self, latents: Tensor) -> Tensor:
        """Decode latents `[1, frames, ldim]` to PCM `[1, samples]`."""
        frames = latents.shape[1]
        mimi, lm = self._model.mimi, self._model.flow_lm
        if self._used_frames + frames > self._capacity_frames:
            capacity = POSITIONS_PER_FRAME * self._capacity_frames
            self._state = init_states(mimi, 1, sequence_length=capacity)
            self._used_frames = 0
        pcm: Tensor = mimi.decode_from_latent(latents * lm.emb_std + lm.emb_mean, self._state)
        increment_steps(mimi, self._state, increment=POSITIONS_PER_FRAME * frames)
        self._used_frames += frames
        return pcm[:, 0]


def make_codec(model: TTSModel, precision: str, max_rows: int) -> BatchedCodec:
    lm = model.flow_lm
    return BatchedCodec(
        model.mimi,
        lm.emb_mean,
        lm.emb_std,
        precision=precision,
        max_rows=max_rows,
        device=torch.device("cpu"),
        checks=LayerChecks(),
    )


@contextmanager
def taken(codec: BatchedCodec, rows: int) -> Iterator[list[int]]:
    """Take so many slots of a codec for the length of the block."""
    slots = [codec.acquire() for _ in range(rows)]
    yield slots
    for slot in slots:
        codec.release(slot)


def median_ms(calls: dict[str, Callable[[], object]], seconds: float) -> dict[str, float]:
    """Measure the CPU milliseconds of calls that take turns for about `seconds` in all."""
    samples: dict[str, list[float]] = {name: [] for name in calls}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(samples[next(iter(calls))]) < 3:
        for name, call in calls.items():
            start = time.thread_time()
            call()
            samples[name].append(1000 * (time.thread_time() - start))
    return {name: statistics.median(values) for name, values in samples.items()}


def time_cell(
    model: TTSModel, codecs: dict[str, BatchedCodec], rows: int, frames: int, seconds: float
) -> dict[str, Any]:
    latents = torch.randn(rows, frames, model.flow_lm.ldim)
    upstream = UpstreamDecoder(model, capacity_frames=4 * WARM_FRAMES)
    calls: dict[str, Callable[[], object]] = {"upstream": partial(upstream.decode, latents[:1])}
    with taken(codecs["float32"], rows) as first, taken(codecs["bfloat16"], rows) as second:
        for (precision, codec), slots in zip(codecs.items(), (first, second), strict=True):
            calls[precision] = partial(codec.decode, slots, latents)
        for call in calls.values():
            for _ in range(1 + WARM_FRAMES // frames):
                call()
        return {"rows": rows, "frames": frames, **median_ms(calls, seconds)}


def fidelity(codecs: dict[str, BatchedCodec], latent_dim: int) -> dict[str, float]:
    """Measure the signal-to-noise ratio and log-spectral distance of bfloat16 to float32, in dB."""
    rows, frames = 4, 48
    latents = torch.randn(rows, frames, latent_dim)
    pcm = {}
    for precision, codec in codecs.items():
        with taken(codec, rows) as slots:
            steps = [codec.decode(slots, latents[:, t : t + 4]) for t in range(0, frames, 4)]
        pcm[precision] = torch.cat(steps, dim=1)
    signal, noise = pcm["float32"], pcm["bfloat16"] - pcm["float32"]
    snr = 10 * torch.log10(signal.square().mean() / noise.square().mean())
    distance = (log_spectrum_db(signal) - log_spectrum_db(pcm["bfloat16"])).square()
    return {"snr_db": float(snr), "lsd_db": float(distance.mean(dim=1).sqrt().mean())}


def log_spectrum_db(pcm: Tensor) -> Tensor:
    """Compute the power in 1024-sample Hann windows, in dB, shape `[rows, bins, windows]`."""
    window = torch.hann_window(1024)
    spectrum = torch.stft(pcm, 1024, hop_length=256, window=window, return_complex=True)
    return 10 * torch.log10(spectrum.abs().square() + 1e-10)


def print_table(cells: list[dict[str, Any]]) -> None:
    print("CPU milliseconds a call (and a row's frame); upstream decodes one row")
    print(f"{'rows':>4} {'frames':>6} {'upstream':>16} {'float32':>16} {'bfloat16':>16}")
    for cell in cells:
        columns = []
        for name in ("upstream", *PRECISIONS):
            row_frames = cell["frames"] * (1 if name == "upstream" else cell["rows"])
            columns.append(f"{cell[name]:8.2f} ({cell[name] / row_frames:5.2f})")
        print(f"{cell['rows']:>4} {cell['frames']:>6} {' '.join(columns)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    model_argument(parser)
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32])
    parser.add_argument("--frames", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--seconds", type=float, default=2.0, help="for each cell")
    parser.add_argument("--json", type=Path, help="file for the results")
    arguments = parser.parse_args()

    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = TTSModel.load_model(config=arguments.model)
    codecs = {p: make_codec(model, p, max(arguments.rows)) for p in PRECISIONS}
    cells = [
        time_cell(model, codecs, rows, frames, arguments.seconds)
        for rows in arguments.rows
        for frames in arguments.frames
    ]
    print_table(cells)
    close = fidelity(codecs, model.flow_lm.ldim)
    print("bfloat16 against float32:", ", ".join(f"{k} {v:.1f}" for k, v in close.items()))
    if arguments.json:
        result = {
            "model": str(arguments.model),
            "machine": platform.processor() or platform.machine(),
            "torch": torch.__version__,
            "milliseconds": cells,
            "fidelity": close,
        }
        arguments.json.write_text(json.dumps(result, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
