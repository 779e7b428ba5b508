"""The codec in slots gives every row what upstream's decoder gives it alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pocket_tts.models.mimi import MimiModel
from torch import Tensor

from app.engine.layer_checks import LayerChecks
from app.engine.static.codec import StaticCodec
from app.engine.static.graphs import device_for
from app.engine.static.slots import Slots
from tests.engine.test_codec import LONGEST_ROW, STEP, VARIANTS, Bench, assert_follows, speak

pytestmark = pytest.mark.long


class CodecInSlots:
    """The codec in slots, behind the methods of `BatchedCodec`."""

    def __init__(
        self,
        mimi: MimiModel,
        mean: Tensor,
        std: Tensor,
        *,
        precision: str,
        max_rows: int,
        device: torch.device,
        checks: LayerChecks,
    ) -> None:
        self.frame_samples = mimi.frame_size
        self._device = device_for(device)
        self._slots = Slots(max_rows, LONGEST_ROW, len(mean), device)
        self._codec = StaticCodec(
            mimi,
            mean,
            std,
            self._slots,
            precision=precision,
            frames=LONGEST_ROW,
            device=device,
            runs=self._device,
            checks=checks,
        )
        self._spoken = [0] * max_rows
        self.prepare = self._codec.prepare

    def acquire(self) -> int:
        slot = self._slots.acquire()
        self._codec.forget(slot)
        self._spoken[slot] = 0
        return slot

    def release(self, slot: int) -> None:
        self._slots.release(slot)

    @torch.inference_mode()
    def decode(self, slots: Sequence[int], latents: Tensor) -> Tensor:
        frames = latents.shape[1]
        spoken = [self._spoken[slot] for slot in slots]
        for slot, row in zip(slots, latents, strict=True):
            begin = 1 + self._spoken[slot]
            self._slots.latents[slot, begin : begin + frames] = row
            self._spoken[slot] += frames
        with self._device.held():
            waves = self._codec.decode(slots, spoken, frames)
            mark = self._device.mark()
        self._device.wait_for(mark)
        return torch.cat(waves, dim=1).cpu()


@pytest.fixture(scope="module", params=list(VARIANTS))
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield Bench(request.param, make_codec=CodecInSlots)
    torch.set_num_threads(threads)


@settings(max_examples=10, deadline=None)
@given(schedule=st.lists(STEP, min_size=1, max_size=14))
def test_any_schedule_of_joins_leaves_and_splits_equals_upstream(
    bench: Bench, schedule: list[tuple[int, list[str]]]
) -> None:
    """Rows of different ages, joining, pausing and leaving, each get exactly their own audio."""
    assert_follows(bench, schedule)


def test_rows_do_not_notice_that_passes_are_prepared(bench: Bench) -> None:
    """A GPU that meets a new size of batch tries it on idle rows first."""
    with bench.slots() as slots:
        begun = bench.codec.decode(slots[:3], bench.latents[:3, :8])
        bench.codec.prepare()
        ended = bench.codec.decode(slots[:3], bench.latents[:3, 8:])
    pcm = torch.cat([begun, ended], dim=1)
    torch.testing.assert_close(pcm, bench.pcm[:3], rtol=0, atol=1e-5)


@pytest.mark.parametrize("variant", list(VARIANTS))
def test_bfloat16_stays_close_to_upstream(variant: str) -> None:
    """The reduced precision costs noise far below the signal, at any age of a row."""
    bench = Bench(variant, "bfloat16", make_codec=CodecInSlots)
    with bench.slots() as slots:
        pcm = speak(bench, slots, list(range(bench.rows)), frames=8)
    noise = pcm - bench.pcm
    signal_to_noise_db = 10 * torch.log10(bench.pcm.square().mean() / noise.square().mean())
    assert signal_to_noise_db > 25
