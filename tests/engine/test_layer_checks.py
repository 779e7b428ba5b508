"""A layer that this machine computes wrongly at a reduced precision is computed in float32."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from app.engine import backbone, codec_kernels
from app.engine import flow_lm as flow_lm_module
from app.engine import precision as precision_module
from app.engine.codec_kernels import PlainConv, RoundedLinear
from app.engine.codec_layers import WaveformStack
from app.engine.flow_lm import FlowLm, RowInput
from app.engine.layer_checks import LayerChecks, noise
from app.engine.runner import Runner
from tests.engine.conftest import MakeEngine
from tests.engine.speaking import TEXTS, Upstream, speak_now, voice_clip
from tests.engine.test_codec import FULL_SCALE_TOLERANCE, Bench, signal_to_noise_db, speak

CPU = torch.device("cpu")
WRONG: dict[str, Callable[[Tensor], Tensor]] = {
    "another result": lambda y: y.roll(1, -1),
    "not a number": lambda y: y * float("nan"),
    "a tenth lost": lambda y: 0.9 * y,
}


@pytest.mark.parametrize("wrong", list(WRONG))
def test_what_differs_from_float32_is_remembered(wrong: str) -> None:
    checks = LayerChecks()
    x = noise(4, 64, device=CPU)
    assert checks.passes("right", "bfloat16", torch.sin, torch.sin, x, at_once=[1, 4])
    spoilt = WRONG[wrong]
    assert not checks.passes(
        "wrong", "bfloat16", torch.sin, lambda x: spoilt(torch.sin(x)), x, at_once=[1, 4]
    )
    assert checks.wrong == ["wrong"]


def test_a_kernel_may_be_wrong_for_one_number_of_rows() -> None:
    def reduced(x: Tensor) -> Tensor:
        return x if len(x) > 1 else -x

    x = noise(4, 64, device=CPU)
    assert LayerChecks().passes("", "int8", torch.clone, reduced, x, at_once=[4])
    assert not LayerChecks().passes("", "int8", torch.clone, reduced, x, at_once=[1, 4])


def test_a_large_bias_does_not_hide_a_wrong_product() -> None:
    x, bias = noise(4, 64, device=CPU), torch.full((64,), 20.0)

    def passes(product: Callable[[Tensor], Tensor]) -> bool:
        return LayerChecks().passes(
            "", "int8", lambda x: x + bias, lambda x: product(x) + bias, x, at_once=[4], bias=bias
        )

    assert passes(lambda x: 1.01 * x)
    assert not passes(lambda x: -x)


def spoil(monkeypatch: pytest.MonkeyPatch, is_spoilt: Callable[[Tensor], bool]) -> None:
    """Let int8 products be those of other weights for the weights that are meant."""
    packed = precision_module._packed
    monkeypatch.setattr(
        precision_module,
        "_packed",
        lambda weight: packed(weight.roll(1, 0) if is_spoilt(weight) else weight),
    )


def test_a_wrong_layer_is_named_once_and_the_others_stay_as_they_are(
    make_engine: MakeEngine,
    tiny: Upstream,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    first = tiny.model.flow_lm.transformer.layers[0].linear1.weight
    right = make_engine(precision="int8")
    assert right.status().float32_layers == ()
    assert not caplog.records
    spoil(monkeypatch, lambda weight: torch.equal(weight, first))
    mended = make_engine(precision="int8")
    assert mended.status().float32_layers == ("flow_lm.layers.0.linear1",)
    assert mended.status().precision == right.status().precision
    warnings = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    assert len(warnings) == 1
    assert "flow_lm.layers.0.linear1" in warnings[0]
    clip = voice_clip(right.sample_rate_hz)
    heard = [
        speak_now(engine, engine.encode_voice(clip), TEXTS[:1])[0][:1920]
        for engine in (right, mended)
    ]
    frames = [torch.from_numpy(wave) for wave in heard]
    assert signal_to_noise_db(frames[0], frames[1]) > 20


def test_a_language_model_whose_layers_are_all_wrong_computes_float32(
    tiny: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(monkeypatch, lambda weight: True)
    checks = LayerChecks()
    mended = FlowLm(tiny.model.flow_lm, "int8", torch.float32, CPU, checks)
    exact = FlowLm(tiny.model.flow_lm, "float32", torch.float32, CPU, LayerChecks())
    for layer in ("flow_lm.layers.1.in_proj", "flow_head.blocks.0.linear2", "flow_head.modulation"):
        assert layer in checks.wrong
    torch.testing.assert_close(latent_of(mended), latent_of(exact), rtol=0, atol=0)


def test_a_layer_that_fell_back_keeps_nothing_of_the_models_weights(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They may be mapped from a file, which is let go of."""
    spoil(monkeypatch, lambda weight: True)
    weight = torch.randn(8, 16)
    made = precision_module.Linears("int8", CPU, LayerChecks()).make("layer", weight, None)
    exact = weight.clone()
    weight.zero_()
    torch.testing.assert_close(made(torch.eye(16)), exact.T)


def with_amx(monkeypatch: pytest.MonkeyPatch, *, there: bool = True) -> None:
    """Let the processor have AMX, or not, whichever the tests run on."""
    has = precision_module._has
    monkeypatch.setattr(
        precision_module, "_has", lambda name: there if name == "amx_bf16" else has(name)
    )


def test_with_amx_attention_is_computed_on_the_caches_as_they_are(
    tiny: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    latents = []
    for amx in (False, True):
        with_amx(monkeypatch, there=amx)
        flow_lm = FlowLm(tiny.model.flow_lm, "int8", torch.bfloat16, CPU, LayerChecks())
        latents.append(latent_of(flow_lm))
    assert signal_to_noise_db(*latents) > 25
    assert not torch.equal(*latents)


def test_attention_on_the_caches_is_tried_out(
    tiny: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(query: Tensor, past: Tensor, causal: bool) -> tuple[Tensor, Tensor]:
        out, weight = attention(query, past, causal)
        return (out.flip(-1) if query.dtype == torch.bfloat16 else out), weight

    attention = backbone.attention
    with_amx(monkeypatch)
    monkeypatch.setattr(flow_lm_module, "attention", wrong)
    checks = LayerChecks()
    mended = FlowLm(tiny.model.flow_lm, "int8", torch.bfloat16, CPU, checks)
    assert checks.wrong == ["flow_lm.attention"]
    monkeypatch.undo()
    with_amx(monkeypatch, there=False)
    usual = FlowLm(tiny.model.flow_lm, "int8", torch.bfloat16, CPU, LayerChecks())
    assert torch.equal(latent_of(mended), latent_of(usual))


def latent_of(flow_lm: FlowLm) -> Tensor:
    """Compute the first latent of a text."""
    shape = flow_lm.cache_shape
    row = RowInput(
        voice=torch.zeros(shape.of(3)),
        cache=torch.zeros(shape.of(8), dtype=shape.dtype),
        offset=0,
        tokens=torch.arange(5),
        latent=flow_lm.bos_latent,
        noise=noise(flow_lm.latent_dim, device=CPU),
        decode_steps=1,
    )
    return flow_lm.step([row])[0].latent


def test_a_codec_whose_kernels_are_all_wrong_equals_upstream(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Linear maps one by one, and the convolutions as they are fused."""
    body = WaveformStack.body

    def wrong_body(self: WaveformStack, x: Tensor, *others: Tensor) -> tuple[Tensor, Tensor]:
        y, tails = body(self, x, *others)
        return (y.roll(1, 1) if x.dtype == torch.bfloat16 else y), tails

    monkeypatch.setattr(WaveformStack, "body", wrong_body)
    monkeypatch.setattr(RoundedLinear, "__call__", lambda self, x: torch.zeros(()))
    bench = Bench("shared", "bfloat16")
    assert "codec.transformer.1.linear2" in bench.checks.wrong
    assert "codec.convolutions (1 frames)" in bench.checks.wrong
    with bench.slots() as slots:
        pcm = speak(bench, slots, list(range(bench.rows)), frames=2)
    torch.testing.assert_close(pcm, bench.pcm, rtol=0, atol=FULL_SCALE_TOLERANCE)


def test_one_wrong_convolution_leaves_the_others_in_bfloat16(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class WrongConv(PlainConv):
        def __init__(self, weight: Tensor, bias: Tensor | None, dilation: int) -> None:
            is_wrong = weight.dtype == torch.bfloat16 and weight.shape[1] == 16
            super().__init__(weight.roll(1, 0) if is_wrong else weight, bias, dilation)

    sound = Bench("shared", "bfloat16")
    assert sound.checks.wrong == []
    monkeypatch.setattr(codec_kernels, "PlainConv", WrongConv)
    bench = Bench("shared", "bfloat16")
    assert bench.checks.wrong == ["codec.blocks.0.0.0"]
    heard = []
    for each in (sound, bench):
        with each.slots() as slots:
            heard.append(speak(each, slots, list(range(each.rows)), frames=1))
    assert signal_to_noise_db(bench.pcm, heard[1]) > 25
    assert not torch.equal(*heard)


def test_attention_that_is_wrong_in_bfloat16_is_computed_in_float32(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    multiply = torch.baddbmm
    monkeypatch.setattr(torch, "baddbmm", lambda *parts: multiply(*parts).flip(-1))
    bench = Bench("wide", "bfloat16")
    assert bench.checks.wrong == ["codec.transformer.attention"]
    with bench.slots() as slots:
        pcm = speak(bench, slots, list(range(bench.rows)), frames=2)
    assert signal_to_noise_db(bench.pcm, pcm) > 25


def test_float32_is_not_checked(tiny: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **options: object) -> bool:
        raise AssertionError("nothing is reduced")

    monkeypatch.setattr(LayerChecks, "passes", refuse)
    exact = precision_module.Precision("float32", "float32")
    assert Runner(tiny.model, exact, CPU, max_rows=1).float32_layers == ()
