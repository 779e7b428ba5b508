"""The tensors of the running rows, and the two passes over them."""

from __future__ import annotations

import logging
import math
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import torch
from pocket_tts import TTSModel
from torch import Tensor

from app.engine.codec import BatchedCodec
from app.engine.flow_lm import FlowLm, RowInput
from app.engine.precision import Precision
from app.engine.sampling import RowSampling, draw_noise
from app.engine.slots import CachePool
from app.engine.voice_state import KvPrefix
from app.speech import Pcm

logger = logging.getLogger(__name__)

_T = TypeVar("_T")


@dataclass(slots=True, eq=False)
class Row:
    """What a sequence owns while it is in the batch.

    Attributes:
        voice: the voice's keys and values, shared with the other rows that speak in it.
        cache: the row's own, see `CacheShape`; the first `position` positions are in use.
        tokens: the text, `[n]`, until it has been read.
        latent: the last latent, `[ldim]`.
        noise: `[max_frames, ldim]`.
        sampled: latents sampled so far.
        spoken: latents decoded so far.
        pending: latents for the codec; appended by one worker, taken by another.
    """

    voice: Tensor
    cache: Tensor
    position: int
    codec_slot: int
    tokens: Tensor | None
    latent: Tensor
    noise: Tensor
    sampling: RowSampling
    sampled: int = 0
    spoken: int = 0
    pending: deque[Tensor] = field(default_factory=deque)

    def input(self) -> RowInput:
        """What the row brings to the next pass of the language model."""
        return RowInput(
            voice=self.voice,
            cache=self.cache,
            offset=self.position,
            tokens=self.tokens,
            latent=self.latent,
            noise=self.noise[self.sampled],
            decode_steps=self.sampling.decode_steps,
        )

    def advance(self, latent: Tensor) -> None:
        """The pass went through and gave `latent`."""
        self.position += 1 if self.tokens is None else 1 + len(self.tokens)
        self.tokens = None
        self.latent = latent
        self.sampled += 1


class Runner:
    """Opens, computes and closes rows. Different rows may be computed by different threads.

    Args:
        model: loaded weights, on `device`; read, never changed.
        max_rows: rows that may be open at the same time.
    """

    def __init__(
        self, model: TTSModel, precision: Precision, device: torch.device, *, max_rows: int
    ) -> None:
        flow_lm = model.flow_lm
        self._device = device
        self.flow_lm = FlowLm(flow_lm, precision.flow_lm, precision.cache_dtype, device)
        self.codec = BatchedCodec(
            model.mimi,
            flow_lm.emb_mean,
            flow_lm.emb_std,
            precision=precision.codec,
            max_rows=max_rows,
            device=device,
        )
        self.cache_shape = self.flow_lm.cache_shape
        self.frame_samples = self.codec.frame_samples
        self._caches = CachePool(self.cache_shape, device, max_idle=max_rows)
        # A fresh codec state clicks: upstream fades the first 5 ms of every chunk in.
        self._fade_in = np.linspace(0, 1, model.sample_rate // 200, dtype=np.float32)
        self._slots_lock = threading.Lock()

    @torch.inference_mode()
    def warm_up(self) -> None:
        """Speak two frames, so that the first request does not pay for what is made lazily.

        Raises:
            Exception: whatever keeps this model from speaking at all.
        """
        silence = torch.zeros(self.cache_shape.of(1), device=self._device)
        settings = RowSampling(0.0, 1, 0.0, None, None, None)
        row = self.open(KvPrefix(silence), torch.zeros(8, dtype=torch.long), 2, settings, 0)
        for _ in range(2):
            outcomes: list[object] = [*self.sample([row])]
            row.pending.append(row.latent)
            outcomes += self.decode([row], 1)
            for outcome in outcomes:
                if isinstance(outcome, Exception):
                    raise outcome
        self.close(row)

    def open(
        self,
        voice: KvPrefix,
        tokens: Tensor,
        max_frames: int,
        sampling: RowSampling,
        chunk_index: int,
    ) -> Row:
        """A row that has heard the voice and is about to read its text."""
        noise = draw_noise(sampling, chunk_index, max_frames, self.flow_lm.latent_dim)
        cache = self._caches.acquire(len(tokens) + max_frames)
        with self._slots_lock:
            slot = self.codec.acquire()
        return Row(
            voice=voice.cache,
            cache=cache,
            position=0,
            codec_slot=slot,
            tokens=tokens.to(self._device),
            latent=self.flow_lm.bos_latent,
            noise=noise.to(self._device),
            sampling=sampling,
        )

    def close(self, row: Row) -> None:
        """Free what the row holds; it must not be in use."""
        self._caches.release(row.cache)
        with self._slots_lock:
            self.codec.release(row.codec_slot)

    def sample(self, rows: Sequence[Row]) -> list[bool | Exception]:
        """One more latent for every row: whether the EOS head fired, or why the row broke."""
        return _each_or_alone(self._sample, rows)

    def decode(self, rows: Sequence[Row], frames: int) -> list[Pcm | Exception]:
        """PCM of the next `frames` pending latents of every row, or why the row broke."""
        return _each_or_alone(lambda some: self._decode(some, frames), rows)

    def _sample(self, rows: Sequence[Row]) -> list[bool | Exception]:
        latents, eos_logits = self.flow_lm.step([row.input() for row in rows])
        verdicts: list[bool | Exception] = []
        for row, latent, logit in zip(rows, latents.unbind(0), eos_logits, strict=True):
            if math.isnan(logit):
                verdicts.append(FloatingPointError("the model gave a latent that is not finite"))
                continue
            row.advance(latent)
            verdicts.append(logit > row.sampling.eos_threshold)
        return verdicts

    def _decode(self, rows: Sequence[Row], frames: int) -> list[Pcm | Exception]:
        latents = [row.pending[i] for row in rows for i in range(frames)]
        pcm = self.codec.decode(
            [row.codec_slot for row in rows],
            torch.stack(latents).view(len(rows), frames, -1),
        )
        waves = pcm.cpu().numpy()
        result: list[Pcm | Exception] = []
        for row, wave in zip(rows, waves, strict=True):
            own = wave.copy()  # a view would keep the whole batch alive until it is read
            if row.spoken == 0:
                own[: len(self._fade_in)] *= self._fade_in[: len(own)]
            for _ in range(frames):
                row.pending.popleft()
            row.spoken += frames
            result.append(own)
        return result


def _each_or_alone(
    compute: Callable[[Sequence[Row]], list[_T | Exception]], rows: Sequence[Row]
) -> list[_T | Exception]:
    """`compute` over all rows; if that fails, over one at a time, so that only the culprit fails.

    Both passes change a row's state at their very end only, so they can be repeated.
    """
    try:
        return compute(rows)
    except Exception as error:
        if len(rows) == 1:
            logger.exception("a row failed")
            return [error]
    return [_each_or_alone(compute, [row])[0] for row in rows]
