"""Lets one model speak in the place of another, which is being fetched or cannot be had."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from app.speaking.speaker import Speaker

logger = logging.getLogger(__name__)

_HANDOVER_SECONDS = 10.0
"""A request takes less than this from choosing its speaker to its first audio."""
_LONGEST_SPEECH_SECONDS = 3600.0


class StandIn:
    """Loads a model once the wanted one turns out to be missing, and gives it up afterwards.

    Use from the event loop.

    Args:
        speaker: fills in; its model ships with the server and is not loaded yet.
        wanted: the speaker that it stands in for.
    """

    def __init__(self, speaker: Speaker, wanted: Speaker) -> None:
        self.speaker = speaker
        self._wanted = wanted
        self._retiring: asyncio.Task[None] | None = None
        self.is_loaded = False
        """The model is in memory, or on its way there."""

    @property
    def speaks(self) -> bool:
        """Tell whether requests for the wanted model are spoken by this one now."""
        return self.is_loaded and not self._wanted.supervisor.is_available

    def fill_in(self, on_ready: Callable[[], None]) -> None:
        """Begin to load the model. A second call does nothing: the model is given up only once.

        Args:
            on_ready: called on another thread once it can speak.
        """
        if self.is_loaded or self._retiring is not None:
            return
        self.is_loaded = True
        logger.warning(
            "%s speaks in the place of %s: %s",
            self.speaker.model,
            self._wanted.model,
            self._wanted.supervisor.status().detail,
        )
        self.speaker.supervisor.start(on_ready)

    def retire(self) -> None:
        """Give the model up in the background, once it has finished what it has begun."""
        if self.is_loaded and self._retiring is None:
            self._retiring = asyncio.create_task(self._retire())

    async def stop(self, grace_seconds: float) -> None:
        """Stop the model now, within `grace_seconds`, whether or not it is being given up."""
        if self._retiring is not None:
            self._retiring.cancel()
        if self.is_loaded:
            await self.speaker.supervisor.stop(grace_seconds)

    async def _retire(self) -> None:
        logger.info("%s speaks from now on", self._wanted.model)
        await asyncio.sleep(_HANDOVER_SECONDS)
        await self.speaker.supervisor.stop(_LONGEST_SPEECH_SECONDS)
        self.is_loaded = False
