"""The convolutional half of Mimi's decoder (SEANet), streaming, over rows of different ages.

Reformulated so that only stride-1 causal convolutions are left: a transposed convolution whose
kernel is twice its stride makes each group of `stride` outputs from the current and the previous
input alone, so it equals a kernel-2 convolution with `stride` times the channels, followed by a
reshape (sub-pixel convolution, Shi et al. 2016, arXiv:1609.05158). The streaming state of the
whole stack is then the last few inputs of each convolution: one flat vector per row.
"""

from __future__ import annotations

import torch
from pocket_tts.modules.conv import StreamingConv1d, StreamingConvTranspose1d
from pocket_tts.modules.resample import ConvTrUpsample1d
from pocket_tts.modules.seanet import SEANetDecoder, SEANetResnetBlock
from torch import Tensor, nn

from app.engine.codec_kernels import Kernels


class TailLayout:
    """Hands out places in the flat vector that holds one row's convolution tails."""

    def __init__(self) -> None:
        self.size = 0

    def claim(self, positions: int, channels: int) -> TailSlice:
        claimed = TailSlice(self.size, positions, channels)
        self.size += positions * channels
        return claimed


class TailSlice:
    """One convolution's place in the flat tails of all rows, `[rows, TailLayout.size]`."""

    def __init__(self, start: int, positions: int, channels: int) -> None:
        self.positions = positions
        self._range = slice(start, start + positions * channels)
        self._channels = channels

    def of(self, tails: Tensor) -> Tensor:
        """A view `[rows, positions, channels]`."""
        return tails[:, self._range].view(-1, self.positions, self._channels)


class Batch:
    """What the layers need to know of the rows of one call.

    Attributes:
        tails: `[rows, TailLayout.size]`, updated in place by the layers.
        fresh_rows: indices of the rows without a past.
    """

    def __init__(self, tails: Tensor, fresh_rows: list[int]) -> None:
        self.tails = tails
        self.fresh_rows = fresh_rows


class StreamedConv:
    """A causal convolution, preceded by an optional ELU, that remembers its last inputs."""

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor,
        kernels: Kernels,
        layout: TailLayout,
        *,
        elu_first: bool,
        dilation: int = 1,
        replicate: bool = False,
    ) -> None:
        _, in_channels, kernel_positions = weight.shape
        self._conv = kernels.conv(weight, bias, dilation=dilation)
        self._dtype = kernels.activations
        self._tail = layout.claim((kernel_positions - 1) * dilation, in_channels)
        self._elu_first = elu_first
        self._replicate = replicate

    def __call__(self, x: Tensor, batch: Batch) -> Tensor:
        """`[rows, positions, in]` to `[rows, positions, out]`."""
        tail = self._tail.positions
        padded = x.new_empty((x.shape[0], tail + x.shape[1], x.shape[2]), dtype=self._dtype)
        if self._elu_first:
            torch.ops.aten.elu.out(x, out=padded[:, tail:])
        else:
            padded[:, tail:] = x
        if tail:
            state = self._tail.of(batch.tails)
            padded[:, :tail] = state
            if self._replicate and batch.fresh_rows:
                rows = batch.fresh_rows
                padded[rows, :tail] = padded[rows, tail : tail + 1]
            state.copy_(padded[:, -tail:])
        return self._conv(padded)


def streamed_conv(
    module: StreamingConv1d, kernels: Kernels, layout: TailLayout, *, elu_first: bool
) -> StreamedConv:
    """Upstream's streaming convolution; only the stride of 1 that decoders have is supported."""
    conv = module.conv
    if conv.stride != (1,) or conv.groups != 1:
        raise ValueError("the codec's decoder convolutions must have stride 1 and one group")
    return StreamedConv(
        conv.weight,
        _bias(conv),
        kernels,
        layout,
        elu_first=elu_first,
        dilation=conv.dilation[0],
        replicate=module.pad_mode == "replicate",
    )


class UpsamplingConv:
    """ELU, then a transposed convolution of kernel 2 * stride."""

    def __init__(
        self, module: StreamingConvTranspose1d, kernels: Kernels, layout: TailLayout
    ) -> None:
        convtr = module.convtr
        stride = convtr.stride[0]
        if convtr.kernel_size[0] != 2 * stride or convtr.groups != 1:
            raise ValueError("the codec's transposed convolutions must have kernel 2 * stride")
        # [in, out, 2 * stride] -> [stride * out, in, 2], the older input's tap first.
        taps = (
            convtr.weight.detach()
            .view(-1, convtr.out_channels, 2, stride)
            .flip(2)
            .permute(3, 1, 0, 2)
        )
        bias = _bias(convtr).repeat(stride)
        self._conv = StreamedConv(taps.flatten(0, 1), bias, kernels, layout, elu_first=True)
        self._out_channels = convtr.out_channels

    def __call__(self, x: Tensor, batch: Batch) -> Tensor:
        """`[rows, positions, in]` to `[rows, positions * stride, out]`."""
        rows = x.shape[0]
        return self._conv(x, batch).reshape(rows, -1, self._out_channels)


class ResidualBlock:
    """`x + conv(elu(conv(elu(x))))`."""

    def __init__(self, module: SEANetResnetBlock, kernels: Kernels, layout: TailLayout) -> None:
        self._convs = [
            streamed_conv(layer, kernels, layout, elu_first=True)
            for layer in module.block
            if isinstance(layer, StreamingConv1d)
        ]

    def __call__(self, x: Tensor, batch: Batch) -> Tensor:
        """`[rows, positions, channels]` to the same shape."""
        update = x
        for conv in self._convs:
            update = conv(update, batch)
        return update.add_(x)


class WaveformDecoder:
    """Embeddings to PCM: upstream's `SEANetDecoder`."""

    def __init__(self, decoder: SEANetDecoder, kernels: Kernels, layout: TailLayout) -> None:
        self._layers: list[StreamedConv | UpsamplingConv | ResidualBlock] = []
        elu_first = False
        for module in decoder.model:
            if isinstance(module, nn.ELU):
                elu_first = True
                continue
            self._layers.append(_layer(module, kernels, layout, elu_first=elu_first))
            elu_first = False

    def __call__(self, x: Tensor, batch: Batch) -> Tensor:
        """`[rows, positions, dimension]` to `[rows, positions * hop]` samples."""
        for layer in self._layers:
            x = layer(x, batch)
        return x.squeeze(2).float()


class Upsampler:
    """Frames to positions: a depthwise transposed convolution of kernel 2 * stride.

    Per channel that is `current * weight[:stride] + previous * weight[stride:]`: two products,
    which no convolution kernel does as fast.
    """

    def __init__(self, module: ConvTrUpsample1d, layout: TailLayout) -> None:
        convtr = module.convtr.convtr
        stride = convtr.stride[0]
        if convtr.kernel_size[0] != 2 * stride or convtr.groups != convtr.in_channels:
            raise ValueError("the codec's upsampling must be depthwise with kernel 2 * stride")
        self.stride = stride
        weight = convtr.weight.detach().squeeze(1).t()
        self._current, self._previous = (w.contiguous() for w in weight.split(stride))
        self._tail = layout.claim(1, convtr.in_channels)

    def __call__(self, frames: Tensor, batch: Batch) -> Tensor:
        """`[rows, frames, channels]` to `[rows, frames * stride, channels]`."""
        state = self._tail.of(batch.tails)
        previous = torch.cat([state, frames[:, :-1]], dim=1)
        state.copy_(frames[:, -1:])
        out = torch.mul(frames.unsqueeze(2), self._current)
        return out.addcmul_(previous.unsqueeze(2), self._previous).flatten(1, 2)


def _layer(
    module: nn.Module, kernels: Kernels, layout: TailLayout, *, elu_first: bool
) -> StreamedConv | UpsamplingConv | ResidualBlock:
    if isinstance(module, StreamingConvTranspose1d):
        return UpsamplingConv(module, kernels, layout)
    if isinstance(module, SEANetResnetBlock):
        return ResidualBlock(module, kernels, layout)
    if isinstance(module, StreamingConv1d):
        return streamed_conv(module, kernels, layout, elu_first=elu_first)
    raise TypeError(f"unknown layer in the codec's decoder: {type(module).__name__}")


def _bias(conv: nn.Conv1d | nn.ConvTranspose1d) -> Tensor:
    bias: Tensor | None = conv.bias
    return torch.zeros(conv.out_channels) if bias is None else bias.detach()
