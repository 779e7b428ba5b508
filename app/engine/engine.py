"""An engine that drives upstream's generator, one job at a time, on one worker thread."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from pocket_tts import TTSModel
from pocket_tts.models.text_chunking import prepare_text_prompt
from pocket_tts.utils.config import CONFIGS_DIR
from pocket_tts.utils.utils import _ORIGINS_OF_PREDEFINED_VOICES

from app.engine.interface import EngineOptions, EngineStatus, JobTimings, SpeechJob, VoiceState
from app.engine.voice_files import fingerprint_of, write_voice_state
from app.errors import InvalidRequest, ModelUnavailable, Overloaded, SpeechError, SynthesisFailed
from app.speech import Frames, Pcm

logger = logging.getLogger(__name__)
CONTRACT_VOICES = ("alba", "marius", "javert", "jean", "fantine", "cosette", "eponine", "azelma")
BUFFER_FRAMES = 64


@dataclass(frozen=True, slots=True)
class UpstreamState:
    tensors: dict[str, dict[str, torch.Tensor]]

    @property
    def nbytes(self) -> int:
        return sum(t.nbytes for module in self.tensors.values() for t in module.values())


class UpstreamStream:
    def __init__(self, job: SpeechJob) -> None:
        self.job = job
        self.timings = JobTimings()
        self.stop = threading.Event()
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[Frames | SpeechError | None] = asyncio.Queue()
        self._space = threading.Semaphore(BUFFER_FRAMES)
        self.submitted = time.monotonic()

    def put(self, item: Frames | SpeechError | None) -> None:
        if isinstance(item, Frames):
            while not self._space.acquire(timeout=0.1):
                if self.stop.is_set():
                    return
        self._loop.call_soon_threadsafe(self._queue.put_nowait, item)

    async def __aiter__(self) -> AsyncIterator[Frames]:
        while True:
            item = await self._queue.get()
            if item is None:
                return
            if isinstance(item, SpeechError):
                raise item
            self._space.release()
            yield item

    def abort(self) -> None:
        self.stop.set()


class UpstreamEngine:
    def __init__(
        self, model: TTSModel, *, options: EngineOptions, cloning_refused: str | None
    ) -> None:
        self._model = model
        self._options = options
        self._cloning_refused = cloning_refused
        self._jobs: deque[UpstreamStream] = deque()
        self._wake = threading.Condition()
        self._running: UpstreamStream | None = None
        self._closed = False
        self._fingerprint: str | None = None
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._defaults = (model.temp, model.sampler_decode_steps, model.eos_threshold)

    def start(self) -> None:
        self._thread.start()

    @property
    def sample_rate_hz(self) -> int:
        return int(self._model.sample_rate)

    @property
    def frame_samples(self) -> int:
        return int(self._model.mimi.frame_size)

    @property
    def predefined_voices(self) -> tuple[str, ...]:
        origin = self._model.origin
        if origin is None or not origin.is_relative_to(CONFIGS_DIR):
            return ()
        others = [name for name in _ORIGINS_OF_PREDEFINED_VOICES if name not in CONTRACT_VOICES]
        return (*CONTRACT_VOICES, *others)

    def count_tokens(self, text: str) -> int:
        model = self._model
        prepared, _ = prepare_text_prompt(
            text,
            model.pad_with_spaces_for_short_inputs,
            model.remove_semicolons,
            model.append_terminal_punctuation,
            model.capitalize_first_letter,
            model.replace_characters,
        )
        return len(model.flow_lm.conditioner.tokenizer.encode(prepared))

    def submit(self, job: SpeechJob) -> UpstreamStream:
        stream = UpstreamStream(job)
        with self._wake:
            if self._closed or not self._thread.is_alive():
                raise ModelUnavailable("the engine is not running")
            busy = self._running is not None
            if busy and len(self._jobs) >= self._options.max_queued_jobs:
                raise Overloaded("too many requests are waiting", retry_after_seconds=5)
            self._jobs.append(stream)
            self._wake.notify()
        return stream

    def encode_voice(self, pcm: Pcm) -> UpstreamState:
        if self._cloning_refused is not None:
            raise ModelUnavailable(f"this server cannot clone voices: {self._cloning_refused}")
        clip = torch.from_numpy(np.ascontiguousarray(pcm))[None]
        return UpstreamState(self._model.get_state_for_audio_prompt(clip))

    def load_voice(self, path: Path) -> UpstreamState:
        try:
            return UpstreamState(self._model.get_state_for_audio_prompt(path))
        except Exception as error:
            raise InvalidRequest(f"{path.name} is not a voice state: {error}") from error

    def save_voice(self, state: VoiceState, path: Path) -> None:
        assert isinstance(state, UpstreamState)
        write_voice_state(state.tensors, path, fingerprint=self.model_fingerprint)

    @property
    def model_fingerprint(self) -> str:
        if self._fingerprint is None:
            self._fingerprint = fingerprint_of(self._model)
        return self._fingerprint

    @property
    def voice_precision(self) -> str:
        return "float32"

    def predefined_voice(self, name: str) -> UpstreamState:
        return UpstreamState(self._model.get_state_for_audio_prompt(name))

    def status(self) -> EngineStatus:
        return EngineStatus(
            running_rows=int(self._running is not None),
            queued_jobs=len(self._jobs),
            max_running_rows=1,
            max_queued_jobs=self._options.max_queued_jobs,
            precision="float32",
            device="cpu",
            alive=self._thread.is_alive(),
        )

    async def drain(self, timeout_seconds: float) -> None:
        self._closed = True
        deadline = time.monotonic() + timeout_seconds
        while (self._running or self._jobs) and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        with self._wake:
            for stream in [*self._jobs, *([self._running] if self._running else [])]:
                stream.abort()
            self._wake.notify()

    def _work(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._jobs or self._closed)
                if not self._jobs:
                    return
                stream = self._running = self._jobs.popleft()
            try:
                self._speak(stream)
            except Exception as error:
                logger.exception("a job failed")
                stream.put(SynthesisFailed(str(error)))
            self._running = None

    def _speak(self, stream: UpstreamStream) -> None:
        model, sampling, defaults = self._model, stream.job.sampling, self._options.defaults
        since = lambda: time.monotonic() - stream.submitted  # noqa: E731
        stream.timings.queued_seconds = since()
        temp, steps, eos = self._defaults
        pick = lambda *values: next((v for v in values if v is not None), None)  # noqa: E731
        model.temp = pick(sampling.temperature, defaults.temperature, temp)
        model.sampler_decode_steps = pick(
            sampling.sampler_decode_steps, defaults.sampler_decode_steps, steps
        )
        model.eos_threshold = pick(sampling.eos_threshold, defaults.eos_threshold, eos)
        model.noise_clamp = pick(sampling.noise_clamp, defaults.noise_clamp)
        if sampling.seed is not None:
            torch.manual_seed(sampling.seed)
        assert isinstance(stream.job.voice, UpstreamState)
        for index, chunk in enumerate(stream.job.chunks):
            for pcm in model.generate_audio_stream(
                stream.job.voice.tensors,
                chunk,
                max_tokens=10_000,
                frames_after_eos=pick(sampling.frames_after_eos, defaults.frames_after_eos),
                stop=stream.stop,
            ):
                if stream.timings.first_audio_seconds is None:
                    stream.timings.first_audio_seconds = since()
                stream.put(Frames(index, pcm.numpy(), chunk_last=False))
            if stream.stop.is_set():
                stream.put(SynthesisFailed("the request was aborted"))
                return
            stream.put(Frames(index, np.zeros(0, np.float32), chunk_last=True))
        stream.put(None)
