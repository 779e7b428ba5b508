"""Finds out, once for each model, how its attention tells when words sound."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.engine.alignment import kept
from app.engine.alignment.estimate import EstimatingAligner
from app.engine.alignment.follow import AttentionAligner
from app.engine.alignment.heads import Recording, choose
from app.engine.alignment.sentences import sentences_for
from app.engine.alignment.words import Reading, spoken_words, token_shares
from app.engine.batch_loop import BatchLoop
from app.engine.runner import BaseRunner
from app.engine.sequence import Aligner, Look, MakeAligner, RowSampling
from app.engine.voice_state import KvPrefix
from app.speech import Pcm, WordTime
from app.speech_engine import Alignment, EngineOptions, SpeechJob, SpokenChunk

logger = logging.getLogger(__name__)

AT_ONCE = 2
"""So many sentences are spoken at once. Each takes a cache, and caches are kept for later rows: an
idle server with a full-size model that never ends its sentences took 1.35 GB after two at once, and
1.58 GB after all at once."""


class Calibration:
    """Chooses the attention heads by which the words of a model are timed. Thread-safe.

    Attributes:
        alignment: what was found; None before.

    Args:
        loop: speaks some sentences for it, with all heads watched.
        sampling: how they are sampled.
        fingerprint: tells the model's weights from others; may block.
    """

    def __init__(
        self,
        loop: BatchLoop,
        runner: BaseRunner,
        options: EngineOptions,
        sampling: RowSampling,
        fingerprint: Callable[[], str],
    ) -> None:
        self.alignment: Alignment | None = None
        self._loop = loop
        self._runner = runner
        self._sentences = sentences_for(options.language)
        self._folder: Path = options.models_dir / "alignment"
        self._sampling = sampling
        self._fingerprint = fingerprint
        self._lock = threading.Lock()

    def find(self, voice: KvPrefix) -> Alignment:
        """Return what is known or kept, else speak and choose. Blocks, for seconds then.

        Raises:
            Overloaded, ModelUnavailable, SynthesisFailed: the sentences could not be spoken.
        """
        with self._lock:
            if self.alignment is None:
                fingerprint = self._fingerprint()
                found = kept.load(self._folder, fingerprint)
                if found is None or not set(found.heads) <= set(self._runner.heads):
                    found = self._chosen(voice)
                    kept.keep(self._folder, fingerprint, found)
                if found.heads:
                    self._runner.heads = found.heads
                self.alignment = found
            return self.alignment

    def make_aligner(self, alignment: Alignment) -> MakeAligner:
        """Return what makes aligners of this kind."""

        def make(reading: Reading, look: Look) -> Aligner | None:
            words = spoken_words(reading.text)
            if not words:
                return None
            if not alignment.heads:
                return EstimatingAligner(reading.text, words)
            shares = token_shares(reading, words)
            frame_samples = self._runner.frame_samples
            return AttentionAligner(words, shares, look, alignment, frame_samples=frame_samples)

        return make

    def _chosen(self, voice: KvPrefix) -> Alignment:
        recordings = asyncio.run(self._spoken(voice))
        found = choose(recordings, self._runner.heads, self._runner.frame_seconds)
        if found.heads:
            heads = ", ".join(f"{layer}.{head}" for layer, head in found.heads)
            logger.info("words are timed by the attention heads %s, gain %s", heads, found.gain)
        else:
            logger.info("no attention head follows the words: their times are estimated")
        return found

    async def _spoken(self, voice: KvPrefix) -> list[Recording]:
        """Speak the sentences and record what all heads looked at."""
        recorders: list[_Recorder] = []

        def record(reading: Reading, look: Look) -> _Recorder:
            recorders.append(_Recorder(reading, look, self._runner.frame_samples))
            return recorders[-1]

        for start in range(0, len(self._sentences), AT_ONCE):
            texts = self._sentences[start : start + AT_ONCE]
            job = SpeechJob(tuple(SpokenChunk(text, voice) for text in texts), unhurried=True)
            stream = self._loop.submit(job, self._sampling, record, watched=True)
            async for _ in stream:
                pass
        return [recorder.recording() for recorder in recorders]


class _Recorder:
    """Records a chunk for `choose`, as an aligner that times no word."""

    def __init__(self, reading: Reading, look: Look, frame_samples: int) -> None:
        self._reading = reading
        self._look = look
        self._frame_samples = frame_samples
        self._pcm: list[Pcm] = []
        self._attention: NDArray[np.float32] | None = None

    def advance(self, pcm: Pcm) -> tuple[WordTime, ...]:
        self._pcm.append(pcm)
        return ()

    def finish(self) -> tuple[WordTime, ...]:
        self._attention = self._look(sum(map(len, self._pcm)) // self._frame_samples)
        return ()

    def recording(self) -> Recording:
        """Return all that was recorded."""
        assert self._attention is not None
        words = spoken_words(self._reading.text)
        shares = token_shares(self._reading, words)
        return Recording(words, shares, self._attention, np.concatenate(self._pcm))
