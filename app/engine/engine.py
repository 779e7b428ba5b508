"""Continuous batching for Pocket TTS: the engine as the rest of the server knows it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType

import torch
from pocket_tts import TTSModel

from app.engine.batch_loop import BatchLoop, Order
from app.engine.precision import choose_precision
from app.engine.prompt import count_tokens, make_prompt, token_counter
from app.engine.runner import Runner
from app.engine.sampling import resolve
from app.engine.scheduler import Limits, Scheduler
from app.engine.sequence import Job
from app.engine.stream import EngineStream
from app.engine.voice_state import KvPrefix, VoiceMaker
from app.speech import Pcm, Sampling, TokenCounter
from app.speech_engine import EngineStatus, SpeechJob, SpeechStream, VoiceState


class BatchedEngine:
    """`SpeechEngine` over one model.

    Args:
        model: loaded weights. Never changed on a CPU; moved to `device` otherwise.
        precision: see `choose_precision`.
        worker_threads: None for one per core this process may use; two for another device.
        max_running_rows: chunks computed at the same time.
        max_queued_jobs: jobs that may wait for their first row.
        defaults: sampling where a job leaves it open.
        cloning_refused: why the weights that can clone are not there; None when they are.
        voice_prompts: see `EngineOptions`.
        stream_buffer_seconds: audio a job may be ahead of its reader.
    """

    def __init__(
        self,
        model: TTSModel,
        *,
        precision: str = "float32",
        worker_threads: int | None = None,
        max_running_rows: int = 32,
        max_queued_jobs: int = 64,
        defaults: Sampling = Sampling(),  # noqa: B008 - frozen
        device: str = "cpu",
        cloning_refused: str | None = None,
        voice_prompts: Mapping[str, Path] = MappingProxyType({}),
        stream_buffer_seconds: float = 180.0,
    ) -> None:
        where = torch.device(device)
        self._model = model if where.type == "cpu" else model.to(where)
        self._precision = choose_precision(precision, where)
        self._device = device
        self._defaults = defaults
        self._runner = Runner(self._model, self._precision, where, max_rows=max_running_rows)
        self._voices = VoiceMaker(
            self._model,
            self._runner.cache_shape,
            where,
            cloning_refused=cloning_refused,
            prompts=voice_prompts,
        )
        workers = worker_threads or _default_workers(where)
        self._limits = Limits(
            max_running_rows=max_running_rows,
            max_queued_jobs=max_queued_jobs,
            workers=workers,
            frame_seconds=self._runner.frame_samples / self._model.sample_rate,
            buffer_seconds=stream_buffer_seconds,
        )
        self._loop = BatchLoop(
            self._runner, Scheduler(self._limits), partial(make_prompt, self._model), workers
        )

    def start(self) -> None:
        """Speak a little for warmth and start the worker threads; once.

        Raises:
            Exception: whatever keeps this model from speaking at all.
        """
        self._runner.warm_up()
        self._loop.start()

    @property
    def sample_rate_hz(self) -> int:
        return int(self._model.sample_rate)

    @property
    def frame_samples(self) -> int:
        return self._runner.frame_samples

    def count_tokens(self, text: str) -> int:
        return count_tokens(self._model, text)

    def token_counter(self, text: str) -> TokenCounter:
        return token_counter(self._model, text)

    def encode_voice(self, pcm: Pcm) -> KvPrefix:
        return self._voices.encode(pcm)

    def load_voice(self, path: Path) -> KvPrefix:
        return self._voices.load(path)

    def save_voice(self, state: VoiceState, path: Path) -> None:
        assert isinstance(state, KvPrefix)
        self._voices.save(state, path)

    @property
    def model_fingerprint(self) -> str:
        return self._voices.fingerprint

    @property
    def voice_precision(self) -> str:
        return "float32"

    def predefined_voice(self, name: str) -> KvPrefix:
        return self._voices.predefined_state(name)

    @property
    def predefined_voices(self) -> tuple[str, ...]:
        return self._voices.predefined

    def status(self) -> EngineStatus:
        load = self._loop.load()
        return EngineStatus(
            running_rows=load.running_rows,
            queued_jobs=load.queued_jobs,
            max_running_rows=self._limits.max_running_rows,
            max_queued_jobs=self._limits.max_queued_jobs,
            precision=str(self._precision),
            device=self._device,
            alive=load.alive,
        )

    def submit(self, job: SpeechJob) -> SpeechStream:
        texts = tuple(chunk.text for chunk in job.chunks)
        voices = tuple(chunk.voice for chunk in job.chunks if isinstance(chunk.voice, KvPrefix))
        if len(voices) != len(texts):
            raise TypeError("a voice state was not made by this engine")
        stream = EngineStream(
            asyncio.get_running_loop(),
            len(job.chunks),
            self.sample_rate_hz,
            buffer_seconds=self._limits.buffer_seconds,
            on_abort=lambda: self._loop.cancel(tracked),
            on_room=self._loop.wake,
        )
        tracked = Job.of(texts, stream, time.monotonic())
        sampling = resolve(job.sampling, self._defaults, self._model)
        self._loop.submit(tracked, Order(stream, texts, voices, sampling))
        return stream

    async def drain(self, timeout_seconds: float) -> None:
        self._loop.refuse("the engine is shutting down")
        await asyncio.to_thread(self._loop.wait_until_idle, timeout_seconds)
        await asyncio.to_thread(self.close)

    def close(self) -> None:
        """Stop at once and wait for the threads; streams that are not complete end."""
        self._loop.close("the engine was shut down")


def _default_workers(device: torch.device) -> int:
    if device.type != "cpu":
        return 2
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
