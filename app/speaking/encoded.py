"""Encodes speech as a complete clip or as a stream, for answers, sockets and files alike."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import AsyncExitStack, aclosing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from app.audio.clip_loudness import normalized_clip
from app.audio.encode import encode_clip
from app.audio.formats import AudioFormat
from app.audio.live import LiveEncoder
from app.audio.live_loudness import normalized_live
from app.audio.loudness import TARGET_LUFS
from app.audio.spool import PcmSpool
from app.bounds import UNSPOOLED_SECONDS
from app.errors import FfmpegFailed, FfmpegUnavailable
from app.marks import Marks
from app.request_record import RequestRecord, current_record
from app.speaking.fed import FedSpeech
from app.speaking.speaker import Origin
from app.speaking.utterance import Utterance
from app.speech import Pcm, SpeechRequest
from app.speech_engine import JobTimings
from app.work import CancelToken, Pools

_PIECE_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class CompleteAudio:
    """Holds a whole encoded clip, how long it sounds, and how long each stage took.

    Attributes:
        file: the clip, in memory while it is short; whoever has it closes it.
        marks: when its words and sentences are heard; empty unless the request asks for times.
        more_takes: how many takes it took, if that is more than were planned; else None.
    """

    file: IO[bytes]
    size_bytes: int
    content_type: str
    origin: Origin
    speech_seconds: float
    marks: Marks
    took_seconds: dict[str, float]
    more_takes: int | None = None

    async def pieces(self, pools: Pools) -> AsyncGenerator[bytes, None]:
        """Yield the clip piece by piece, and close it."""
        with self.file as file:
            while data := await pools.files.run(partial(file.read, _PIECE_BYTES)):
                yield data

    def read(self) -> bytes:
        """Return the whole clip, and close it. Blocks."""
        with self.file as file:
            return file.read()


async def complete_audio(
    utterance: Utterance, audio: AudioFormat, ffmpeg: Path, pools: Pools
) -> CompleteAudio:
    """Wait for all of an utterance, encode it, and close it.

    Raises:
        SpeechError: as `Utterance.pcm`, or the encoder failed.
    """
    request, rate_hz = utterance.request, utterance.sample_rate_hz
    with PcmSpool() as sound:
        try:
            await _gather(utterance, sound, pools)
        finally:
            utterance.close()
        synthesized_seconds = time.monotonic()

        def finished(cancel: CancelToken) -> IO[bytes]:
            if not request.normalize_loudness:
                return encode_clip(sound, rate_hz, audio, ffmpeg, cancel)
            target_lufs = _target_lufs(request, audio)
            with normalized_clip(sound, rate_hz, cancel, target_lufs=target_lufs) as leveled:
                return encode_clip(leveled, rate_hz, audio, ffmpeg, cancel)

        record = current_record()
        with record.in_stage("encode"), _noted_failures(record):
            file = await pools.finishing.run_cancellable(finished, let_go=lambda file: file.close())
    return CompleteAudio(
        file,
        _size_bytes(file),
        audio.content_type(rate_hz),
        utterance.origin,
        speech_seconds=utterance.spoken_seconds,
        marks=utterance.marks.later(audio.delay_seconds(rate_hz, live=False)),
        took_seconds={
            **_begun_seconds(utterance),
            "synthesis": synthesized_seconds - utterance.began_seconds,
            "encoding": time.monotonic() - synthesized_seconds,
        },
        more_takes=_more_takes(utterance.timings),
    )


async def _gather(utterance: Utterance, sound: PcmSpool, pools: Pools) -> None:
    """Put all of an utterance where there is room for it, however long it is."""
    waiting: list[Pcm] = []
    spooled_seconds = 0.0
    utterance.read_whole()
    async with aclosing(utterance.pcm()) as spoken:
        async for piece in spoken:
            waiting.append(piece)
            if utterance.spoken_seconds - spooled_seconds > UNSPOOLED_SECONDS:
                await pools.files.run(partial(sound.extend, waiting))
                waiting, spooled_seconds = [], utterance.spoken_seconds
    await pools.files.run(partial(sound.extend, waiting))


def _more_takes(timings: JobTimings) -> int | None:
    return timings.takes if timings.takes > timings.takes_planned else None


def _size_bytes(file: IO[bytes]) -> int:
    size_bytes = file.seek(0, os.SEEK_END)
    file.seek(0)
    return size_bytes


class LiveMarks:
    """Gives out the marks of a live stream, each once, as soon as they are known.

    A word is known about a fifth of a second after its sound was made, so that the encoded bytes
    may be out before.

    Args:
        marks: of speech that is being made.
        delay_seconds: how much later players hear it, because of the encoder.
    """

    def __init__(self, marks: Marks, delay_seconds: float) -> None:
        self._marks = marks
        self._delay_seconds = delay_seconds
        self._words_given = 0
        self._sentences_given = 0

    def take(self) -> Marks:
        """Return the marks that have become known since this was last called."""
        words = self._marks.words[self._words_given :]
        sentences = self._marks.sentences[self._sentences_given :]
        self._words_given += len(words)
        self._sentences_given += len(sentences)
        return Marks(self._marks.method, words, sentences).later(self._delay_seconds)


@dataclass(frozen=True, slots=True)
class LiveAudio:
    """Holds encoded speech whose first bytes exist. Close it, whatever happens.

    Attributes:
        body: gives all bytes, in order; read it once.
        marks: gives out what is known of its words and sentences, while the body is read.
        took_seconds: how long each stage took that is over.
        work: is closed to stop the encoder and the engine's work.
    """

    body: AsyncIterator[bytes]
    content_type: str
    utterance: Utterance
    marks: LiveMarks
    took_seconds: dict[str, float]
    work: AsyncExitStack

    async def aclose(self) -> None:
        """Stop the work behind this speech, if any is left."""
        await self.work.aclose()


async def live_audio(utterance: Utterance, audio: AudioFormat, ffmpeg: Path) -> LiveAudio:
    """Encode an utterance while it is being made, and wait for the first bytes.

    Raises:
        SpeechError: as `Utterance.pcm`, or the encoder failed. Nothing was given out yet, so every
            failure still gets its own answer. The utterance is closed.
    """
    record = current_record()
    with _noted_failures(record):
        async with AsyncExitStack() as stack:
            stack.callback(utterance.close)
            stack.enter_context(record.in_stage("encode"))
            # FFmpeg starts while the model works on the first frame.
            encoder = await stack.enter_async_context(
                LiveEncoder(audio, utterance.sample_rate_hz, ffmpeg)
            )
            body = encoder.encode(_leveled(utterance, audio))
            rate_hz = utterance.sample_rate_hz
            # An encoder gives nothing before there is sound.
            first = await anext(body)
            return LiveAudio(
                body=_chain(first, body, record),
                content_type=audio.content_type(utterance.sample_rate_hz),
                utterance=utterance,
                marks=LiveMarks(utterance.marks, audio.delay_seconds(rate_hz, live=True)),
                took_seconds=_begun_seconds(utterance),
                work=stack.pop_all(),
            )


async def fed_audio(
    fed: FedSpeech, audio: AudioFormat, ffmpeg: Path
) -> AsyncGenerator[bytes, None]:
    """Yield one encoded stream of a script that is still being written.

    Raises:
        SpeechError: as `FedSpeech.pcm`, or the encoder failed.
    """
    record = current_record()
    with record.in_stage("encode"), _noted_failures(record):
        async with LiveEncoder(audio, fed.sample_rate_hz, ffmpeg) as encoder:
            async for data in encoder.encode(_leveled(fed, audio)):
                yield data
    fed.require_spoken()


@contextmanager
def _noted_failures(record: RequestRecord) -> Iterator[None]:
    """Take note in the record of a request if FFmpeg fails in the block."""
    try:
        yield
    except (FfmpegFailed, FfmpegUnavailable):
        record.ffmpeg_failures += 1
        raise


def _leveled(spoken: Utterance | FedSpeech, audio: AudioFormat) -> AsyncGenerator[Pcm, None]:
    """Return the sound of speech at the loudness that its request asks for."""
    if not spoken.request.normalize_loudness:
        return spoken.pcm()
    target_lufs = _target_lufs(spoken.request, audio)
    return normalized_live(spoken.pcm(), spoken.sample_rate_hz, target_lufs=target_lufs)


async def _chain(
    first: bytes, rest: AsyncIterator[bytes], record: RequestRecord
) -> AsyncGenerator[bytes, None]:
    with _noted_failures(record):
        yield first
        async for data in rest:
            yield data


def _target_lufs(request: SpeechRequest, audio: AudioFormat) -> float:
    """Return the loudness to aim at, so that the volume of a request is not levelled away."""
    return TARGET_LUFS + request.prosody.volume_db - audio.encoder_gain_db


def _begun_seconds(utterance: Utterance) -> dict[str, float]:
    timings = utterance.timings
    return {
        name: seconds
        for name, seconds in (
            ("queue", timings.queued_seconds),
            ("first_audio", timings.first_audio_seconds),
        )
        if seconds is not None
    }
