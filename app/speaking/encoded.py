"""Speech as encoded audio, for whoever wants it: an answer over HTTP, a socket, a file."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from typing import NamedTuple

from app.api.http.dependencies import Services
from app.audio.encode import encode_clip
from app.audio.formats import AudioFormat
from app.audio.live import LiveEncoder
from app.audio.live_loudness import normalized_live
from app.audio.loudness import TARGET_LUFS, normalized_clip
from app.speaking.cast import Speaker
from app.speaking.fed import FedSpeech
from app.speaking.utterance import FieldNames, Utterance
from app.speech import SPEECH_RATE_HZ, Pcm, SpeechRequest


class Origin(NamedTuple):
    """Who is heard."""

    model: str
    voice: str | None
    """None for a voice that was sent as a recording"""


@dataclass(frozen=True, slots=True)
class CompleteAudio:
    """A whole encoded clip, how long it sounds, and how long each stage took."""

    data: bytes
    content_type: str
    origin: Origin
    speech_seconds: float
    took_seconds: dict[str, float]


async def complete_clip(
    services: Services,
    speech: SpeechRequest,
    audio: AudioFormat,
    *,
    clock: SpokenClock | None = None,
) -> CompleteAudio:
    """Speak, wait for all of it, encode it.

    Args:
        clock: shows meanwhile how far the speech has come.

    Raises:
        SpeechError.
    """
    started = time.monotonic()
    speaker = await services.speakers.of(speech)
    synthesizer = speaker.synthesizer
    plan = await synthesizer.prepare(speech)
    origin = _origin(speaker, speech)
    utterance = await synthesizer.begin(plan)
    try:
        spoken = utterance.pcm() if clock is None else clock.timed(utterance.pcm())
        async with aclosing(spoken):
            pieces = [piece async for piece in spoken]
    finally:
        utterance.close()
    if speech.normalize_loudness:
        pieces = await asyncio.to_thread(
            normalized_clip, pieces, plan.sample_rate_hz, target_lufs=_target_lufs(speech)
        )
    synthesized = time.monotonic()
    data = await asyncio.to_thread(encode_clip, pieces, plan.sample_rate_hz, audio, services.ffmpeg)
    return CompleteAudio(
        data,
        audio.content_type(plan.sample_rate_hz),
        origin,
        speech_seconds=sum(map(len, pieces)) / plan.sample_rate_hz,
        took_seconds={
            **_begun_seconds(utterance),
            "synthesis": synthesized - started,
            "encoding": time.monotonic() - synthesized,
        },
    )


class SpokenClock:
    """How much speech has gone by."""

    def __init__(self, sample_rate_hz: int) -> None:
        self.seconds = 0.0
        self._sample_rate_hz = sample_rate_hz

    async def timed(self, pieces: AsyncGenerator[Pcm, None]) -> AsyncGenerator[Pcm, None]:
        """The same pieces, counted."""
        async with aclosing(pieces):
            async for piece in pieces:
                self.seconds += len(piece) / self._sample_rate_hz
                yield piece


@dataclass(frozen=True, slots=True)
class LiveAudio:
    """Encoded speech that has begun: its first bytes exist. Close it, whatever happens.

    Attributes:
        body: all bytes, in order; to be read once.
        count_script_tokens: how much the model reads. Blocks.
        clock: how much of the speech has been encoded so far.
    """

    body: AsyncIterator[bytes]
    content_type: str
    origin: Origin
    took_seconds: dict[str, float]
    count_script_tokens: Callable[[], int]
    clock: SpokenClock
    work: AsyncExitStack

    async def aclose(self) -> None:
        """Stop the work behind it, if any is left."""
        await self.work.aclose()


async def live_audio(
    services: Services, speech: SpeechRequest, audio: AudioFormat
) -> LiveAudio:
    """Speech to be read while it is being made.

    Raises:
        SpeechError: nothing was given out yet, so that every failure still gets its own answer.
    """
    speaker = await services.speakers.of(speech)
    synthesizer = speaker.synthesizer
    plan = await synthesizer.prepare(speech)
    origin = _origin(speaker, speech)
    async with AsyncExitStack() as stack:
        # FFmpeg starts while the model works on the first frame.
        encoder = await stack.enter_async_context(
            LiveEncoder(audio, plan.sample_rate_hz, services.ffmpeg)
        )
        utterance = await synthesizer.begin(plan)
        stack.callback(utterance.close)
        clock = SpokenClock(plan.sample_rate_hz)
        pieces = _leveled(utterance.pcm(), speech, plan.sample_rate_hz)
        body = encoder.encode(clock.timed(pieces))
        first = await anext(body)
        return LiveAudio(
            body=_chain(first, body),
            content_type=audio.content_type(plan.sample_rate_hz),
            origin=origin,
            took_seconds=_begun_seconds(utterance),
            count_script_tokens=lambda: sum(
                plan.engine.count_tokens(chunk.text) for chunk in plan.chunks
            ),
            clock=clock,
            work=stack.pop_all(),
        )


def fed_speech(services: Services, speech: SpeechRequest) -> FedSpeech:
    """Speech of a script that is still being written; the text in `speech` is not looked at."""
    return FedSpeech(
        services.speakers, speech, max_chars=services.settings.max_script_chars
    )


async def fed_audio(
    services: Services, fed: FedSpeech, speech: SpeechRequest, audio: AudioFormat
) -> AsyncGenerator[bytes, None]:
    """One encoded stream of a script that is still being written.

    Args:
        speech: what `fed` was made with.

    Raises:
        SpeechError.
    """
    async with LiveEncoder(audio, SPEECH_RATE_HZ, services.ffmpeg) as encoder:
        async for data in encoder.encode(_leveled(fed.pcm(), speech, SPEECH_RATE_HZ)):
            yield data


async def _leveled(
    pieces: AsyncGenerator[Pcm, None], speech: SpeechRequest, sample_rate_hz: int
) -> AsyncGenerator[Pcm, None]:
    if speech.normalize_loudness:
        pieces = normalized_live(pieces, sample_rate_hz, target_lufs=_target_lufs(speech))
    async with aclosing(pieces):
        async for piece in pieces:
            yield piece


async def _chain(first: bytes, rest: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    yield first
    async for data in rest:
        yield data


def _origin(speaker: Speaker, speech: SpeechRequest) -> Origin:
    return Origin(speaker.model, speaker.heard(speech.voice))


def _target_lufs(speech: SpeechRequest) -> float:
    """A volume is asked for on top of the common loudness, which would else take it back."""
    return TARGET_LUFS + speech.prosody.volume_db


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
