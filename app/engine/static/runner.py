"""Holds the rows of a GPU in slots, and makes passes of fixed shapes over them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from pocket_tts import TTSModel

from app.engine.flow_lm import RowOutput
from app.engine.precision import Precision
from app.engine.prompt import Prompt
from app.engine.runner import BaseRunner, Row
from app.engine.sampling import draw_noise
from app.engine.sequence import RowSampling
from app.engine.static.codec import StaticCodec
from app.engine.static.flow_lm import StaticFlowLm, StepInput, StepOutput
from app.engine.static.graphs import device_for
from app.engine.static.slots import Slots
from app.engine.voice_state import KvPrefix
from app.speech import Pcm
from app.speech_engine import Head

ROOM_POSITIONS = 1088
"""Each row has room for so many positions: a voice of a minute (751), 50 tokens of text and the
234 latents that upstream allows for them, with some to spare."""


class StaticRunner(BaseRunner):
    """Computes rows in passes of fixed shapes, as is fastest where launching kernels is dear.

    Args:
        max_rows: how many rows may be open at the same time.
        room: how many positions each row has for its voice, text and latents.
    """

    def __init__(
        self,
        model: TTSModel,
        precision: Precision,
        device: torch.device,
        *,
        max_rows: int,
        room: int = ROOM_POSITIONS,
    ) -> None:
        super().__init__(model, precision, device)
        self.max_latents_per_decode = max_rows
        self._room = room
        self._runs = device_for(device)
        flow_lm = model.flow_lm
        self._slots = Slots(max_rows, room, int(flow_lm.ldim), device)
        self._flow_lm = StaticFlowLm(
            flow_lm,
            precision.flow_lm,
            self.cache_shape,
            self._slots,
            room=room,
            device=device,
            runs=self._runs,
            checks=self._checks,
        )
        self._codec = StaticCodec(
            model.mimi,
            flow_lm.emb_mean,
            flow_lm.emb_std,
            self._slots,
            precision=precision.codec,
            frames=room,
            device=device,
            runs=self._runs,
            checks=self._checks,
        )
        self._decode_steps = int(model.sampler_decode_steps)
        self._watch(self.heads)

    @torch.inference_mode()
    def warm_up(self) -> None:
        with self._runs.held():
            self._flow_lm.prepare(self._decode_steps)
            self._codec.prepare()
        super().warm_up()

    @torch.inference_mode()
    def open(
        self,
        voice: KvPrefix,
        prompt: Prompt,
        sampling: RowSampling,
        chunk_index: int,
        *,
        watched: bool = False,
    ) -> Row:
        wanted = voice.positions + len(prompt.tokens) + prompt.max_frames
        if wanted >= self._room:
            raise RuntimeError(f"voice and text need room for {wanted} positions of {self._room}")
        latent_dim = self._slots.noise.shape[2]
        noise = draw_noise(sampling, chunk_index, prompt.max_frames, latent_dim)
        slot = self._slots.acquire()
        with self._runs.held():
            self._runs.put(noise, self._slots.noise[slot, : prompt.max_frames])
            self._runs.put(self._flow_lm.bos_latent, self._slots.latents[slot, 0])
            self._flow_lm.hear(slot, voice.cache)
            self._codec.forget(slot)
        return Row(
            voice=voice.cache,
            cache=self._flow_lm.keys_values[:, :, slot, :, voice.positions :],
            position=0,
            codec_slot=slot,
            tokens=prompt.tokens,
            latent=self._slots.latents[slot, 0],
            noise=self._slots.noise[slot],
            sampling=sampling,
            watched=watched,
            text_tokens=len(prompt.tokens),
        )

    def close(self, row: Row) -> None:
        self._slots.release(row.codec_slot)

    def rest(self) -> None:
        """Keep all: recorded passes read and write where the slots are."""

    def _watch(self, heads: tuple[Head, ...]) -> None:
        self._flow_lm.watch(heads)

    @torch.inference_mode()
    def _outputs(self, rows: Sequence[Row]) -> list[RowOutput]:
        outputs: dict[int, RowOutput] = {}
        given: list[tuple[list[int], StepOutput]] = []
        with self._runs.held():
            for row in rows:
                if row.tokens is not None:
                    self._flow_lm.read(row.codec_slot, row.voice.shape[3], row.tokens)
            for steps in {row.sampling.decode_steps for row in rows}:
                those = [i for i, row in enumerate(rows) if row.sampling.decode_steps == steps]
                some = [_input(rows[i]) for i in those]
                watched = any(rows[i].watched for i in those)
                given.append((those, self._flow_lm.step(some, steps, watched=watched)))
            mark = self._runs.mark()
        self._runs.wait_for(mark)
        for those, output in given:
            queries = None if output.queries is None else output.queries.numpy()
            for place, (index, logit) in enumerate(
                zip(those, output.eos_logits.tolist(), strict=True)
            ):
                row = rows[index]
                latent = self._slots.latents[row.codec_slot, row.sampled + 1]
                asked = None if queries is None or not row.watched else queries[place].copy()
                outputs[index] = RowOutput(latent, logit, asked)
        return [outputs[index] for index in range(len(rows))]

    @torch.inference_mode()
    def _waves(self, rows: Sequence[Row], frames: int) -> Pcm:
        slots = [row.codec_slot for row in rows]
        with self._runs.held():
            waves = self._codec.decode(slots, [row.spoken for row in rows], frames)
            mark = self._runs.mark()
        self._runs.wait_for(mark)
        return np.concatenate([wave.numpy() for wave in waves], axis=1)


def _input(row: Row) -> StepInput:
    """Say where a row is once it has read its text."""
    text = 0 if row.tokens is None else len(row.tokens)
    position = row.voice.shape[3] + row.position + text
    return StepInput(row.codec_slot, position, row.sampled)
