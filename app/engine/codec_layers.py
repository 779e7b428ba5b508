"""Computes the convolutional half of Mimi's decoder (SEANet) as a function of its state.

Reformulated so that only stride-1 causal convolutions are left: a transposed convolution whose
kernel is twice its stride makes each group of `stride` outputs from the current and the previous
input alone, so it equals a kernel-2 convolution with `stride` times the channels, followed by a
reshape (sub-pixel convolution, Shi et al. 2016, arXiv:1609.05158). The streaming state of the
whole stack is then the last few inputs of each convolution: one flat vector per row.

Activations are `[rows, channels, positions]` with the channels last in memory: oneDNN's fast
layout, and one in which a tail is a contiguous block.
"""

from __future__ import annotations

import torch
from pocket_tts.modules.conv import StreamingConv1d, StreamingConvTranspose1d
from pocket_tts.modules.resample import ConvTrUpsample1d
from pocket_tts.modules.seanet import SEANetDecoder, SEANetResnetBlock
from torch import Tensor, nn
from torch.nn import functional

from app.engine.codec_kernels import Conv, Kernels


class Tails:
    """Hands the convolutions their last inputs one after the other, and collects the new ones.

    Args:
        flat: `[rows, size]`, the last inputs of all convolutions of one part of the stack.
        fresh: `[rows]`, True for rows without a past.
    """

    def __init__(self, flat: Tensor, fresh: Tensor) -> None:
        self._flat = flat
        self._fresh = fresh.view(-1, 1, 1)
        self._position = 0
        self._next: list[Tensor] = []

    def put_before(self, x: Tensor, shape: tuple[int, int], *, replicate: bool) -> Tensor:
        """Put the next convolution's last inputs before `x`, `[rows, channels, positions]`.

        Args:
            shape: how many positions and channels it has to remember.
            replicate: whether rows without a past repeat the first input; else they get zeros.
        """
        positions, channels = shape
        end = self._position + positions * channels
        tail = self._flat[:, self._position : end].view(-1, positions, channels)
        self._position = end
        x = x.transpose(1, 2)
        if replicate:
            tail = torch.where(self._fresh, x[:, :1], tail)
        # A traced graph would hand torch.cat to oneDNN, whose concatenation is slow.
        padded = torch.hstack([tail, x])
        self._next.append(padded[:, -positions:].flatten(1))
        return padded.transpose(1, 2)

    def next(self) -> Tensor:
        """Return the last inputs after this call: `[rows, size]`."""
        return torch.cat(self._next, dim=1)


class CausalConv:
    """Computes a stride-1 convolution that remembers its last inputs.

    Args:
        conv: the convolution itself.
        tail_shape: `(positions, channels)` of the inputs it has to remember.
        replicate: whether the first input stands for what was before it; else zeros do.
    """

    def __init__(self, conv: Conv, tail_shape: tuple[int, int], *, replicate: bool = False) -> None:
        self._conv = conv
        self._tail_shape = tail_shape
        self._replicate = replicate
        self.tails_size = tail_shape[0] * tail_shape[1]

    def __call__(self, x: Tensor, tails: Tails) -> Tensor:
        """Map `[rows, in, positions]` to `[rows, out, positions]`."""
        if self.tails_size:
            x = tails.put_before(x, self._tail_shape, replicate=self._replicate)
        return self._conv(x)


class Upsampling:
    """Computes a transposed convolution without its bias, by one of kernel 2 and a reshape.

    Args:
        traced: whether it is to be traced and fused.
    """

    def __init__(
        self, module: StreamingConvTranspose1d, kernels: Kernels, name: str, *, traced: bool
    ) -> None:
        convtr = module.convtr
        stride = convtr.stride[0]
        if convtr.kernel_size[0] != 2 * stride or convtr.groups != 1:
            raise ValueError("the codec's transposed convolutions must have kernel 2 * stride")
        self.channels: int = convtr.out_channels
        # [in, out, 2 * stride] -> [stride * out, in, 2], the older input's tap first.
        taps = convtr.weight.detach().view(-1, self.channels, 2, stride)
        taps = taps.flip(2).permute(3, 1, 0, 2).flatten(0, 1)
        conv = kernels.unfolded_conv(name, taps, None, traced=traced)
        self._conv = CausalConv(conv, (1, convtr.in_channels))
        self.tails_size = self._conv.tails_size

    def __call__(self, x: Tensor, tails: Tails) -> Tensor:
        """Map `[rows, in, positions]` to `[rows, out, positions * stride]`."""
        y = self._conv(x, tails).transpose(1, 2)
        return y.reshape(y.shape[0], -1, self.channels).transpose(1, 2)


class Refinement:
    """Adds the bias of an upsampling, then computes its residual blocks and the ELU after them.

    An ELU alone is a slow pass over the data; after a sum or a convolution whose result nobody
    else reads, it is fused. So the bias is not added to what the first block's residual sum
    reads, but to that block's own output.
    """

    def __init__(
        self, bias: Tensor, blocks: list[SEANetResnetBlock], kernels: Kernels, name: str
    ) -> None:
        self._bias = kernels.cast(bias).view(1, 1, -1).transpose(1, 2)
        self._blocks: list[list[CausalConv]] = []
        for block in blocks:
            convs = [m for m in block.block if isinstance(m, StreamingConv1d)]
            extra_biases = [*(None for _ in convs[1:]), None if self._blocks else bias]
            self._blocks.append(
                [
                    _causal_conv(conv, kernels, f"{name}.{len(self._blocks)}.{place}", extra_bias)
                    for place, (conv, extra_bias) in enumerate(
                        zip(convs, extra_biases, strict=True)
                    )
                ]
            )
        self.tails_size = sum(conv.tails_size for block in self._blocks for conv in block)

    def __call__(self, x: Tensor, tails: Tails) -> Tensor:
        """Map `[rows, channels, positions]` to the same shape."""
        activated = functional.elu(x + self._bias)
        for first, *others in self._blocks:
            update = first(activated, tails)
            for conv in others:
                update = conv(functional.elu(update), tails)
            x = x + update
            activated = functional.elu(x)
        return activated


class LastConv:
    """Convolves to one channel, in float32 whatever the precision of its input.

    A product gives what each input adds to the outputs it takes part in, and shifted sums collect
    that: a single channel is too few for the convolution kernels.
    """

    def __init__(self, module: StreamingConv1d, device: torch.device) -> None:
        conv = module.conv
        if conv.out_channels != 1 or conv.dilation != (1,):
            raise ValueError("the codec's last convolution must have one channel and no dilation")
        self._taps = conv.weight.detach().to(device)[0].t().contiguous()
        self._bias = _bias(conv).to(device)
        self._tail_shape = (conv.kernel_size[0] - 1, conv.in_channels)
        self._replicate = module.pad_mode == "replicate"
        self.tails_size: int = self._tail_shape[0] * self._tail_shape[1]

    def __call__(self, x: Tensor, tails: Tails) -> Tensor:
        """Map `[rows, in, positions]` to `[rows, positions]`."""
        positions = x.shape[2]
        padded = tails.put_before(x, self._tail_shape, replicate=self._replicate)
        parts = torch.matmul(self._taps, padded.float())
        y = parts[:, 0, :positions] + self._bias
        for tap in range(1, self._taps.shape[0]):
            y += parts[:, tap, tap : tap + positions]
        return y


class WaveformStack:
    """Makes embeddings into PCM: upstream's `SEANetDecoder` as three functions of its state.

    The head, up to the first upsampling, has most of the weights and few
    positions: it wants many rows at once. The body has few weights and many positions. The end is
    the last convolution.
    """

    def __init__(self, decoder: SEANetDecoder, kernels: Kernels) -> None:
        first, *middle, last = (m for m in decoder.model if not isinstance(m, nn.ELU))
        self.dimension: int = decoder.dimension
        self._dtype = kernels.activations
        self._first = _causal_conv(first, kernels, "first_conv", unfolded=True)
        self._stages: list[tuple[Upsampling, Refinement]] = []
        while middle:
            upsampling, blocks, index = middle.pop(0), [], len(self._stages)
            while middle and isinstance(middle[0], SEANetResnetBlock):
                blocks.append(middle.pop(0))
            self._stages.append(
                (
                    Upsampling(upsampling, kernels, f"upsamplings.{index}", traced=index > 0),
                    Refinement(_bias(upsampling.convtr), blocks, kernels, f"blocks.{index}"),
                )
            )
        self._last = LastConv(last, kernels.device)
        head_upsampling = self._stages[0][0]
        sizes = sum(u.tails_size + r.tails_size for u, r in self._stages)
        self.tails_sizes = (
            self._first.tails_size + head_upsampling.tails_size,
            sizes - head_upsampling.tails_size,
            self._last.tails_size,
        )

    def head(self, x: Tensor, flat_tails: Tensor, fresh: Tensor) -> tuple[Tensor, Tensor]:
        """Map `[rows, positions, dimension]` to `[rows, positions * stride, head_channels]`.

        `flat_tails` and `fresh` are as in `Tails`; the next `flat_tails` are returned as well.
        """
        tails = Tails(flat_tails, fresh)
        x = x.to(self._dtype).transpose(1, 2)
        x = functional.elu(self._first(x, tails))
        x = self._stages[0][0](x, tails)
        return x.transpose(1, 2), tails.next()

    def body(self, x: Tensor, flat_tails: Tensor, fresh: Tensor) -> tuple[Tensor, Tensor]:
        """Map the head's output to `[rows, samples, channels]`; returns the next tails as well."""
        tails = Tails(flat_tails, fresh)
        x = x.transpose(1, 2)
        (_, refinement), *stages = self._stages
        x = refinement(x, tails)
        for upsampling, refinement in stages:
            x = refinement(upsampling(x, tails), tails)
        return x.transpose(1, 2), tails.next()

    def end(self, x: Tensor, flat_tails: Tensor, fresh: Tensor) -> tuple[Tensor, Tensor]:
        """Map the body's output to float32 `[rows, samples]`; returns the next tails as well."""
        tails = Tails(flat_tails, fresh)
        return self._last(x.transpose(1, 2), tails), tails.next()


class Upsampler:
    """Makes frames into positions: a depthwise transposed convolution of kernel 2 * stride.

    Per channel that is `current * weight[:stride] + previous * weight[stride:]`: two products,
    which no convolution kernel does as fast.
    """

    def __init__(self, module: ConvTrUpsample1d, kernels: Kernels) -> None:
        convtr = module.convtr.convtr
        stride = convtr.stride[0]
        if convtr.kernel_size[0] != 2 * stride or convtr.groups != convtr.in_channels:
            raise ValueError("the codec's upsampling must be depthwise with kernel 2 * stride")
        self.stride: int = stride
        self.channels: int = convtr.in_channels
        weight = convtr.weight.detach().to(kernels.device).squeeze(1).t()
        self._current = weight[:stride].contiguous()
        self._previous = weight[stride:].contiguous()

    def __call__(self, frames: Tensor, last_frame: Tensor) -> Tensor:
        """Map `[rows, frames, channels]` to `[rows, frames * stride, channels]`.

        Args:
            last_frame: `[rows, channels]`, the frame before these; zeros at the start.
        """
        previous = torch.cat([last_frame.unsqueeze(1), frames[:, :-1]], dim=1)
        out = torch.mul(frames.unsqueeze(2), self._current)
        return out.addcmul_(previous.unsqueeze(2), self._previous).flatten(1, 2)


def _causal_conv(
    module: StreamingConv1d,
    kernels: Kernels,
    name: str,
    extra_bias: Tensor | None = None,
    *,
    unfolded: bool = False,
) -> CausalConv:
    """Make upstream's streaming convolution into a function of its last inputs.

    Args:
        extra_bias: `[out]`, added to the convolution's own bias.
        unfolded: whether it is a matrix product of its own, see `Kernels.unfolded_conv`.

    Raises:
        ValueError: its stride, groups or dilation are not supported.
    """
    conv, dilation = module.conv, module.conv.dilation[0]
    if conv.stride != (1,) or conv.groups != 1 or (unfolded and dilation != 1):
        raise ValueError("the codec's decoder convolutions must have stride 1 and one group")
    bias = _bias(conv) if extra_bias is None else _bias(conv) + extra_bias
    if unfolded:
        kernel = kernels.unfolded_conv(name, conv.weight, bias, traced=False)
    else:
        kernel = kernels.plain_conv(name, conv.weight, bias, dilation)
    tail_shape = ((conv.kernel_size[0] - 1) * dilation, conv.in_channels)
    return CausalConv(kernel, tail_shape, replicate=module.pad_mode == "replicate")


def _bias(conv: nn.Conv1d | nn.ConvTranspose1d) -> Tensor:
    """Return the bias of a convolution, `[out]`; zeros if it has none."""
    bias: Tensor | None = conv.bias
    return torch.zeros(conv.out_channels) if bias is None else bias.detach()
