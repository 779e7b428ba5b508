"""Runs the codec's convolutional stack over rows, in the way that is fastest on the device."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from app.engine.codec_kernels import Kernels
from app.engine.codec_layers import WaveformStack

# A row's tails in the head and in the body of the stack.
Tails = tuple[Tensor, Tensor]
StackFunction = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]

# How many rows or frames the fused graphs take at once: enough to be worth the call, few enough
# for the core's cache.
TILE = 4


class WaveformDecoder:
    """The convolutional stack over rows with tails of their own.

    Where oneDNN can fuse, the stack's body is traced, so that each ELU and each residual sum is
    fused into the convolution before it. Such a graph takes inputs of one shape only, so
    there are three, and the rows and frames of a call are cut into tiles of these shapes; they
    also keep the tensors in the core's cache, and hold no Python lock. Elsewhere all rows and
    frames run together.
    """

    def __init__(self, stack: WaveformStack, frame_positions: int, kernels: Kernels) -> None:
        """frame_positions: what a frame has at the stack's input."""
        self._stack = stack
        self._dtype = kernels.activations
        self._device = kernels.device
        self._tiles: dict[tuple[int, int], StackFunction] = {}
        if kernels.fused:
            for rows, frames in ((1, 1), (TILE, 1), (1, TILE)):
                example = self._body_inputs(rows, frames * frame_positions)
                self._tiles[rows, frames] = _fused(stack.body, example)

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
        bodies = [body for _, body in tails]
        if self._tiles:
            pcm, bodies = self._by_tiles(x, bodies, flags, frames)
        else:
            pcm, together = self._stack.body(x, torch.stack(bodies), flags)
            bodies = list(together.unbind(0))
        return pcm, list(zip(heads.unbind(0), bodies, strict=True))

    def _by_tiles(
        self, x: Tensor, bodies: list[Tensor], fresh: Tensor, frames: int
    ) -> tuple[Tensor, list[Tensor]]:
        rows, channels = x.shape[0], x.shape[2]
        x = x.view(rows, frames, -1, channels)
        pcm: list[list[Tensor]] = [[] for _ in range(rows)]
        for frame, tile_frames in _spans(frames, TILE):
            for row, tile_rows in _spans(rows, TILE if tile_frames == 1 else 1):
                across = slice(row, row + tile_rows)
                tile = x[across, frame : frame + tile_frames]
                # By way of one dimension: a graph knows its inputs by their strides as well.
                samples, tails = self._tiles[tile_rows, tile_frames](
                    tile.reshape(-1).view(tile_rows, -1, channels),
                    torch.stack(bodies[across]),
                    fresh[across],
                )
                bodies[across] = tails.unbind(0)
                for done, part in zip(pcm[across], samples.unbind(0), strict=True):
                    done.append(part)
            fresh = torch.zeros_like(fresh)
        return torch.stack([torch.cat(parts) for parts in pcm]), bodies

    def _body_inputs(self, rows: int, positions: int) -> tuple[Tensor, Tensor, Tensor]:
        """Inputs of the shapes that a tile has."""
        heads, bodies = zip(*(self.new_tails() for _ in range(rows)), strict=True)
        fresh = torch.ones(rows, dtype=torch.bool)
        x = torch.randn(rows, positions, self._stack.dimension)
        x, _ = self._stack.head(x, torch.stack(heads), fresh)
        return x, torch.stack(bodies), fresh


def _spans(total: int, width: int) -> Iterator[tuple[int, int]]:
    """`(start, length)` of spans of `width` and, for what they leave over, of 1."""
    wide = total - total % width
    yield from ((start, width) for start in range(0, wide, width))
    yield from ((start, 1) for start in range(wide, total))


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
