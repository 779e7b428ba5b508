"""Tells how much speech this machine could make at best, by its arithmetic and its memory alone.

    python -m benchmarks.roofline --model models/random-english/model.yaml

A model's operations are counted. How many the processor does in a second is measured on large
matrix products in the precision in which the server computes, and how fast it reads weights on a
long sum. No server reaches that: it also has to move data and to talk.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from pocket_tts import TTSModel
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from app.engine.codec_kernels import Kernels
from app.engine.layer_checks import LayerChecks
from app.engine.precision import Precision, choose_precision, make_linear
from benchmarks.codec_step import WARM_FRAMES, UpstreamDecoder
from benchmarks.machine import describe_machine
from benchmarks.models import model_argument

POSITIONS = 250
"""A latent attends to so many: a voice of ten seconds, a sentence, and half of what it sounds."""
_ROWS, _IN, _OUT = 512, 1024, 4096
_TIMES = 9
_COPIED_BYTES = 256 << 20
_BYTES = {"int8": 1, "bfloat16": 2, "float32": 4}


@dataclass(frozen=True, slots=True)
class Half:
    """Describes one half of the model: the work of a frame of one row.

    Attributes:
        operations: of a frame; a product and a sum are two.
        weights_bytes: are read once for all rows of a batch.
        operations_per_second: of one core.
    """

    precision: str
    operations: float
    weights_bytes: float
    operations_per_second: float

    def seconds(self, rows: int, bytes_per_second: float) -> float:
        """Return how long a frame of so many rows takes one core at least."""
        computing = rows * self.operations / self.operations_per_second
        return max(computing, self.weights_bytes / bytes_per_second)


@dataclass(frozen=True, slots=True)
class Roof:
    """Holds what this machine could do with a model."""

    language_model: Half
    codec: Half
    cores: int
    bytes_per_second: float
    frame_seconds: float

    def audio_rate(self, rows: int) -> float:
        """Return how many seconds of audio all cores could make in a second for so many rows."""
        halves = (self.language_model, self.codec)
        busy_seconds = sum(half.seconds(rows, self.bytes_per_second) for half in halves)
        return self.cores * rows * self.frame_seconds / busy_seconds

    def told(self) -> str:
        """Describe it in words."""
        lines = [
            f"{name}: {half.operations / 1e9:.2f} billion operations a frame in {half.precision}, "
            f"of which a core does {half.operations_per_second / 1e9:.0f} a second; "
            f"{half.weights_bytes / 1e6:.0f} MB of weights"
            for name, half in (("language model", self.language_model), ("codec", self.codec))
        ]
        return "\n".join([*lines, f"memory: {self.bytes_per_second / 1e9:.0f} GB a second"])


def measure_roof(path: Path, precision_name: str = "auto") -> Roof:
    """Count a model's work and measure this machine; takes some seconds."""
    device = torch.device("cpu")
    precision = choose_precision(precision_name, device)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            model = TTSModel.load_model(config=path)
            return Roof(
                language_model=_language_model(model, precision),
                codec=_codec(model, precision, device),
                cores=_cores(),
                bytes_per_second=_bytes_per_second(),
                frame_seconds=1.0 / model.config.mimi.frame_rate,
            )
    finally:
        torch.set_num_threads(threads)


def _language_model(model: TTSModel, precision: Precision) -> Half:
    flow_lm = model.flow_lm
    weights = sum(_weights(part) for part in (flow_lm.transformer, flow_lm.flow_net))
    attention = flow_lm.transformer.layers[0].self_attn
    width = attention.num_heads * attention.dim_per_head
    attending = 4 * width * POSITIONS * len(flow_lm.transformer.layers)
    product = make_linear(torch.randn(_OUT, _IN), None, precision.flow_lm)
    return Half(
        precision.flow_lm,
        2.0 * weights + attending,
        weights * _BYTES[precision.flow_lm],
        _operations_per_second(product),
    )


def _codec(model: TTSModel, precision: Precision, device: torch.device) -> Half:
    decoder = UpstreamDecoder(model, WARM_FRAMES + 2)
    latents = torch.randn(1, WARM_FRAMES, model.flow_lm.ldim)
    decoder.decode(latents)
    with FlopCounterMode(display=False) as counter:
        decoder.decode(latents[:, :1])
    kernels = Kernels.of(precision.codec, device, LayerChecks())
    parts = (model.mimi.decoder, model.mimi.decoder_transformer)
    weights_bytes = sum(map(_weights, parts)) * _BYTES[precision.codec]
    product = kernels.product("product", torch.randn(_OUT, _IN), None)
    rate = _operations_per_second(product, kernels.activations)
    return Half(precision.codec, float(counter.get_total_flops()), weights_bytes, rate)


def _weights(part: nn.Module) -> int:
    return sum(each.numel() for each in part.parameters() if each.dim() > 1)


def _operations_per_second(
    product: Callable[[Tensor], Tensor], dtype: torch.dtype = torch.float32
) -> float:
    x = torch.randn(_ROWS, _IN).to(dtype)
    return 2.0 * _ROWS * _IN * _OUT / _shortest_seconds(lambda: product(x))


def _bytes_per_second() -> float:
    source = torch.ones(_COPIED_BYTES, dtype=torch.uint8)
    # A sum only reads, as a product reads its weights.
    numbers = source.view(torch.int64)
    return _COPIED_BYTES / _shortest_seconds(numbers.sum)


def _shortest_seconds(work: Callable[[], object]) -> float:
    work()
    seconds = []
    for _ in range(_TIMES):
        began = time.thread_time()
        work()
        seconds.append(time.thread_time() - began)
    return min(seconds)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    model_argument(parser)
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 2, 4, 8, 16, 24, 32])
    arguments = parser.parse_args()
    roof = measure_roof(arguments.model)
    print(f"{describe_machine()}\n{roof.told()}\n")
    for streams in arguments.streams:
        print(f"{streams:>4} streams: {roof.audio_rate(streams):6.1f} seconds of audio in a second")


if __name__ == "__main__":
    main()
