"""Implements the engine as the rest of the server knows it: continuous batching for Pocket TTS."""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import torch

from app.engine.batch_loop import BatchLoop
from app.engine.calibration import Calibration
from app.engine.letters import letters_of
from app.engine.memory import trim_memory
from app.engine.precision import choose_precision
from app.engine.prompt import count_tokens, token_counter
from app.engine.resting import RestingModel
from app.engine.runner import BaseRunner, Runner
from app.engine.sampling import resolve
from app.engine.static.runner import StaticRunner
from app.engine.voice_state import KvPrefix, VoiceMaker, fingerprint_of
from app.speech import Pcm, Sampling, TokenCounter
from app.speech_engine import (
    ESTIMATED,
    Alignment,
    EngineOptions,
    EngineStatus,
    SpeechJob,
    SpeechStream,
    VoiceState,
)
from app.work import NEVER_CANCELLED, CancelToken


class BatchedEngine:
    """Implements `SpeechEngine`, whose docstrings say what each method does, over one model.

    Args:
        resting: the model. Never changed on a CPU; moved to `options.device` otherwise.
        voices_of: which of upstream's models it is, for its predefined voices; None if it is none.
        cloning_refused: why the weights that can clone voices are not used; None if they are.
        runner: what computes; None for what suits the device.

    Raises:
        ValueError: this machine cannot compute in `options.precision`.
    """

    def __init__(
        self,
        resting: RestingModel,
        options: EngineOptions,
        *,
        voices_of: str | None = None,
        cloning_refused: str | None = None,
        runner: type[Runner] | type[StaticRunner] | None = None,
    ) -> None:
        device = torch.device(options.device)
        precision = choose_precision(options.precision, device)
        self._resting = resting
        self._is_released = options.config is None
        self._default_sampling = options.defaults
        with resting.borrowed() as model:
            self._model = model if device.type == "cpu" else model.to(device)
            self._runner: BaseRunner = (runner or suited_to(device))(
                self._model, precision, device, max_rows=options.max_running_rows
            )
        self._voices = VoiceMaker(
            resting,
            self._runner.cache_shape,
            device,
            voices_of=voices_of,
            cloning_refused=cloning_refused,
            prompts=options.voice_prompts,
        )
        self._loop = BatchLoop(self._runner, options)
        self._calibration = Calibration(
            self._loop,
            self._runner,
            options,
            resolve(Sampling(seed=0), options.defaults, self._model),
            self._fingerprint,
        )

    def start(self) -> None:
        """Speak a little for warmth and start the worker threads; call it once.

        Raises:
            Exception: whatever keeps this model from speaking at all.
        """
        self._runner.warm_up()
        self._loop.start()

    @property
    def sample_rate_hz(self) -> int:
        return self._runner.sample_rate_hz

    def count_tokens(self, text: str) -> int:
        return count_tokens(self._model, text)

    def token_counter(self, text: str) -> TokenCounter:
        return token_counter(self._model, text)

    @cached_property
    def letters(self) -> frozenset[str]:
        return letters_of(self._model, latin_only=self._is_released)

    def rest(self) -> None:
        self._runner.rest()
        trim_memory()

    def calibrate(self, voice: VoiceState) -> Alignment:
        assert isinstance(voice, KvPrefix)
        return self._calibration.find(voice)

    def encode_voice(self, pcm: Pcm, cancel: CancelToken = NEVER_CANCELLED) -> KvPrefix:
        return self._voices.encode(pcm, cancel)

    def explain_no_cloning(self, reason: str) -> None:
        """Replace what an engine without cloning weights says of them."""
        self._voices.cloning_refused = reason

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
        return replace(self._loop.status(), alignment=self._calibration.alignment)

    def require_room(self, caller: str) -> None:
        self._loop.require_room(caller)

    def expecting(self) -> AbstractContextManager[None]:
        return self._loop.expecting()

    def submit(self, job: SpeechJob) -> SpeechStream:
        if not all(isinstance(chunk.voice, KvPrefix) for chunk in job.chunks):
            raise TypeError("a voice state was not made by this engine")
        sampling = resolve(job.sampling, self._default_sampling, self._model)
        alignment = self._calibration.alignment or ESTIMATED
        follows = alignment.method == "attention"
        if not job.timed:
            return self._loop.submit(job, sampling, watched=follows, followed=follows)
        stream = self._loop.submit(
            job,
            sampling,
            self._calibration.make_aligner(alignment),
            watched=follows,
            followed=follows,
        )
        stream.alignment = alignment
        return stream

    async def drain(self, timeout_seconds: float) -> None:
        self._loop.refuse("the engine is shutting down")
        await asyncio.to_thread(self._loop.wait_until_idle, timeout_seconds)
        await asyncio.to_thread(self.close)

    def close(self) -> None:
        """Stop at once and wait for the threads; streams that are not complete end."""
        self._loop.close("the engine was shut down")
        self._resting.close()

    def _fingerprint(self) -> str:
        with self._resting.borrowed() as model:
            return fingerprint_of(model)


def suited_to(device: torch.device) -> type[Runner] | type[StaticRunner]:
    """Choose what computes rows on a device."""
    return Runner if device.type == "cpu" else StaticRunner
