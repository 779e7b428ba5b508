"""Voice states on disk: what was encoded once is loaded from then on."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol

from app.errors import InvalidRequest
from app.voices.kept_files import KeptFiles
from app.voices.states import Sized

logger = logging.getLogger(__name__)


class StateKeeper(Protocol):
    """What keeping states needs of the engine."""

    @property
    def model_fingerprint(self) -> str: ...

    @property
    def voice_precision(self) -> str: ...

    def save_voice(self, state: Sized, path: Path) -> None: ...

    def load_voice(self, path: Path) -> Sized: ...


class KeptStates:
    """States of recordings, by what was recorded and what encoded it.

    Args:
        keeper: the engine.
        recipe: whatever else decides what a recording becomes, such as how much of it is used.
    """

    def __init__(self, files: KeptFiles, *, keeper: Callable[[], StateKeeper], recipe: str) -> None:
        self._files = files
        self._keeper = keeper
        self._recipe = recipe

    def get(self, digest: str, encode: Callable[[], Sized]) -> Sized:
        """The state of the recording with this SHA-256, encoded if it is not kept. Blocks."""
        keeper = self._keeper()
        name = self._name(keeper, digest)
        kept = self._files.find(name)
        if kept is not None:
            try:
                return keeper.load_voice(kept)
            except InvalidRequest as error:
                logger.warning("a kept voice state is damaged, encoding again: %s", error)
                self._files.forget(name)
        state = encode()
        self._files.keep(name, partial(keeper.save_voice, state))
        return state

    def forget(self, digest: str) -> None:
        """Remove all that was made of this recording."""
        self._files.forget(digest[:32])

    def _name(self, keeper: StateKeeper, digest: str) -> str:
        maker = f"{keeper.model_fingerprint} {keeper.voice_precision} {self._recipe}"
        return f"{digest[:32]}-{hashlib.sha256(maker.encode()).hexdigest()[:16]}.safetensors"
