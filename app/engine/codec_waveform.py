"""Runs the codec's convolutional stack over rows, in the way that is fastest on the device."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from app.engine.codec_kernels import Kernels
from app.engine.codec_layers import WaveformStack

# A row's tails in the head and in the body of the stack.
Tails = tuple[Tensor, Tensor]
StackFunction = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


class WaveformDecoder:
    """The convolutional stack over rows with tails of their own.

    Where oneDNN is there, the stack's body is traced once for one frame of one row, which lets
    oneDNN fuse each ELU and each residual sum into the convolution before it, and rows and frames
    are run one after the other: their tensors stay in the core's cache, the convolutions are
    large enough to run at full speed, and no Python lock is held inside. Elsewhere all rows and
    frames run together.
    """

    def __init__(self, stack: WaveformStack, frame_positions: int, kernels: Kernels) -> None:
        """frame_positions: what a frame has at the stack's input."""
        self._stack = stack
        self._dtype = kernels.activations
        self._device = kernels.device
        self._one_frame: StackFunction | None = None
        if kernels.packed:
            self._one_frame = _fused(stack.body, self._example(frame_positions))

    def new_tails(self) -> Tails:
        """The tails of a row without a past."""
        sizes = self._stack.head_tails_size, self._stack.body_tails_size
        head, body = (torch.zeros(s, dtype=self._dtype, device=self._device) for s in sizes)
        return head, body

    def __call__(
        self, x: Tensor, tails: Sequence[Tails], fresh: Sequence[bool], frames: int
    ) -> tuple[Tensor, list[Tails]]:
        """`[rows, positions, dimension]` to PCM `[rows, samples]` and each row's next tails.

        Args:
            tails: one per row.
            fresh: per row, whether it has no past.
            frames: how many frames the positions are.
        """
        flags = torch.tensor(fresh, device=self._device)
        x, heads = self._stack.head(x, torch.stack([head for head, _ in tails]), flags)
        past = [body for _, body in tails]
        if self._one_frame is None:
            pcm, together = self._stack.body(x, torch.stack(past), flags)
            bodies = list(together.unbind(0))
        else:
            pcm, bodies = self._by_frames(self._one_frame, x, past, flags, frames)
        return pcm, list(zip(heads.unbind(0), bodies, strict=True))

    def _by_frames(
        self,
        one_frame: StackFunction,
        x: Tensor,
        bodies: Sequence[Tensor],
        flags: Tensor,
        frames: int,
    ) -> tuple[Tensor, list[Tensor]]:
        rows, pcm, ends = x.shape[0], [], []
        pieces = x.view(rows, frames, 1, -1, x.shape[2])
        for row in range(rows):
            tails = bodies[row].unsqueeze(0)
            flag = flags[row : row + 1]
            for frame in range(frames):
                samples, tails = one_frame(pieces[row, frame], tails, flag)
                pcm.append(samples)
                flag = torch.zeros_like(flag)
            ends.append(tails[0])
        return torch.cat(pcm).view(rows, -1), ends

    def _example(self, frame_positions: int) -> tuple[Tensor, Tensor, Tensor]:
        head, body = (tails.unsqueeze(0) for tails in self.new_tails())
        flag = torch.tensor([True])
        x = torch.randn(1, frame_positions, self._stack.dimension)
        x, _ = self._stack.head(x, head, flag)
        return x, body, flag


def _fused(function: StackFunction, example: tuple[Tensor, Tensor, Tensor]) -> StackFunction:
    """The function as a graph in which oneDNN has fused what it can, for inputs of these shapes."""
    with warnings.catch_warnings(), torch.inference_mode():
        # Deprecated in favour of torch.compile, which needs a C++ compiler at run time.
        warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*torch.jit.*")
        torch.jit.enable_onednn_fusion(True)
        trace: Callable[..., StackFunction] = torch.jit.trace
        graph = trace(function, example, check_trace=False)
        # The first runs profile the graph and fuse it.
        for _ in range(3):
            graph(*example)
    return graph
