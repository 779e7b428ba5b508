"""Speaks with Pipecat's own services in a pipeline, and prints what was heard as JSON.

It is run by the Python of `make test-agents`, where Pipecat is: URL and key in, one line out.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from loguru import logger
from pipecat.frames.frames import (
    EndFrame,
    ErrorFrame,
    Frame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TTSAudioRawFrame,
    TTSStoppedFrame,
    TTSTextFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.elevenlabs.tts import ElevenLabsTTSService
from pipecat.services.fish.tts import FishAudioTTSService
from pipecat.services.openai.tts import OpenAITTSService
from pipecat.workers.runner import WorkerRunner

TEXT = "Hello there, this is a first sentence. And here is a second one."
PATIENCE_SECONDS = 60.0


class Listener(FrameProcessor):  # type: ignore[misc]  # mypy does not see Pipecat
    """Takes down what comes out of a service."""

    def __init__(self) -> None:
        super().__init__()
        self.stopped = asyncio.Event()
        self.sounds = asyncio.Event()
        self.clear()

    def clear(self) -> None:
        self.sound, self.rate_hz = b"", 1
        self.words: list[str] = []
        self.errors: list[str] = []
        self.stopped.clear()
        self.sounds.clear()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, TTSAudioRawFrame):
            self.sound += frame.audio
            self.rate_hz = frame.sample_rate
            self.sounds.set()
        elif isinstance(frame, TTSTextFrame):
            self.words.append(frame.text)
        elif isinstance(frame, TTSStoppedFrame):
            self.stopped.set()
        elif isinstance(frame, ErrorFrame):
            self.errors.append(frame.error)
        await self.push_frame(frame, direction)

    def found(self) -> dict[str, Any]:
        return {
            "seconds": len(self.sound) / 2 / self.rate_hz,
            "words": self.words,
            "errors": self.errors,
        }


async def reply(worker: PipelineWorker, text: str) -> None:
    """Say a text as a language model writes it."""
    await worker.queue_frame(LLMFullResponseStartFrame())
    for start in range(0, len(text), 4):
        await worker.queue_frame(LLMTextFrame(text[start : start + 4]))
    await worker.queue_frame(LLMFullResponseEndFrame())


async def spoken_by(service: FrameProcessor) -> dict[str, Any]:
    """What is heard of one reply, and of one that comes after an interruption."""
    listener = Listener()
    params = PipelineParams(audio_out_sample_rate=24000)
    worker = PipelineWorker(
        Pipeline([service, listener]), params=params, cancel_on_idle_timeout=False
    )
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    running = asyncio.create_task(runner.run())
    found = {}
    async with asyncio.timeout(PATIENCE_SECONDS):
        await reply(worker, TEXT)
        await listener.stopped.wait()
        found["whole"] = listener.found()
        listener.clear()
        await reply(worker, TEXT * 4)
        await listener.sounds.wait()
        await worker.queue_frame(InterruptionFrame())
        await asyncio.sleep(0.5)
        listener.clear()
        await reply(worker, "This is what comes after it.")
        await listener.stopped.wait()
        found["after an interruption"] = listener.found()
        listener.clear()
        await reply(worker, "A reply. 🙂")
        await listener.stopped.wait()
        found["emoji at the end"] = listener.found()
        await worker.queue_frame(EndFrame())
        await running
    return found


async def main(url: str, key: str) -> dict[str, Any]:
    socket = url.replace("http", "ws", 1)
    eleven = ElevenLabsTTSService(
        api_key=key, url=socket, settings=ElevenLabsTTSService.Settings(voice="alba")
    )
    fish = FishAudioTTSService(api_key=key, settings=FishAudioTTSService.Settings(voice="alba"))
    # This service takes no address.
    fish._base_url = f"{socket}/v1/tts/live"
    openai = OpenAITTSService(
        api_key=key, base_url=f"{url}/v1", settings=OpenAITTSService.Settings(voice="alloy")
    )
    return {
        "elevenlabs": await spoken_by(eleven),
        "fish": await spoken_by(fish),
        "openai": await spoken_by(openai),
    }


if __name__ == "__main__":
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    print(json.dumps(asyncio.run(main(*sys.argv[1:]))))
