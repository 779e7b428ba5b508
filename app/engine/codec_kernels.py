"""The codec's two heavy operations, linear maps and causal convolutions, at a chosen precision.

On x86 the weights are packed once for oneDNN, through the operators that torch's own compiler
backend uses; elsewhere (CUDA, builds without oneDNN) the plain operators do the same.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional


class Linear(Protocol):
    """`x @ weight.T` over the last dimension."""

    def __call__(self, x: Tensor) -> Tensor:
        """`[..., in]` to `[..., out]`."""
        ...


class Conv(Protocol):
    """A stride-1 convolution without padding."""

    def __call__(self, x: Tensor) -> Tensor:
        """`[rows, in, positions + context]` to `[rows, out, positions]`, channels last."""
        ...


@dataclass(frozen=True, slots=True)
class Kernels:
    """Makes the operations for one precision and device.

    Attributes:
        activations: what the convolutions read and write.
        packed: whether oneDNN's packed weights are used.
        quantised: whether linear maps run on int8 weights and dynamically quantised inputs.
    """

    device: torch.device
    activations: torch.dtype
    packed: bool
    quantised: bool

    @classmethod
    def of(cls, precision: str, device: torch.device) -> Kernels:
        """Kernels for `float32` or `bfloat16`. The latter includes int8 linear maps on x86."""
        if precision not in ("float32", "bfloat16"):
            raise ValueError(f"unknown codec precision {precision!r}")
        cpu = device.type == "cpu"
        return cls(
            device=device,
            activations=torch.float32 if precision == "float32" else torch.bfloat16,
            packed=cpu and torch._C._has_mkldnn,
            quantised=cpu
            and precision == "bfloat16"
            and "fbgemm" in torch.backends.quantized.supported_engines,
        )

    def linear(self, weight: Tensor) -> Linear:
        """A map of float32 activations for `weight[out, in]`."""
        weight = weight.detach().to(self.device, torch.float32).contiguous()
        if self.quantised:
            return Int8Linear(weight)
        return PackedLinear(weight) if self.packed else PlainLinear(weight)

    def conv(self, weight: Tensor, bias: Tensor | None, *, dilation: int = 1, traced: bool) -> Conv:
        """A convolution for `weight[out, in, kernel]` and `bias[out]`.

        Args:
            traced: whether it becomes part of a traced graph, which packs and fuses by itself.
        """
        weight = weight.detach().to(self.device, self.activations).contiguous()
        if bias is not None:
            bias = bias.detach().to(self.device, self.activations).contiguous()
        kind = PackedConv if self.packed and not traced else PlainConv
        return kind(weight, bias, dilation)


class PlainLinear:
    def __init__(self, weight: Tensor) -> None:
        self._weight = weight

    def __call__(self, x: Tensor) -> Tensor:
        return functional.linear(x, self._weight)


class PackedLinear:
    def __init__(self, weight: Tensor) -> None:
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight)

    def __call__(self, x: Tensor) -> Tensor:
        y: Tensor = torch.ops.mkldnn._linear_pointwise(x, self._weight, None, "none", [], "")
        return y


class Int8Linear:
    """int8 weights with one scale per output; the inputs of each call share one scale."""

    def __init__(self, weight: Tensor) -> None:
        scales = weight.abs().amax(dim=1).clamp(min=1e-8) / 127
        zero_points = torch.zeros_like(scales, dtype=torch.int64)
        with warnings.catch_warnings():
            # Torch announces the end of quantised tensors but has no other way to FBGEMM yet.
            warnings.filterwarnings("ignore", message=".*quantized tensor creation.*")
            quantised = torch.quantize_per_channel(weight, scales, zero_points, 0, torch.qint8)
            self._packed = torch.ops.quantized.linear_prepack(quantised, None)

    def __call__(self, x: Tensor) -> Tensor:
        y: Tensor = torch.ops.quantized.linear_dynamic(x, self._packed)
        return y


class PlainConv:
    def __init__(self, weight: Tensor, bias: Tensor | None, dilation: int) -> None:
        self._weight, self._bias, self._dilation = weight, bias, dilation

    def __call__(self, x: Tensor) -> Tensor:
        return functional.conv1d(x, self._weight, self._bias, dilation=self._dilation)


class PackedConv:
    """In two dimensions, with a height of 1: only there oneDNN's operator takes channels last."""

    def __init__(self, weight: Tensor, bias: Tensor | None, dilation: int) -> None:
        self._bias, self._dilation = bias, [1, dilation]
        self._weight = torch._C._nn.mkldnn_reorder_conv2d_weight(
            weight.unsqueeze(2).to_mkldnn(), [0, 0], [1, 1], self._dilation, 1
        )

    def __call__(self, x: Tensor) -> Tensor:
        y: Tensor = torch.ops.mkldnn._convolution_pointwise(
            x.unsqueeze(2),
            self._weight,
            self._bias,
            [0, 0],
            [1, 1],
            self._dilation,
            1,
            "none",
            [],
            "",
        )
        return y.squeeze(2)
