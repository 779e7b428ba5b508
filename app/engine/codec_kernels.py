"""The codec's two heavy operations, linear maps and causal convolutions, at a chosen precision.

Activations are channels-last, `[rows, positions, channels]`, everywhere: there a streaming
convolution's tail is one contiguous block and a k=1 convolution is a plain matrix product.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


class Linear:
    """`x @ weight.T` over the last dimension, for weight `[out, in]`."""

    def __init__(self, weight: Tensor) -> None:
        self._weight = weight.detach().contiguous()

    def __call__(self, x: Tensor) -> Tensor:
        """`[..., in]` to `[..., out]`."""
        return functional.linear(x, self._weight)


class CausalConv:
    """A stride-1 convolution over inputs that bring their own left context.

    Args:
        weight: `[out, in, kernel]`.
        bias: `[out]`.
    """

    def __init__(self, weight: Tensor, bias: Tensor, *, dilation: int = 1) -> None:
        self.in_channels = weight.shape[1]
        self.out_channels = weight.shape[0]
        self.tail_positions = (weight.shape[2] - 1) * dilation
        self._dilation = dilation
        self._weight = weight.detach().contiguous()
        self._bias = bias.detach().contiguous()

    def __call__(self, padded: Tensor) -> Tensor:
        """`[rows, tail + positions, in]` to `[rows, positions, out]`."""
        out = functional.conv1d(
            padded.transpose(1, 2), self._weight, self._bias, dilation=self._dilation
        )
        return out.transpose(1, 2).contiguous()
