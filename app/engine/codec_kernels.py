"""Computes the codec's heavy operations, linear maps and causal convolutions, at any precision.

On x86 the weights are packed once for oneDNN, through the operators that torch's own compiler
backend uses; elsewhere (CUDA, builds without oneDNN) the plain operators do the same.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional


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
    """Makes the operations for one precision and device.

    Attributes:
        activations: element type that the convolutions read and write.
        packed: whether oneDNN's packed weights are used.
        fused: whether oneDNN can fuse traced graphs.
    """

    device: torch.device
    activations: torch.dtype
    packed: bool
    fused: bool

    @classmethod
    def of(cls, precision: str, device: torch.device) -> Kernels:
        """Choose the operations for `float32` or `bfloat16`.

        Raises:
            ValueError: it is another precision.
        """
        if precision not in ("float32", "bfloat16"):
            raise ValueError(f"unknown codec precision {precision!r}")
        x86 = device.type == "cpu" and platform.machine() in ("x86_64", "AMD64")
        packed = x86 and torch._C._has_mkldnn
        return cls(
            device=device,
            activations=torch.float32 if precision == "float32" else torch.bfloat16,
            packed=packed,
            fused=packed and hasattr(torch._C, "_jit_set_llga_enabled"),
        )

    def linear(self, weight: Tensor) -> Linear:
        """Make a linear map of float32 activations for `weight[out, in]`."""
        weight = weight.detach().to(self.device, torch.float32).contiguous()
        if self.activations == torch.bfloat16:
            return RoundedLinear(weight, packed=self.packed)
        return PackedLinear(weight) if self.packed else PlainLinear(weight)

    def unfolded_conv(self, weight: Tensor, bias: Tensor | None) -> Conv:
        """Make a convolution for `weight[out, in, kernel]` of few positions and many channels."""
        return UnfoldedConv(self, weight, bias)

    def plain_conv(self, weight: Tensor, bias: Tensor | None, dilation: int) -> Conv:
        """Make a convolution for `weight[out, in, kernel]`, to be traced and fused."""
        return PlainConv(self.cast(weight), None if bias is None else self.cast(bias), dilation)

    def product(self, weight: Tensor, bias: Tensor | None) -> Linear:
        """Make a linear map for `weight[out, in]` that reads and writes `activations`."""
        weight, bias = self.cast(weight), None if bias is None else self.cast(bias)
        return PackedLinear(weight, bias) if self.packed else PlainLinear(weight, bias)

    def cast(self, parameter: Tensor) -> Tensor:
        """Convert a parameter to the element type and device of the convolutions."""
        return parameter.detach().to(self.device, self.activations).contiguous()


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


class UnfoldedConv:
    """Convolves by one matrix product: the inputs of each output side by side, times weights.

    Packed convolution weights would do as well for most shapes, but for others oneDNN wants
    another layout and reorders them in each call, which takes a hundred times as long.
    """

    def __init__(self, kernels: Kernels, weight: Tensor, bias: Tensor | None) -> None:
        self._kernel_positions = weight.shape[2]
        self._product = kernels.product(weight.transpose(1, 2).flatten(1), bias)

    def __call__(self, x: Tensor) -> Tensor:
        unfolded = x.unfold(2, self._kernel_positions, 1).permute(0, 2, 3, 1).flatten(2)
        return self._product(unfolded).transpose(1, 2)
