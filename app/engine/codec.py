"""Makes latents of many rows at once into PCM: a batched, streaming Mimi decoder.

Each running row owns a slot with its streaming state; a call computes only the rows it is given,
whatever their ages. Two threads may decode disjoint slots at the same time: the weights are
read-only, a slot's tensors belong to whoever decodes it, and everything else is local to a call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from pocket_tts.models.mimi import MimiModel
from torch import Tensor

from app.engine.codec_kernels import Kernels, PlainLinear
from app.engine.codec_layers import Upsampler
from app.engine.codec_transformer import AttentionWindow, CodecTransformer
from app.engine.codec_waveform import RowTails, make_waveform_decoder
from app.engine.layer_checks import LayerChecks

MAX_FRAMES_PER_CALL = 16


@dataclass(slots=True)
class _Slot:
    """Holds the streaming state of one row.

    Attributes:
        last_frame: `[channels]`, the previous input of the upsampling.
        window: the transformer's keys and values.
        tails: the last inputs of the convolutions.
    """

    last_frame: Tensor
    window: AttentionWindow
    tails: RowTails


class BatchedCodec:
    """Decodes with Mimi's decoder, whose rows keep their state in slots.

    Args:
        mimi: the codec with its float32 weights; its encoder is not used.
        emb_mean: `[ldim]`, mean of the flow LM's latents.
        emb_std: `[ldim]`, their standard deviation.
        precision: `float32` or `bfloat16`.
        max_rows: how many slots may be taken at the same time.
        checks: hears of layers that are wrong at that precision.
    """

    def __init__(
        self,
        mimi: MimiModel,
        emb_mean: Tensor,
        emb_std: Tensor,
        *,
        precision: str,
        max_rows: int,
        device: torch.device,
        checks: LayerChecks,
    ) -> None:
        self.frame_samples: int = mimi.frame_size
        self._device = device
        kernels = Kernels.of(precision, self._device, checks)
        self._embed = embedding(mimi, emb_mean, emb_std, device)
        self._upsampler = Upsampler(mimi.upsample, kernels)
        self._transformer = CodecTransformer(mimi.decoder_transformer, kernels)
        self._waveform = make_waveform_decoder(mimi.decoder, self._upsampler.stride, kernels)
        self._max_rows = max_rows
        self._slots: list[_Slot] = []
        self._free: list[int] = []

    def acquire(self) -> int:
        """Take a slot and give it a fresh state.

        Raises:
            RuntimeError: `max_rows` slots are taken.
        """
        if self._free:
            slot = self._free.pop()
            window = self._slots[slot].window
            window.reset()
            self._slots[slot] = self._fresh(window)
            return slot
        if len(self._slots) == self._max_rows:
            raise RuntimeError(f"all {self._max_rows} codec slots are taken")
        window = self._transformer.new_window(MAX_FRAMES_PER_CALL * self._upsampler.stride)
        self._slots.append(self._fresh(window))
        return len(self._slots) - 1

    def release(self, slot: int) -> None:
        """Give a slot back; its memory is kept for the next row."""
        self._free.append(slot)

    def _fresh(self, window: AttentionWindow) -> _Slot:
        """Make the state of a row without a past, around a window that is empty."""
        last_frame = torch.zeros(self._upsampler.channels, device=self._device)
        return _Slot(last_frame, window, self._waveform.new_tails())

    @torch.inference_mode()
    def decode(self, slots: Sequence[int], latents: Tensor) -> Tensor:
        """Decode the next frames of the given rows.

        Args:
            slots: one distinct slot per row.
            latents: `[rows, frames, ldim]` as the flow LM gives them; 1 to 16 frames.

        Returns:
            `[rows, frames * frame_samples]`, float32 PCM.

        Raises:
            ValueError: the slots are not distinct, or there are too few or too many frames.
        """
        states = [self._slots[slot] for slot in slots]
        frames = latents.shape[1]
        if len(set(slots)) != latents.shape[0] or not 1 <= frames <= MAX_FRAMES_PER_CALL:
            raise ValueError(f"cannot decode {tuple(latents.shape)} latents for slots {slots}")
        embedded = self._embed(latents)
        x = self._upsampler(embedded, torch.stack([state.last_frame for state in states]))
        x, keys_values = self._transformer(x, [state.window for state in states])
        fresh = [state.window.position == 0 for state in states]
        pcm, tails = self._waveform(x, [state.tails for state in states], fresh, frames)
        for row, state in enumerate(states):
            state.last_frame = embedded[row, -1]
            state.window.append(keys_values[row])
            state.tails = tails[row]
        return pcm


def embedding(
    mimi: MimiModel, emb_mean: Tensor, emb_std: Tensor, device: torch.device
) -> PlainLinear:
    """Make the map from latents as the flow LM gives them to the codec's embeddings.

    It folds the latents' mean and deviation into the projection: W (x * std + mean).

    Raises:
        ValueError: the codec is not mono.
    """
    if mimi.channels != 1:
        raise ValueError("the codec must be mono")
    projection = mimi.quantizer.output_proj.weight.detach().squeeze(2)
    return PlainLinear(
        (projection * emb_std.detach()).to(device), (projection @ emb_mean.detach()).to(device)
    )
