"""Holds the tensors of the running sequences, and makes the two passes over them."""

from __future__ import annotations

import logging
import math
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from pocket_tts import TTSModel
from torch import Tensor

from app.engine.alignment.words import Reading
from app.engine.codec import BatchedCodec
from app.engine.flow_lm import CacheShape, FlowLm, RowInput, RowOutput
from app.engine.layer_checks import LayerChecks
from app.engine.pace import MAX_LATENTS_PER_DECODE
from app.engine.precision import Precision
from app.engine.prompt import Prompt, make_prompt
from app.engine.sampling import draw_noise
from app.engine.sequence import RowSampling
from app.engine.voice_state import KvPrefix
from app.speech import Pcm
from app.speech_engine import Head

logger = logging.getLogger(__name__)

_GRANULE_POSITIONS = 64

_T = TypeVar("_T")


@dataclass(slots=True, eq=False)
class Row:
    """Holds the tensors of a sequence while it is in the batch.

    Attributes:
        voice: keys and values of the voice, shared with the other rows that speak in it.
        cache: keys and values of its own, see `CacheShape`; `position` positions are in use.
        codec_slot: its place in the codec.
        tokens: the text, `[text_tokens]`, int64; None once it has been read.
        latent: the last latent, `[ldim]`.
        noise: what its latents are sampled from, `[max_frames, ldim]`.
        sampled: how many latents have been sampled.
        spoken: how many latents have been decoded.
        pending: latents for the codec, `[ldim]`; appended by one worker, taken by another.
        watched: whether it is asked what its frames attended to.
        asked: the queries behind the last latent, see `RowOutput`; None if it is not watched.
        queries: those behind the latents that are heard, until `Runner.attention` takes them.
        text_keys: what they ask, `[watched heads, head_dim, text tokens]`; None until then.
    """

    voice: Tensor
    cache: Tensor
    position: int
    codec_slot: int
    tokens: Tensor | None
    latent: Tensor
    noise: Tensor
    sampling: RowSampling
    text_tokens: int
    watched: bool = False
    sampled: int = 0
    spoken: int = 0
    pending: deque[Tensor] = field(default_factory=deque)
    asked: NDArray[np.float32] | None = None
    queries: deque[NDArray[np.float32]] = field(default_factory=deque)
    text_keys: Tensor | None = None

    def input(self) -> RowInput:
        """Gather what the row brings to the next pass of the language model."""
        return RowInput(
            voice=self.voice,
            cache=self.cache,
            offset=self.position,
            tokens=self.tokens,
            latent=self.latent,
            noise=self.noise[self.sampled],
            decode_steps=self.sampling.decode_steps,
            watched=self.watched,
        )

    def advance(self, output: RowOutput) -> None:
        """Take over what a pass gave."""
        if self.tokens is not None:
            self.position += len(self.tokens)
            self.tokens = None
        self.position += 1
        self.latent = output.latent
        self.asked = output.queries
        self.sampled += 1

    def keep(self) -> None:
        """Let the last latent be heard: it waits for the codec, and its queries for an aligner."""
        self.pending.append(self.latent)
        if self.asked is not None:
            self.queries.append(self.asked)


class CachePool:
    """Hands out key-value caches of at least the wanted length and takes them back. Thread-safe.

    Args:
        shape: geometry of a cache.
        max_idle: how many returned caches are kept for the next rows; further ones are freed.
    """

    def __init__(self, shape: CacheShape, device: torch.device, *, max_idle: int) -> None:
        self._shape = shape
        self._device = device
        self._max_idle = max_idle
        self._idle: list[Tensor] = []
        self._lock = threading.Lock()

    def acquire(self, positions: int) -> Tensor:
        """Hand out a cache of undefined content, `[layers, 2, heads, >= positions, head_dim]`.

        It is the smallest idle one that fits and has no more than twice the room, else a new one.

        Raises:
            RuntimeError: there is no memory.
        """
        with self._lock:
            fitting = [c for c in self._idle if positions <= c.shape[3] <= 2 * positions]
            if fitting:
                best = min(fitting, key=lambda cache: cache.shape[3])
                self._idle = [cache for cache in self._idle if cache is not best]
                return best
        rounded = -(-positions // _GRANULE_POSITIONS) * _GRANULE_POSITIONS
        return torch.empty(self._shape.of(rounded), dtype=self._shape.dtype, device=self._device)

    def release(self, cache: Tensor) -> None:
        """Take a cache back; the oldest idle one is freed for it if too many are kept."""
        with self._lock:
            self._idle.append(cache)
            if len(self._idle) > self._max_idle:
                self._idle.pop(0)

    def rest(self) -> None:
        """Free the idle caches."""
        with self._lock:
            self._idle.clear()


class BaseRunner(ABC):
    """Opens, computes and closes rows. Different threads may compute different rows.

    It knows of rows only, not of the sequences that they belong to.

    Attributes:
        query_heads: how many query heads a layer of the language model has.
        frame_samples: samples of one latent.
        max_latents_per_decode: the codec gains nothing from more latents at once than that.

    Args:
        model: loaded weights, on `device`; read, never changed.
    """

    query_heads: int
    frame_samples: int
    max_latents_per_decode = MAX_LATENTS_PER_DECODE

    def __init__(self, model: TTSModel, precision: Precision, device: torch.device) -> None:
        self.precision = precision
        self._model = model
        self._device = device
        self._checks = LayerChecks()
        self.cache_shape = CacheShape.of_model(model.flow_lm, precision.cache_dtype)
        self.query_heads = int(model.flow_lm.transformer.layers[0].self_attn.num_heads)
        self.frame_samples = int(model.mimi.frame_size)
        self.sample_rate_hz = int(model.sample_rate)
        self.eos_threshold = float(model.eos_threshold)
        self.frame_seconds = self.frame_samples / self.sample_rate_hz
        # A chunk begins with a click of the codec. As upstream does, its first 5 ms are faded in.
        self._fade_in = np.linspace(0, 1, self.sample_rate_hz // 200, dtype=np.float32)
        self._heads = tuple(
            Head(layer, head)
            for layer in range(self.cache_shape.layers)
            for head in range(self.query_heads)
        )

    @property
    def float32_layers(self) -> tuple[str, ...]:
        """Name the layers that are computed in float32 because they are wrong otherwise here."""
        return tuple(self._checks.wrong)

    @torch.inference_mode()
    def warm_up(self) -> None:
        """Speak two frames, so that the first request does not pay for what is made lazily.

        Warns of the layers that had to be made in float32.

        Raises:
            Exception: whatever keeps this model from speaking at all.
        """
        if self.float32_layers:
            logger.warning(
                "computed in float32, for at %s this machine computes something else: %s",
                self.precision,
                ", ".join(self.float32_layers),
            )
        silence = torch.zeros(self.cache_shape.of(1), device=self._device)
        tokens = torch.zeros(8, dtype=torch.long)
        prompt = Prompt(tokens, Reading("", "", ()), max_frames=2, frames_after_eos=0)
        row = self.open(KvPrefix(silence), prompt, RowSampling(0.0, 1, 0.0, None, None, None), 0)
        for _ in range(2):
            outcomes: list[object] = [*self.sample([row])]
            row.keep()
            outcomes += self.decode([row], 1)
            for outcome in outcomes:
                if isinstance(outcome, Exception):
                    raise outcome
        self.close(row)

    def prompt(self, text: str) -> Prompt | None:
        """Make a chunk of text into what the model reads; None if nothing is left to speak."""
        return make_prompt(self._model, text)

    @abstractmethod
    def open(
        self,
        voice: KvPrefix,
        prompt: Prompt,
        sampling: RowSampling,
        chunk_index: int,
        *,
        watched: bool = False,
    ) -> Row:
        """Make a row that has heard the voice and is about to read its text.

        Args:
            chunk_index: place of the chunk in its job; chunks of a job sound different for it.
            watched: whether it will be asked what its frames attended to.

        Raises:
            RuntimeError: as many rows as allowed are open, or there is no memory.
        """
        ...

    @abstractmethod
    def close(self, row: Row) -> None:
        """Free what the row holds; it must not be in use."""
        ...

    @abstractmethod
    def _watch(self, heads: tuple[Head, ...]) -> None:
        """Have watched rows asked what these heads look at, from now on."""
        ...

    @abstractmethod
    def _outputs(self, rows: Sequence[Row]) -> list[RowOutput]:
        """Compute one more latent for each row, in one pass; no row advances."""
        ...

    @abstractmethod
    def _waves(self, rows: Sequence[Row], frames: int) -> Pcm:
        """Decode the next `frames` pending latents: `[rows, frames * frame_samples]`."""
        ...

    @abstractmethod
    def rest(self) -> None:
        """Free what is kept for the next rows, as far as it can be made again for them."""
        ...

    @property
    def heads(self) -> tuple[Head, ...]:
        """Name the heads that `attention` tells of; all of the model's until some are chosen.

        Choose while no row is watched.
        """
        return self._heads

    @heads.setter
    def heads(self, heads: tuple[Head, ...]) -> None:
        self._heads = heads
        self._watch(heads)

    def attention(self, row: Row, frames: int) -> NDArray[np.float32]:
        """Tell what the next `frames` heard frames of a watched row attended to in its text.

        Only the text counts, not the voice and not what was said before. It stands at the first
        positions of the row's own cache.

        Returns:
            `[heads, frames, text tokens]`, which add up to 1 over the tokens.
        """
        if row.text_keys is None:
            shared = self.query_heads // self.cache_shape.heads
            keys = [row.cache[layer, 0, head // shared] for layer, head in self._heads]
            text = torch.stack([each[: row.text_tokens].float().T for each in keys])
            row.text_keys = text.cpu() / self.cache_shape.head_dim**0.5
        queries = np.array([row.queries.popleft() for _ in range(frames)])
        scores = torch.from_numpy(queries).transpose(0, 1) @ row.text_keys
        return scores.softmax(2).numpy()

    def sample(self, rows: Sequence[Row]) -> list[bool | Exception]:
        """Sample one more latent for each row.

        Returns:
            Per row whether the EOS head fired, or why the row broke.
        """
        return _each_or_alone(self._sample, rows)

    def decode(self, rows: Sequence[Row], frames: int) -> list[Pcm | Exception]:
        """Make the next `frames` pending latents of each row into PCM.

        Returns:
            Per row `[frames * frame_samples]`, or why the row broke.
        """
        return _each_or_alone(lambda some: self._decode(some, frames), rows)

    def faded_out(self, pcm: Pcm) -> Pcm:
        """Return PCM whose last 5 ms go to nothing, for speech that ends where other begins."""
        faded = pcm.copy()
        samples = min(len(faded), len(self._fade_in))
        faded[len(faded) - samples :] *= self._fade_in[samples - 1 :: -1] if samples else 1.0
        return faded

    def _sample(self, rows: Sequence[Row]) -> list[bool | Exception]:
        """Do the work of `sample` for all rows in one pass."""
        verdicts: list[bool | Exception] = []
        for row, output in zip(rows, self._outputs(rows), strict=True):
            if math.isnan(output.eos_logit):
                verdicts.append(FloatingPointError("the model gave a latent that is not finite"))
                continue
            row.advance(output)
            verdicts.append(output.eos_logit > row.sampling.eos_threshold)
        return verdicts

    def _decode(self, rows: Sequence[Row], frames: int) -> list[Pcm | Exception]:
        """Do the work of `decode` for all rows in one pass."""
        result: list[Pcm | Exception] = []
        for row, wave in zip(rows, self._waves(rows, frames), strict=True):
            own = wave.copy()  # a view would keep the whole batch alive until it is read
            if row.spoken == 0:
                own[: len(self._fade_in)] *= self._fade_in[: len(own)]
            for _ in range(frames):
                row.pending.popleft()
            row.spoken += frames
            result.append(own)
        return result


class Runner(BaseRunner):
    """Computes rows of any lengths in one pass, as is fastest on a processor.

    Args:
        max_rows: how many rows may be open at the same time.
    """

    def __init__(
        self, model: TTSModel, precision: Precision, device: torch.device, *, max_rows: int
    ) -> None:
        super().__init__(model, precision, device)
        flow_lm = model.flow_lm
        self.flow_lm = FlowLm(
            flow_lm, precision.flow_lm, precision.cache_dtype, device, self._checks
        )
        self.codec = BatchedCodec(
            model.mimi,
            flow_lm.emb_mean,
            flow_lm.emb_std,
            precision=precision.codec,
            max_rows=max_rows,
            device=device,
            checks=self._checks,
        )
        self._caches = CachePool(self.cache_shape, device, max_idle=max_rows)
        self._slots_lock = threading.Lock()
        self._watch(self.heads)

    def open(
        self,
        voice: KvPrefix,
        prompt: Prompt,
        sampling: RowSampling,
        chunk_index: int,
        *,
        watched: bool = False,
    ) -> Row:
        noise = draw_noise(sampling, chunk_index, prompt.max_frames, self.flow_lm.latent_dim)
        cache = self._caches.acquire(len(prompt.tokens) + prompt.max_frames)
        with self._slots_lock:
            slot = self.codec.acquire()
        return Row(
            voice=voice.cache,
            cache=cache,
            position=0,
            codec_slot=slot,
            tokens=prompt.tokens.to(self._device),
            latent=self.flow_lm.bos_latent,
            noise=noise.to(self._device),
            sampling=sampling,
            watched=watched,
            text_tokens=len(prompt.tokens),
        )

    def close(self, row: Row) -> None:
        self._caches.release(row.cache)
        with self._slots_lock:
            self.codec.release(row.codec_slot)

    def rest(self) -> None:
        self._caches.rest()

    def _watch(self, heads: tuple[Head, ...]) -> None:
        self.flow_lm.watch(heads)

    def _outputs(self, rows: Sequence[Row]) -> list[RowOutput]:
        return self.flow_lm.step([row.input() for row in rows])

    def _waves(self, rows: Sequence[Row], frames: int) -> Pcm:
        latents = [row.pending[i] for row in rows for i in range(frames)]
        pcm = self.codec.decode(
            [row.codec_slot for row in rows],
            torch.stack(latents).view(len(rows), frames, -1),
        )
        return pcm.cpu().numpy()


def _each_or_alone(
    compute: Callable[[Sequence[Row]], list[_T | Exception]], rows: Sequence[Row]
) -> list[_T | Exception]:
    """Compute all rows together; if that fails, one at a time, so that only the culprit fails.

    Both passes change a row's state at their very end only, so they can be repeated.
    """
    try:
        return compute(rows)
    except Exception as error:
        if len(rows) == 1:
            logger.debug("how a row failed", exc_info=True)
            return [error]
    return [_each_or_alone(compute, [row])[0] for row in rows]
