"""Computes the codec's heavy operations, linear maps and causal convolutions, at any precision.

On x86 the weights are packed once for oneDNN, through the operators that torch's own compiler
backend uses; elsewhere (CUDA, builds without oneDNN) the plain operators do the same.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from app.engine.layer_checks import Layer, LayerChecks, noise

_CHECKED_AT_ONCE = (1, 4)
_CHECKED_POSITIONS = 16


class Linear(Protocol):
    """Maps the last dimension linearly: `x @ weight.T`, plus a bias if it has one."""

    def __call__(self, x: Tensor) -> Tensor:
        """Map `[..., in]` to `[..., out]`."""
        ...


class Conv(Protocol):
    """Computes a stride-1 convolution without padding."""

    def __call__(self, x: Tensor) -> Tensor:
        """Map `[rows, in, positions + context]` to `[rows, out, positions]`, channels last."""
        ...


@dataclass(frozen=True, slots=True)
class Kernels:
    """Makes the operations for one precision and device, and tries out each reduced one.

    An operation that computes something else than float32 does is made in float32 instead; what
    it reads and writes stays the same.

    Attributes:
        activations: element type that the convolutions read and write.
        packed: whether oneDNN's packed weights are used.
        fused: whether oneDNN can fuse traced graphs.
        checks: hears of the operations that are wrong, by the names that they are made with.
    """

    device: torch.device
    activations: torch.dtype
    packed: bool
    fused: bool
    checks: LayerChecks

    @classmethod
    def of(cls, precision: str, device: torch.device, checks: LayerChecks) -> Kernels:
        """Choose the operations for `float32` or `bfloat16`.

        Raises:
            ValueError: it is another precision.
        """
        if precision not in ("float32", "bfloat16"):
            raise ValueError(f"unknown codec precision {precision!r}")
        x86 = device.type == "cpu" and platform.machine() in ("x86_64", "AMD64")
        packs = x86 and torch._C._has_mkldnn
        packed = packs and (precision == "float32" or _packs_bfloat16())
        return cls(
            device=device,
            activations=torch.float32 if precision == "float32" else torch.bfloat16,
            packed=packed,
            fused=packed and hasattr(torch._C, "_jit_set_llga_enabled"),
            checks=checks,
        )

    @property
    def reduced(self) -> bool:
        """Tell whether the operations are of less than float32's precision."""
        return self.activations != torch.float32

    def in_float32(self) -> Kernels:
        """Return what makes the same operations in float32."""
        return replace(self, activations=torch.float32)

    def linear(self, name: str, weight: Tensor) -> Linear:
        """Make a linear map of float32 activations for `weight[out, in]`."""
        weight = self._in_float32(weight)
        if self.reduced:
            rounded = RoundedLinear(weight, packed=self.packed)
            if self._is_right(name, PlainLinear(weight), rounded, self._example(weight.shape[1])):
                return rounded
        return PackedLinear(weight) if self.packed else PlainLinear(weight)

    def unfolded_conv(
        self, name: str, weight: Tensor, bias: Tensor | None, *, traced: bool
    ) -> Conv:
        """Make a convolution for `weight[out, in, kernel]` out of a matrix product.

        Args:
            traced: whether it is to be traced and fused, by what packs the weights itself.
        """
        product = self.product(name, weight.transpose(1, 2).flatten(1), bias, traced=traced)
        return UnfoldedConv(product, weight.shape[2])

    def plain_conv(self, name: str, weight: Tensor, bias: Tensor | None, dilation: int) -> Conv:
        """Make a convolution for `weight[out, in, kernel]`, to be traced and fused."""
        made = PlainConv(self.cast(weight), None if bias is None else self.cast(bias), dilation)
        if not self.reduced:
            return made
        exact = PlainConv(
            self._in_float32(weight), None if bias is None else self._in_float32(bias), dilation
        )
        context = (weight.shape[2] - 1) * dilation
        x = self._example(weight.shape[1], context).transpose(1, 2)
        return made if self._is_right(name, exact, made, x) else Widened(exact)

    def product(
        self, name: str, weight: Tensor, bias: Tensor | None, *, traced: bool = False
    ) -> Linear:
        """Make a linear map for `weight[out, in]` that reads and writes `activations`.

        Args:
            traced: see `unfolded_conv`.
        """
        kind = PackedLinear if self.packed and not traced else PlainLinear
        made = kind(self.cast(weight), None if bias is None else self.cast(bias))
        if not self.reduced:
            return made
        exact = PlainLinear(
            self._in_float32(weight), None if bias is None else self._in_float32(bias)
        )
        x = self._example(weight.shape[1])
        return made if self._is_right(name, exact, made, x) else Widened(exact)

    def cast(self, parameter: Tensor) -> Tensor:
        """Convert a parameter to the element type and device of the convolutions."""
        return parameter.detach().to(self.device, self.activations).contiguous()

    def _in_float32(self, parameter: Tensor) -> Tensor:
        return parameter.detach().to(self.device, torch.float32).contiguous()

    def _example(self, width: int, context: int = 0) -> Tensor:
        """Make an input of some rows, `[rows, positions + context, width]`."""
        rows, positions = max(_CHECKED_AT_ONCE), _CHECKED_POSITIONS + context
        return noise(rows, positions, width, device=self.device)

    def _is_right(self, name: str, exact: Layer, made: Layer, x: Tensor) -> bool:
        """Tell whether an operation on `activations` computes what it should."""
        return self.checks.passes(
            f"codec.{name}",
            "bfloat16",
            exact,
            lambda x: made(x.to(self.activations)),
            x,
            at_once=_CHECKED_AT_ONCE,
        )


def _packs_bfloat16() -> bool:
    """Tell whether oneDNN takes bfloat16 weights here; elsewhere torch's own operator does."""
    has = torch.cpu.get_capabilities()
    wide = all(has.get(name) for name in ("avx512_bw", "avx512_vl", "avx512_dq"))
    return bool(wide or has.get("avx_ne_convert"))


class PlainLinear:
    """Computes a linear map by torch's own operator."""

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        self._weight, self._bias = weight, bias

    def __call__(self, x: Tensor) -> Tensor:
        return functional.linear(x, self._weight, self._bias)


class PackedLinear:
    """Computes a linear map by oneDNN, with weights in its own layout."""

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        self._weight, self._bias = torch.ops.mkldnn._reorder_linear_weight(weight), bias

    def __call__(self, x: Tensor) -> Tensor:
        y: Tensor = torch.ops.mkldnn._linear_pointwise(x, self._weight, self._bias, "none", [], "")
        return y


class RoundedLinear:
    """Computes a linear map of float32 activations in bfloat16, with sums in float32.

    int8 would be faster still, but on a codec that was trained it left 20 dB of signal to noise
    where this leaves 41 (`benchmarks/fidelity.py`), and FBGEMM's dynamic scales are shared by all
    rows of a call, so that a row would sound a little different in company.
    """

    def __init__(self, weight: Tensor, *, packed: bool) -> None:
        weight = weight.bfloat16()
        self._map: Linear = PackedLinear(weight) if packed else PlainLinear(weight)

    def __call__(self, x: Tensor) -> Tensor:
        return self._map(x.bfloat16()).float()


class PlainConv:
    """Computes a convolution by torch's own operator."""

    def __init__(self, weight: Tensor, bias: Tensor | None, dilation: int) -> None:
        self._weight, self._bias, self._dilation = weight, bias, dilation

    def __call__(self, x: Tensor) -> Tensor:
        return functional.conv1d(x, self._weight, self._bias, dilation=self._dilation)


class Widened:
    """Computes an operation in float32 for activations of another element type."""

    def __init__(self, exact: Layer) -> None:
        self._exact = exact

    def __call__(self, x: Tensor) -> Tensor:
        return self._exact(x.float()).to(x.dtype)


class UnfoldedConv:
    """Convolves by one matrix product: the inputs of each output side by side, times weights.

    Packed convolution weights would do as well for most shapes, but for others oneDNN wants
    another layout and reorders them in each call, which takes a hundred times as long. And a
    convolution whose result leaves a fused graph is put into another layout first, by a slow copy.
    """

    def __init__(self, product: Linear, kernel_positions: int) -> None:
        self._product = product
        self._kernel_positions = kernel_positions

    def __call__(self, x: Tensor) -> Tensor:
        # Without contiguous() these positions overlap in memory, which fused graphs refuse.
        unfolded = x.unfold(2, self._kernel_positions, 1).permute(0, 2, 3, 1).contiguous()
        return self._product(unfolded.flatten(2)).transpose(1, 2)
