"""Makes latents into PCM in passes of fixed shapes: one frame for each of some rows."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from pocket_tts.models.mimi import MimiModel
from torch import Tensor

from app.engine.codec import embedding
from app.engine.codec_kernels import Kernels
from app.engine.codec_layers import Upsampler, WaveformStack
from app.engine.layer_checks import LayerChecks
from app.engine.precision import Linears
from app.engine.static.graphs import Device, Pass
from app.engine.static.layers import Places, StaticLayer, projection, rotations
from app.engine.static.slots import Slots


class StaticCodec:
    """Decodes with Mimi's decoder, whose rows keep their state in slots.

    Its methods are called by who holds the device. Keys and values of the transformer lie in a
    ring: a new position takes the place of one that is too old to be seen.

    Args:
        mimi: the codec with its float32 weights; its encoder is not used.
        emb_mean: `[ldim]`, mean of the flow LM's latents.
        emb_std: `[ldim]`, their standard deviation.
        precision: `float32` or `bfloat16`.
        frames: the most frames that a row may have.
        runs: runs the passes.
        checks: hears of layers that are wrong at that precision.
    """

    def __init__(
        self,
        mimi: MimiModel,
        emb_mean: Tensor,
        emb_std: Tensor,
        slots: Slots,
        *,
        precision: str,
        frames: int,
        device: torch.device,
        runs: Device,
        checks: LayerChecks,
    ) -> None:
        activations = torch.float32 if precision == "float32" else torch.bfloat16
        kernels = Kernels(device, activations, packed=False, fused=False, checks=checks)
        self._slots = slots
        self._device = runs
        self._embed = embedding(mimi, emb_mean, emb_std, device)
        self._upsampler = Upsampler(mimi.upsample, kernels)
        self._stride = self._upsampler.stride
        self._stack = WaveformStack(mimi.decoder, kernels)
        projected = mimi.decoder_transformer
        transformer = projected.transformer
        linears = Linears(precision, device, checks)
        self._input_proj = projection(projected.input_proj, linears, "codec.input_proj")
        self._output_proj = projection(projected.output_projs[0], linears, "codec.output_proj")
        self._layers = [
            StaticLayer(layer, linears, f"codec.transformer.{index}").to(device)
            for index, layer in enumerate(transformer.layers)
        ]
        self._context = int(transformer.context)
        # The oldest position that the first of a frame's sees is still there after its last.
        ring = -(-(self._context - 1 + self._stride) // self._stride) * self._stride
        layer, rows = self._layers[0], slots.max_rows + 1
        shape = (len(self._layers), 2, rows, layer.kv_heads, ring, layer.head_dim)
        self._keys_values = torch.zeros(shape, dtype=activations, device=device)
        self._rotations = rotations(
            frames * self._stride, layer.head_dim, transformer.max_period, device
        )
        self._ring = torch.arange(ring, device=device)
        self._in_frame = torch.arange(self._stride, device=device)
        self._last_frames = torch.zeros(rows, self._upsampler.channels, device=device)
        self._tails = [
            torch.zeros(rows, size, dtype=activations, device=device)
            for size in self._stack.tails_sizes
        ]

    def forget(self, slot: int) -> None:
        """Make a slot that of a row without a past."""
        self._keys_values[:, :, slot].zero_()
        for state in (self._last_frames, *self._tails):
            state[slot].zero_()

    def decode(self, slots: Sequence[int], spoken: Sequence[int], frames: int) -> list[Tensor]:
        """Decode the next frames of rows whose latents are in their slots.

        Args:
            spoken: per row, how many frames have been decoded before.

        Returns:
            For each frame PCM on the CPU, `[rows, frame_samples]`, once it is done.
        """
        filled = self._slots.filled_up(slots)
        numbers = torch.zeros(2, len(filled), dtype=torch.long)
        numbers[0] = torch.tensor(filled)
        numbers[1, : len(slots)] = torch.tensor(spoken)
        waves = []
        for frame in range(frames):
            later = numbers + torch.tensor([[0], [frame]])
            (pcm,) = self._device.run(self._pass(len(filled)), later)
            waves.append(self._device.fetch(pcm[: len(slots)]))
        return waves

    def prepare(self) -> None:
        """Prepare all passes."""
        for rows in self._slots.buckets:
            self._device.prepare(self._pass(rows))

    def _pass(self, rows: int) -> Pass:
        """Describe a pass of one frame of each row: its slot and number, `[2, rows]`."""
        idle = torch.zeros(2, rows, dtype=torch.long)
        idle[0] = self._slots.idle
        return Pass(("decode", rows), self._decode, idle)

    def _decode(self, numbers: Tensor) -> tuple[Tensor, ...]:
        slots, frames = numbers.unbind(0)
        embedded = self._embed(self._slots.latents[slots, frames + 1])
        x = self._upsampler(embedded[:, None], self._last_frames[slots])
        x = self._transform(x, slots, frames)
        fresh = frames == 0
        parts = (self._stack.head, self._stack.body, self._stack.end)
        for part, tails in zip(parts, self._tails, strict=True):
            x, tails[slots] = part(x, tails[slots], fresh)
        self._last_frames[slots] = embedded
        return (x,)

    def _transform(self, x: Tensor, slots: Tensor, frames: Tensor) -> Tensor:
        """Run the transformer over one frame of each row, `[rows, stride, dimension]`."""
        positions = frames[:, None] * self._stride + self._in_frame
        newest = positions[:, -1:]
        # The newest position whose place in the ring it is; negative where there is none yet.
        held = newest - (newest - self._ring) % len(self._ring)
        distance = positions[:, :, None] - held[:, None]
        seen = (held >= 0)[:, None] & (distance >= 0) & (distance < self._context)
        ring = len(self._ring)
        places = Places(slots, positions % ring, ring, seen, self._rotations[positions])
        x = self._input_proj(x)
        for layer, keys_values in zip(self._layers, self._keys_values, strict=True):
            x, _ = layer(x, places, keys_values)
        return self._output_proj(x)  # type: ignore[no-any-return]
