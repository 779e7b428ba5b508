"""The batched codec gives every row what upstream's decoder gives it alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pocket_tts.models.mimi import MimiModel, build_mimi
from pocket_tts.modules.stateful_module import increment_steps, init_states
from pocket_tts.utils.config import MimiConfig
from torch import Tensor

from app.engine.codec import BatchedCodec
from app.engine.layer_checks import LayerChecks
from tests.tiny_model import tiny_config

LATENT_DIM = 16
FULL_SCALE_TOLERANCE = 1e-5
# Long enough for the smallest attention window (20 positions, 16 a frame) to slide many times
# and for its storage to be rewound.
LONGEST_ROW = 40

SEPARATE_DECODER = {
    "decoder_seanet": {"kernel_size": 3, "n_filters": 6, "n_residual_layers": 2},
    "decoder_transformer": {"context": 20, "num_layers": 3, "d_model": 24, "num_heads": 2},
}
VARIANTS: dict[str, dict[str, Any]] = {
    "shared": {},
    "separate": SEPARATE_DECODER,
    "replicate": {"decoder_seanet": {"pad_mode": "replicate"}},
    # Wide enough heads for keys and values in bfloat16.
    "wide": {"decoder_transformer": {"d_model": 128, "num_heads": 2}},
}


def tiny_mimi(variant: str) -> MimiModel:
    config = tiny_config()["mimi"]
    for part, overrides in VARIANTS[variant].items():
        config[part] = config[part.removeprefix("decoder_")] | overrides
    torch.manual_seed(0)
    mimi = build_mimi(MimiConfig(**config)).eval()
    for name, module in mimi.named_modules():
        # As in TTSModel: a module finds its streaming state under its own name.
        if hasattr(module, "_module_absolute_name"):
            module._module_absolute_name = name
    return mimi


class Reference:
    """Upstream's decoder for one row, frame by frame."""

    def __init__(self, mimi: MimiModel, emb_mean: Tensor, emb_std: Tensor) -> None:
        self._mimi, self._mean, self._std = mimi, emb_mean, emb_std

    @torch.inference_mode()
    def decode(self, latents: Tensor) -> Tensor:
        state = init_states(self._mimi, 1, sequence_length=16 * latents.shape[0])
        frames = []
        for latent in latents.unsqueeze(1):
            frames.append(
                self._mimi.decode_from_latent(latent[None] * self._std + self._mean, state)
            )
            increment_steps(self._mimi, state, increment=16)
        return torch.cat(frames, dim=2)[0, 0]


class Bench:
    """A codec, and one long row of latents per slot with upstream's PCM for it."""

    def __init__(
        self,
        variant: str,
        precision: str = "float32",
        rows: int = 4,
        make_codec: Callable[..., Any] = BatchedCodec,
    ) -> None:
        self.rows = rows
        mimi = tiny_mimi(variant)
        mean, std = torch.randn(LATENT_DIM), torch.rand(LATENT_DIM) + 0.5
        self.latents = torch.randn(rows, LONGEST_ROW, LATENT_DIM)
        _level_output(mimi, self.latents[:1] * std + mean)
        reference = Reference(mimi, mean, std)
        self.pcm = torch.stack([reference.decode(row) for row in self.latents])
        self.checks = LayerChecks()
        self.codec = make_codec(
            mimi,
            mean,
            std,
            precision=precision,
            max_rows=rows,
            device=torch.device("cpu"),
            checks=self.checks,
        )

    @contextmanager
    def slots(self) -> Iterator[list[int]]:
        slots = [self.codec.acquire() for _ in range(self.rows)]
        try:
            yield slots
        finally:
            for slot in slots:
                self.codec.release(slot)


def _level_output(mimi: MimiModel, latents: Tensor) -> None:
    """Scale the last convolution so that the tolerance really is one of full scale."""
    with torch.inference_mode():
        pcm = mimi.decode_from_latent(latents, init_states(mimi, 1, 16 * latents.shape[1]))
    last = mimi.decoder.model[-1].conv
    last.weight.data /= pcm.abs().max()
    last.bias.data /= pcm.abs().max()


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module", params=list(VARIANTS))
def bench(request: pytest.FixtureRequest) -> Bench:
    return Bench(request.param)


# One call: frames, and for each row whether it takes part and whether it starts anew first.
STEP = st.tuples(
    st.integers(1, 16),
    st.lists(st.sampled_from(["skip", "go", "restart"]), min_size=4, max_size=4),
)


@settings(max_examples=15, deadline=None)
@given(schedule=st.lists(STEP, min_size=1, max_size=14))
def test_any_schedule_of_joins_leaves_and_splits_equals_upstream(
    bench: Bench, schedule: list[tuple[int, list[str]]]
) -> None:
    """Rows of different ages, joining, pausing and leaving, each get exactly their own audio."""
    assert_follows(bench, schedule)


def assert_follows(bench: Bench, schedule: list[tuple[int, list[str]]]) -> None:
    codec = bench.codec
    with bench.slots() as slots:
        done = [0] * bench.rows
        for frames, actions in schedule:
            for row, action in enumerate(actions):
                if action == "restart":
                    codec.release(slots[row])
                    slots[row] = codec.acquire()
                    done[row] = 0
            active = [
                row
                for row, action in enumerate(actions)
                if action != "skip" and done[row] + frames <= LONGEST_ROW
            ]
            if not active:
                continue
            latents = torch.stack([bench.latents[r, done[r] : done[r] + frames] for r in active])
            pcm = codec.decode([slots[row] for row in active], latents)
            assert pcm.shape == (len(active), frames * codec.frame_samples)
            for row, samples in zip(active, pcm, strict=True):
                start = done[row] * codec.frame_samples
                expected = bench.pcm[row, start : start + samples.shape[0]]
                torch.testing.assert_close(samples, expected, rtol=0, atol=FULL_SCALE_TOLERANCE)
                done[row] += frames


def test_threads_may_decode_disjoint_slots_at_the_same_time(bench: Bench) -> None:
    """Two threads on two halves of the slots do not disturb each other."""
    with bench.slots() as slots, ThreadPoolExecutor(2) as threads:
        halves = [0, 2], [3, 1]
        heard = threads.map(lambda rows: speak(bench, slots, rows, frames=2), halves)
        for rows, pcm in zip(halves, heard, strict=True):
            torch.testing.assert_close(pcm, bench.pcm[rows], rtol=0, atol=FULL_SCALE_TOLERANCE)


def speak(bench: Bench, slots: list[int], rows: list[int], frames: int) -> Tensor:
    taken = [slots[row] for row in rows]
    latents = bench.latents[rows]
    starts = range(0, latents.shape[1], frames)
    return torch.cat([bench.codec.decode(taken, latents[:, t : t + frames]) for t in starts], 1)


@pytest.mark.parametrize("missing", ["_has_mkldnn", "_jit_set_llga_enabled"])
def test_without_onednn_the_plain_operators_do_the_same(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A torch without oneDNN or its fusions, or another device, decodes all rows together."""
    if missing == "_has_mkldnn":
        monkeypatch.setattr(torch._C, missing, False)
    else:
        monkeypatch.delattr(torch._C, missing)
    bench = Bench("replicate")
    with bench.slots() as slots:
        pcm = speak(bench, slots, list(range(bench.rows)), frames=4)
    torch.testing.assert_close(pcm, bench.pcm, rtol=0, atol=FULL_SCALE_TOLERANCE)


@pytest.mark.parametrize("variant", list(VARIANTS))
def test_bfloat16_stays_close_to_upstream(variant: str) -> None:
    """The reduced precision costs noise far below the signal, at any age of a row."""
    bench = Bench(variant, "bfloat16")
    with bench.slots() as slots:
        pcm = speak(bench, slots, list(range(bench.rows)), frames=8)
    assert signal_to_noise_db(bench.pcm, pcm) > 25


def signal_to_noise_db(exact: Tensor, pcm: Tensor) -> float:
    return float(10 * torch.log10(exact.square().mean() / (pcm - exact).square().mean()))


def test_slots_are_bounded_and_reused(bench: Bench) -> None:
    """No more than `max_rows` slots exist, and a released one comes back."""
    with bench.slots() as slots:
        with pytest.raises(RuntimeError, match="taken"):
            bench.codec.acquire()
        bench.codec.release(slots[1])
        assert bench.codec.acquire() == slots[1]


@pytest.mark.parametrize(("rows", "frames"), [([0], 17), ([0, 0], 1), ([0, 1], 1)])
def test_a_call_that_makes_no_sense_is_refused(bench: Bench, rows: list[int], frames: int) -> None:
    """Too many frames, the same slot twice, and fewer rows than slots are errors."""
    latents = torch.zeros(2 if rows == [0, 0] else 1, frames, LATENT_DIM)
    with bench.slots() as slots, pytest.raises(ValueError, match="cannot decode"):
        bench.codec.decode([slots[row] for row in rows], latents)


def test_an_unknown_precision_is_refused() -> None:
    """Only the two documented precisions exist."""
    with pytest.raises(ValueError, match="precision"):
        Bench("shared", "float16")
