"""An engine whose voice states are small files."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from app.errors import InvalidRequest
from app.speech import Pcm


@dataclass(frozen=True)
class FakeState:
    sound: str
    nbytes: int = 100


@dataclass
class FakeVoiceEngine:
    """Makes states, writes them, and remembers how often it had to."""

    model_fingerprint: str = "model-one"
    voice_precision: str = "float32"
    sample_rate_hz: int = 24000
    predefined_voices: tuple[str, ...] = ("alba",)
    encoded: list[FakeState] = field(default_factory=list)
    full_disk: bool = False

    def encode_voice(self, pcm: Pcm) -> FakeState:
        self.encoded.append(FakeState(hashlib.sha256(pcm.tobytes()).hexdigest()))
        return self.encoded[-1]

    def save_voice(self, state: object, path: Path) -> None:
        assert isinstance(state, FakeState)
        if self.full_disk:
            path.write_text("half")
            raise OSError(28, "No space left on device")
        path.write_text(f"state {state.sound}")

    def load_voice(self, path: Path) -> FakeState:
        kind, _, sound = path.read_text().partition(" ")
        if kind != "state":
            raise InvalidRequest(f"{path.name} is not a voice state")
        return FakeState(sound)

    def predefined_voice(self, name: str) -> FakeState:
        return FakeState(name)
