"""Fakes an engine whose voice states are small files, and makes a library over a fake engine."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.errors import InvalidRequest
from app.speech import Clip, Pcm
from app.speech_engine import VoiceState
from app.voices.kept_files import KeptFiles
from app.voices.kept_states import KeptStates
from app.voices.library import VoiceLibrary
from app.voices.prompts import Prompt
from app.voices.states import VoiceStates
from app.work import NEVER_CANCELLED, CancelToken, make_pools
from tests.fakes import FakeEngine, FakeVoice


@dataclass
class FakeVoiceEngine(FakeEngine):
    """Makes a state of the very samples it hears, and writes and reads it; the disk may be full."""

    predefined_voices: tuple[str, ...] = ("alba",)
    full_disk: bool = False

    def encode_voice(self, pcm: Pcm, cancel: CancelToken = NEVER_CANCELLED) -> FakeVoice:
        self.encoded.append(pcm)
        return voice_of(pcm)

    def save_voice(self, state: VoiceState, path: Path) -> None:
        assert isinstance(state, FakeVoice)
        if self.full_disk:
            path.write_text("half")
            raise OSError(28, "No space left on device")
        path.write_text(f"state {state.name}")

    def load_voice(self, path: Path) -> FakeVoice:
        kind, _, sound = path.read_text().partition(" ")
        if kind != "state":
            raise InvalidRequest(f"{path.name} is not a voice state")
        return FakeVoice(sound)


def voice_of(pcm: Pcm) -> FakeVoice:
    return FakeVoice(hashlib.sha256(pcm.tobytes()).hexdigest())


def make_library(
    folder: Path,
    engine: Callable[[], FakeEngine],
    decode_clip: Callable[[Clip], Pcm],
    *,
    kept_bytes: int = 10**6,
    recipe: str = "15 s",
) -> VoiceLibrary:
    """Make a library with an empty memory, as a start of the server does.

    Args:
        kept_bytes: how much may stay on the disk; 0 lets nothing stay.
    """
    kept = KeptStates(KeptFiles(folder / ".states", kept_bytes), engine=engine, recipe=recipe)
    return VoiceLibrary(
        folder,
        engine=engine,
        predefined=lambda: engine().predefined_voices,
        prepare=lambda clip, _cancel: Prompt(decode_clip(clip)),
        states=VoiceStates(10**6),
        model="fake",
        kept=kept,
        pools=make_pools(),
    )
