"""Lower precision is close to float32, and a row still does not hear its neighbours."""

from __future__ import annotations

import asyncio
import time

import numpy as np
import pytest
import torch

from app.engine import precision as precision_module
from app.engine.precision import choose_precision, computes_bfloat16_faster, make_linear
from app.speech import Sampling
from tests.engine.conftest import MakeEngine
from tests.engine.speaking import TEXTS, speak, voice_clip

CPU = torch.device("cpu")


@pytest.mark.parametrize("with_bias", [True, False])
# Without VNNI int8 has a bit less.
@pytest.mark.parametrize(("precision", "tolerance"), [("int8", 0.03), ("bfloat16", 0.01)])
def test_a_linear_map_of_lower_precision_is_close(
    precision: str, tolerance: float, with_bias: bool
) -> None:
    torch.manual_seed(0)
    weight, x = (
        torch.randn(48, 64),
        torch.randn(5, 64) * torch.tensor([[0.01], [1], [3], [50], [0]]),
    )
    bias = torch.randn(48) if with_bias else None
    exact = make_linear(weight, bias, "float32")(x)
    error = (make_linear(weight, bias, precision)(x) - exact).abs().amax(1)
    assert bool((error <= tolerance * exact.abs().amax(1) + 1e-3).all())


@pytest.mark.parametrize("precision", ["int8", "bfloat16"])
def test_a_row_does_not_depend_on_the_rows_beside_it(precision: str) -> None:
    torch.manual_seed(0)
    linear = make_linear(torch.randn(32, 64), None, precision)
    x = torch.randn(8, 64)
    x[3] *= 100
    torch.testing.assert_close(linear(x)[:3], linear(x[:3]), rtol=1e-2, atol=1e-3)


def test_int8_rows_are_quantised_one_by_one() -> None:
    linear = make_linear(torch.randn(32, 64), None, "int8")
    quiet, loud = torch.randn(1, 64), 1000 * torch.randn(1, 64)
    torch.testing.assert_close(linear(torch.cat([quiet, loud]))[:1], linear(quiet))


def test_auto_takes_what_the_processor_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    monkeypatch.setattr(precision_module, "computes_bfloat16_faster", lambda: True)
    assert str(choose_precision("auto", CPU)) == "int8+bfloat16 codec"
    assert str(choose_precision("bfloat16", CPU)) == "bfloat16"
    monkeypatch.setattr(precision_module, "computes_bfloat16_faster", lambda: False)
    assert str(choose_precision("auto", CPU)) == "int8+float32 codec"
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    assert str(choose_precision("auto", CPU)) == "int8+float32 codec"
    assert str(choose_precision("float32", CPU)) == "float32"


@pytest.mark.parametrize("slow", [torch.bfloat16, torch.float32])
def test_bfloat16_is_faster_where_its_products_take_less_time(
    monkeypatch: pytest.MonkeyPatch, slow: torch.dtype
) -> None:
    def product(x: torch.Tensor, _weight: torch.Tensor) -> None:
        time.sleep(0.005 if x.dtype == slow else 0.001)

    computes_bfloat16_faster.cache_clear()
    monkeypatch.setattr("torch.nn.functional.linear", product)
    try:
        assert computes_bfloat16_faster() == (slow == torch.float32)
    finally:
        computes_bfloat16_faster.cache_clear()


def test_weights_are_quantised_as_torch_does_it() -> None:
    """A row of zeros, too, and rows of all sizes."""
    weight = torch.randn(64, 32) * torch.logspace(-3, 3, 64)[:, None]
    weight[5] = 0
    scales = weight.abs().amax(1).clamp_min(1e-12) / 127.0
    zeros = torch.zeros(64, dtype=torch.long)
    theirs = torch.quantize_per_channel(weight, scales, zeros, 0, torch.qint8)
    linear = make_linear(weight, None, "int8")
    ours, _ = torch.ops.quantized.linear_unpack(linear.packed)
    assert torch.equal(ours.int_repr(), theirs.int_repr())
    assert torch.equal(ours.q_per_channel_scales(), theirs.q_per_channel_scales())


def test_other_devices_have_no_int8() -> None:
    cuda = torch.device("cuda")
    assert str(choose_precision("auto", cuda)) == "float32"
    with pytest.raises(ValueError, match="int8"):
        choose_precision("int8", cuda)


def test_unknown_precisions_are_refused() -> None:
    with pytest.raises(ValueError, match="auto"):
        choose_precision("float16", CPU)


@pytest.mark.parametrize("precision", ["int8", "bfloat16", "auto"])
async def test_the_same_text_sounds_the_same_alone_and_in_company(
    make_engine: MakeEngine, precision: str
) -> None:
    engine = make_engine(precision=precision)
    voice = engine.encode_voice(voice_clip(engine.sample_rate_hz))
    endless = Sampling(temperature=0.0, eos_threshold=1e9)
    alone = await speak(engine, voice, TEXTS[:1], endless)
    together = await asyncio.gather(*(speak(engine, voice, [text], endless) for text in TEXTS))
    difference = np.linalg.norm(together[0][0] - alone[0]) / np.linalg.norm(alone[0])
    assert difference < 0.05  # sums of bfloat16 differ with the size of the batch
