"""Runs the codec's convolutional stack over rows, in the way that is fastest on the device."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence

import torch
from pocket_tts.modules.seanet import SEANetDecoder
from torch import Tensor

from app.engine.codec_kernels import Kernels
from app.engine.codec_layers import WaveformStack
from app.engine.layer_checks import noise

RowTails = tuple[Tensor, Tensor, Tensor]
"""One row has these tails in the head, the body and the end of the stack; each is `[size]`."""

StackFunction = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]

TILE_ROWS, TILE_FRAMES = (8, 4, 2, 1), (4, 1)
"""A fused graph takes so many rows of one frame each, or so many frames of one row: the more, the
cheaper is each, but each shape takes a tenth of a second to be made, and the cache is small."""

_TILES = (*((rows, 1) for rows in TILE_ROWS), *((1, frames) for frames in TILE_FRAMES[:-1]))


def make_waveform_decoder(
    decoder: SEANetDecoder, frame_positions: int, kernels: Kernels
) -> WaveformDecoder:
    """Make what runs upstream's decoder; in float32 if what is fused of it is wrong otherwise."""
    made = WaveformDecoder(WaveformStack(decoder, kernels), frame_positions, kernels)
    if not kernels.reduced:
        return made
    exact = kernels.in_float32()
    stack = WaveformStack(decoder, exact)
    return made if made.computes(stack) else WaveformDecoder(stack, frame_positions, exact)


class WaveformDecoder:
    """Runs the convolutional stack over rows with tails of their own.

    Where oneDNN can fuse, the stack's body is traced, so that each ELU and each residual sum is
    fused into the convolution before it. Such a graph takes inputs of one shape only, so there
    are some, and the rows and frames of a call are cut into tiles of these shapes; they also
    keep the tensors in the core's cache, and hold no Python lock. Elsewhere all rows and frames
    run together.

    Args:
        frame_positions: how many positions a frame has at the stack's input.
    """

    def __init__(self, stack: WaveformStack, frame_positions: int, kernels: Kernels) -> None:
        self._stack = stack
        self._dtype = kernels.activations
        self._device = kernels.device
        self._checks = kernels.checks
        self._frame_positions = frame_positions
        self._graphs: dict[tuple[int, int], StackFunction] = {}
        if kernels.fused:
            for rows, frames in _TILES:
                example = self._body_inputs(rows, frames * frame_positions)
                self._graphs[rows, frames] = _fused(stack.body, example)

    def computes(self, exact: WaveformStack) -> bool:
        """Tell whether the body computes, for a tile of each shape, about what an exact one does.

        What the layers are fused to are other kernels than theirs.
        """
        tiles = ((TILE_ROWS, 1), *(((1,), frames) for frames in TILE_FRAMES[:-1]))
        return all(self._is_right(rows, frames, exact) for rows, frames in tiles)

    def _is_right(self, rows: Sequence[int], frames: int, exact: WaveformStack) -> bool:
        """Do the work of `computes` for tiles of so many frames and each of the numbers of rows."""
        x, tails, fresh = self._body_inputs(max(rows), frames * self._frame_positions)
        with torch.inference_mode():
            # Those of a row without a past are zeros, with which much could go wrong unnoticed.
            _, tails = self._body(max(rows), frames)(x, tails, fresh)

        def result(body: StackFunction, x: Tensor) -> Tensor:
            y, after = body(x, tails[: len(x)].to(x.dtype), torch.zeros_like(fresh[: len(x)]))
            return torch.cat([y.flatten(1), after], 1)

        return self._checks.passes(
            f"codec.convolutions ({frames} frames)",
            "bfloat16",
            lambda x: result(exact.body, x),
            lambda x: result(self._body(len(x), frames), x.to(self._dtype)),
            x.float(),
            at_once=rows,
        )

    def _body(self, rows: int, frames: int) -> StackFunction:
        """Return what computes the stack's body for a tile."""
        return self._graphs.get((rows, frames), self._stack.body)

    def new_tails(self) -> RowTails:
        """Make the tails of a row without a past."""
        head, body, end = (
            torch.zeros(size, dtype=self._dtype, device=self._device)
            for size in self._stack.tails_sizes
        )
        return head, body, end

    def __call__(
        self, x: Tensor, tails: Sequence[RowTails], fresh: Sequence[bool], frames: int
    ) -> tuple[Tensor, list[RowTails]]:
        """Map `[rows, positions, dimension]` to PCM `[rows, samples]` and each row's next tails.

        Args:
            tails: one per row.
            fresh: per row, whether it has no past.
            frames: how many frames the positions are.
        """
        flags = torch.tensor(fresh, device=self._device)
        heads, bodies, ends = (list(part) for part in zip(*tails, strict=True))
        x, together = self._stack.head(x, torch.stack(heads), flags)
        heads = list(together.unbind(0))
        x = x.view(x.shape[0], frames, -1, x.shape[2])
        pcm = self._by_tiles(x, bodies, ends, flags)
        return pcm, list(zip(heads, bodies, ends, strict=True))

    def _by_tiles(
        self, x: Tensor, bodies: list[Tensor], ends: list[Tensor], fresh: Tensor
    ) -> Tensor:
        """Map the head's output to PCM `[rows, samples]` tile by tile; updates the tails.

        Args:
            x: `[rows, frames, positions, channels]`.
        """
        rows, frames, _, channels = x.shape
        pcm: list[list[Tensor]] = [[] for _ in range(rows)]
        for row, tile_rows, frame, tile_frames in self._cut(rows, frames):
            across = slice(row, row + tile_rows)
            tile = x[across, frame : frame + tile_frames]
            # A graph is made for inputs with these strides; a detour by one dimension sets them.
            tile = tile.reshape(-1).view(tile_rows, -1, channels)
            flags = fresh[across] if frame == 0 else torch.zeros_like(fresh[across])
            body = self._body(tile_rows, tile_frames)
            tile, together = body(tile, torch.stack(bodies[across]), flags)
            bodies[across] = together.unbind(0)
            samples, together = self._stack.end(tile, torch.stack(ends[across]), flags)
            ends[across] = together.unbind(0)
            for done, part in zip(pcm[across], samples.unbind(0), strict=True):
                done.append(part)
        return torch.stack([torch.cat(parts) for parts in pcm])

    def _cut(self, rows: int, frames: int) -> Iterator[tuple[int, int, int, int]]:
        """Yield tiles as `(row, rows, frame, frames)`, each row's frames in order."""
        if not self._graphs:
            yield 0, rows, 0, frames
            return
        for frame, tile_frames in _spans(frames, TILE_FRAMES):
            for row, tile_rows in _spans(rows, TILE_ROWS if tile_frames == 1 else (1,)):
                yield row, tile_rows, frame, tile_frames

    def _body_inputs(self, rows: int, positions: int) -> tuple[Tensor, Tensor, Tensor]:
        """Make example inputs of the body, of the shapes that a tile has."""
        heads, bodies, _ = zip(*(self.new_tails() for _ in range(rows)), strict=True)
        fresh = torch.ones(rows, dtype=torch.bool, device=self._device)
        x = noise(rows, positions, self._stack.dimension, device=self._device)
        x, _ = self._stack.head(x, torch.stack(heads), fresh)
        return x, torch.stack(bodies), fresh


def _spans(total: int, widths: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield `(start, length)` of spans of these widths, which descend to 1: the wide ones first."""
    start = 0
    for width in widths:
        while total - start >= width:
            yield start, width
            start += width


def _fused(function: StackFunction, example: tuple[Tensor, Tensor, Tensor]) -> StackFunction:
    """Trace a function for inputs of these shapes, and have oneDNN fuse what it can."""
    with warnings.catch_warnings(), torch.inference_mode():
        # Deprecated in favour of torch.compile, which needs a C++ compiler at run time.
        warnings.filterwarnings("ignore", "`torch.jit")
        torch.jit.enable_onednn_fusion(True)
        trace: Callable[..., StackFunction] = torch.jit.trace
        graph = trace(function, example, check_trace=False)
        # The first runs profile the graph and fuse it.
        for _ in range(3):
            graph(*example)
    return graph
