"""Keeps voice states on disk, so that what was encoded once is loaded from then on."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from functools import partial

from app.errors import InvalidRequest
from app.speech_engine import SpeechEngine, VoiceState
from app.voices.kept_files import KeptFiles

logger = logging.getLogger(__name__)


class KeptStates:
    """Finds the states of recordings by what was recorded and what encoded it.

    Args:
        engine: gives the running engine, which writes and reads the states.
        recipe: whatever else decides what a recording becomes, such as how much of it is used.
    """

    def __init__(
        self, files: KeptFiles, *, engine: Callable[[], SpeechEngine], recipe: str
    ) -> None:
        self._files = files
        self._engine = engine
        self._recipe = recipe

    def find(self, digest: str) -> VoiceState | None:
        """Load the state of a recording, if it is kept. Blocks.

        Args:
            digest: SHA-256 of the recording, in hex.
        """
        engine = self._engine()
        name = self._name(engine, digest)
        kept = self._files.find(name)
        if kept is None:
            return None
        try:
            return engine.load_voice(kept)
        except InvalidRequest as error:
            logger.warning("a kept voice state is damaged, encoding again: %s", error)
            self._files.forget(name)
            return None

    def keep(self, digest: str, state: VoiceState) -> None:
        """Keep the state that was made of a recording, given its SHA-256. Blocks."""
        engine = self._engine()
        self._files.keep(self._name(engine, digest), partial(engine.save_voice, state))

    def forget(self, digest: str) -> None:
        """Remove all that was made of a recording, given its SHA-256."""
        self._files.forget(digest[:32])

    def _name(self, engine: SpeechEngine, digest: str) -> str:
        maker = f"{engine.model_fingerprint} {engine.voice_precision} {self._recipe}"
        return f"{digest[:32]}-{hashlib.sha256(maker.encode()).hexdigest()[:16]}.safetensors"
