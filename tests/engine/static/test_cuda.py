"""On a GPU: graphs that are captured and replayed, a whole engine, and no wait but one."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import torch

from app.engine.engine import BatchedEngine, suited_to
from app.engine.runner import Runner
from app.engine.static.runner import StaticRunner
from tests.engine.conftest import MakeEngine
from tests.engine.speaking import EOS_BIAS, TEXTS, Upstream, assert_same, speak_now, voice_clip
from tests.engine.static.devices import TOLERANCE, WITHOUT_CUDA
from tests.engine.static.test_runner import Both
from tests.tiny_model import write_tiny_model


def test_who_computes() -> None:
    """A GPU gets passes of fixed shapes, a processor rows of any lengths."""
    assert suited_to(torch.device("cpu")) is Runner
    assert suited_to(torch.device("cuda:1")) is StaticRunner


@WITHOUT_CUDA
@pytest.mark.parametrize("runner", [StaticRunner])
def test_the_engine_speaks_as_upstream_does(make_engine: MakeEngine, tmp_path: Path) -> None:
    """With a voice that was made on the GPU, in two workers, with graphs captured meanwhile."""
    config = write_tiny_model(tmp_path, eos_bias=EOS_BIAS)
    upstream = Upstream(config)
    engine: BatchedEngine = make_engine(Upstream(config).model, device="cuda", max_running_rows=4)
    voice = engine.encode_voice(voice_clip(engine.sample_rate_hz))
    for text, ours in zip(TEXTS, speak_now(engine, voice, TEXTS), strict=True):
        assert_same(ours, upstream.speak(text), TOLERANCE["cuda"])


@WITHOUT_CUDA
def test_nothing_waits_for_the_gpu_but_the_end_of_a_batch(tmp_path: Path) -> None:
    """CUDA itself complains of every other wait, while rows come, sample, and are decoded."""
    both = Both(tmp_path, "cuda")
    torch.cuda.set_sync_debug_mode("error")
    try:
        pairs = [both.open(voice, 1, 0) for voice in (0, 1)]
        ours = [pair[1] for pair in pairs]
        for _ in range(2):
            both.ours.sample(ours)
            for row in ours:
                row.keep()
        both.ours.decode(ours, 2)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@WITHOUT_CUDA
def test_others_may_use_the_gpu_while_a_graph_is_captured(tmp_path: Path) -> None:
    """A voice is made while a row with an unusual number of decode steps makes a new graph."""
    both = Both(tmp_path, "cuda")
    stop = threading.Event()

    def compute() -> None:
        x = torch.ones(64, 64, device="cuda")
        while not stop.is_set():
            (x @ x).cpu()

    other = threading.Thread(target=compute)
    other.start()
    try:
        pairs = [both.open(0, 1, sampling) for sampling in (0, 2)]
        for _ in range(3):
            both.sample(pairs)
        both.decode(pairs, 3)
    finally:
        stop.set()
        other.join()
