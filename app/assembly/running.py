"""Runs the long-lived parts in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from functools import partial

from app.errors import SpeechError
from app.named_voices import look_at_voices
from app.network.connections import ended
from app.services import Services
from app.speaking.speaker import Speaker

CALIBRATE_AFTER_SECONDS = 5.0
"""Who waits for a model to become ready speaks first."""

logger = logging.getLogger(__name__)


@asynccontextmanager
async def running(services: Services, *, look_ahead: bool = True) -> AsyncIterator[None]:
    """Run the parts while the block runs: the models load, and speak once they are there.

    At the end requests get a moment to say so, and the models finish what they can within the
    grace time. Serve front ends around this block, so that they leave their clients after that.

    Args:
        look_ahead: make the default voice ready, look at the voices that settings name, find out
            how words are timed, for callers who come later, and work on jobs. A command knows what
            it wants.
    """
    looking: set[asyncio.Task[None]] = set()

    def on_ready(speaker: Speaker) -> None:
        if look_ahead:
            looking.add(asyncio.create_task(_look_ahead(speaker, services)))

    jobs = services.jobs.runner.running() if look_ahead else nullcontext()
    services.cast.start(on_ready)
    try:
        async with services.pronunciations.kept_fresh(), jobs:
            yield
    finally:
        await services.lifetime.requests_ended()
        await services.cast.stop(services.lifetime.grace_left_seconds)
        await ended(*looking)
        services.pools.close()


async def _look_ahead(speaker: Speaker, services: Services) -> None:
    """Make ready what callers will want of a model that has just become ready."""
    settings = services.settings
    await look_at_voices(speaker, services.cast, settings, services.pools.files)
    await asyncio.sleep(CALIBRATE_AFTER_SECONDS)
    try:
        voice = await speaker.library.state_of(services.cast.voice_named(None))
        calibrate = partial(speaker.supervisor.engine.calibrate, voice)
        await services.pools.loading.run_cancellable(lambda _: calibrate())
    except SpeechError as error:
        logger.info("how words are timed is found out with the first request: %s", error.message)
