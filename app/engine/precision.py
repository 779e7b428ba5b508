"""Chooses the arithmetic that the engine uses, and makes the linear maps that carry it out."""

import time
import warnings
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional

from app.engine.layer_checks import LayerChecks, noise

PRECISIONS = ("float32", "int8", "bfloat16", "auto")

_CHECKED_AT_ONCE = (1, 16)

# About what the codec computes for 16 rows
_TIMED_INPUT, _TIMED_WEIGHT = (256, 512), (512, 512)
_TIMES = 7


@dataclass(frozen=True, slots=True)
class Precision:
    """Names the arithmetic of the two halves of the model.

    Attributes:
        flow_lm: `float32`, `int8` or `bfloat16`, for the language model and its flow head.
        codec: `float32` or `bfloat16`.
    """

    flow_lm: str
    codec: str

    def __str__(self) -> str:
        return self.flow_lm if self.flow_lm == self.codec else f"{self.flow_lm}+{self.codec} codec"

    @property
    def cache_dtype(self) -> torch.dtype:
        """Return the element type of the key-value cache."""
        return torch.float32 if self.flow_lm == "float32" else torch.bfloat16


def choose_precision(requested: str, device: torch.device) -> Precision:
    """Choose the arithmetic for a requested precision on this machine.

    `float32` is upstream's arithmetic everywhere. The other three add what the processor has
    natively: bfloat16 for the codec where that is faster, and for `auto` int8 for the language
    model.

    Raises:
        ValueError: it is not one of `PRECISIONS`, or int8 where there are no kernels for that.
    """
    if requested not in PRECISIONS:
        raise ValueError(f"precision {requested!r} is not one of {', '.join(PRECISIONS)}")
    if device.type != "cpu":
        if requested == "int8":
            raise ValueError("int8 runs on CPUs only; use bfloat16 or auto on this device")
        wide = "float32" if requested in ("float32", "auto") else "bfloat16"
        return Precision(wide, wide)
    if requested == "float32":
        return Precision("float32", "float32")
    has_int8 = "fbgemm" in torch.backends.quantized.supported_engines
    if requested == "int8" and not has_int8:
        raise ValueError("int8 needs an x86 processor; use float32 or auto on this machine")
    native = _has("avx512_bf16") or _has("amx_bf16")
    codec = "bfloat16" if native and computes_bfloat16_faster() else "float32"
    if requested == "auto":
        return Precision("int8" if has_int8 else "float32", codec)
    return Precision(requested, codec)


@dataclass(frozen=True, slots=True)
class Linears:
    """Makes the linear maps of the language model or the flow head, and tries each one out.

    Attributes:
        precision: `float32`, `int8` or `bfloat16`.
        checks: hears of those that are computed in float32 because they are wrong otherwise.
    """

    precision: str
    device: torch.device
    checks: LayerChecks

    def make(self, name: str, weight: Tensor, bias: Tensor | None) -> nn.Module:
        """Make a linear map as `make_linear` does, or in float32 if that computes something else.

        Args:
            name: what `checks` calls it.
        """
        weight = weight.detach().to(self.device, torch.float32)
        bias = None if bias is None else bias.detach().to(self.device, torch.float32)
        exact = make_linear(weight, bias, "float32")
        if self.precision == "float32":
            return exact
        made = make_linear(weight, bias, self.precision)
        x = noise(max(_CHECKED_AT_ONCE), weight.shape[1], device=self.device)
        right = self.checks.passes(
            name, self.precision, exact, made, x, at_once=_CHECKED_AT_ONCE, bias=bias
        )
        # The weights may lie in a file that is mapped, of which nothing may be kept.
        return made if right else make_linear(weight.clone(), bias, "float32")


def make_linear(weight: Tensor, bias: Tensor | None, precision: str) -> nn.Module:
    """Make a linear map of float32 `[n, in]` to float32 `[n, out]`.

    Args:
        weight: `[out, in]`; copied.
        bias: `[out]` or None; copied.
        precision: `float32`, `int8` or `bfloat16`.
    """
    weight = weight.detach().float()
    bias = None if bias is None else bias.detach().float()
    if precision == "int8":
        return Int8Linear(weight, bias)
    if precision == "bfloat16":
        return Bfloat16Linear(weight, bias)
    return Float32Linear(weight, bias)


class Float32Linear(nn.Module):
    """Computes a linear map in float32."""

    weight: Tensor
    bias: Tensor | None

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.register_buffer("weight", weight)
        self.register_buffer("bias", bias)

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.weight, self.bias)


class Bfloat16Linear(nn.Module):
    """Computes a linear map in bfloat16, with float32 input and output."""

    weight: Tensor
    bias: Tensor | None

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.register_buffer("weight", weight.bfloat16())
        self.register_buffer("bias", None if bias is None else bias.bfloat16())

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x.to(torch.bfloat16), self.weight, self.bias).float()


class Int8Linear(nn.Module):
    """Maps by FBGEMM: int8 weights per output channel, activations quantised on the way in.

    FBGEMM's dynamic quantisation takes one range from the whole batch, so that a row would sound
    different next to a loud one. Here each row is scaled to [-1, 1] first and quantised with that
    fixed range, which is independent of the other rows and finer.
    """

    bias: Tensor | None

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        # Without VNNI the kernel adds products pairwise in 16 bits; 7-bit activations cannot
        # overflow them.
        self.levels = 127 if _has("avx512_vnni") or _has("avx_vnni") else 63
        self.packed = _packed(weight)
        self.register_buffer("bias", bias)

    def forward(self, x: Tensor) -> Tensor:
        peak = x.abs().amax(-1, keepdim=True).clamp_min(1e-12)
        y = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32(
            x / peak, 1.0 / self.levels, self.levels + 1, self.packed
        )
        bias = self.bias
        return y * peak if bias is None else torch.addcmul(bias, y, peak)


def _packed(weight: Tensor) -> torch.ScriptObject:
    """Quantise weights `[out, in]` with one scale per output channel, in FBGEMM's layout."""
    scales = weight.abs().amax(1).clamp_min(1e-12) / 127.0
    zeros = torch.zeros(weight.shape[0], dtype=torch.long)
    # What `torch.quantize_per_channel` does, in a fifth of its time.
    values = torch.mul(weight, scales.reciprocal()[:, None]).round_().to(torch.int8)
    with warnings.catch_warnings():
        # All of them are deprecated in torch 2.13, but there is no other way into FBGEMM yet.
        warnings.filterwarnings("ignore", "torch.quantize_per_tensor", UserWarning)
        quantised = torch._make_per_channel_quantized_tensor(values, scales.double(), zeros, 0)
    torch.backends.quantized.engine = "fbgemm"
    return torch.ops.quantized.linear_prepack(quantised, None)  # type: ignore[no-any-return]


@cache
def computes_bfloat16_faster() -> bool:
    """Tell whether this processor takes less time for products in bfloat16 than in float32.

    Not all do that have instructions for it: with AMX they take a quarter of the time, on a Zen 4
    half, and on an Intel processor without AMX, or in a virtual machine that hides it, almost twice
    as long. The answer stays the same, so that all parts of a server compute alike.
    """
    x, weight = (
        noise(*shape, device=torch.device("cpu")) for shape in (_TIMED_INPUT, _TIMED_WEIGHT)
    )
    reduced = x.bfloat16(), weight.bfloat16()
    seconds: dict[torch.dtype, list[float]] = {torch.float32: [], torch.bfloat16: []}
    with torch.inference_mode():
        for _ in range(_TIMES):
            for operands in ((x, weight), reduced):
                began = time.perf_counter()
                functional.linear(*operands)
                seconds[operands[0].dtype].append(time.perf_counter() - began)
    # The shortest, for what else the machine does only ever makes it take longer.
    return min(seconds[torch.bfloat16]) < min(seconds[torch.float32])


def has_fast_bfloat16(device: torch.device) -> bool:
    """Tell whether attention in bfloat16 is faster than float32 here: it is with AMX.

    Then it takes half the time, without it three times as long.
    """
    return device.type == "cpu" and _has("amx_bf16")


def _has(feature: str) -> bool:
    """Tell whether this processor has a feature, by the name that torch gives it."""
    return bool(torch.cpu.get_capabilities().get(feature, False))
