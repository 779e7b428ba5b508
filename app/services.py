"""The long-lived parts of one server, by the names that front ends find them under."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.audio.storage import AudioStore
from app.lifetime import Lifetime
from app.settings import Settings
from app.speaking.cast import Cast
from app.speaking.door import Speech
from app.speaking.previews import Previews
from app.voices.consents import ConsentStore
from app.voices.fetch import VoiceFetcher
from app.voices.store import VoiceStore


@dataclass(frozen=True, slots=True)
class Services:
    """All that a front end may use. `app/assembly.py` makes it once.

    Attributes:
        speech: the one door to speech.
        cast: which models there are, and what they are doing.
        voices: the voices, those that people made here included.
        fetcher: gets recordings from other servers; None where that is off.
        saved: audio that was saved for a URL; opened by whoever serves it.
    """

    settings: Settings
    lifetime: Lifetime
    speech: Speech
    cast: Cast
    voices: VoiceStore
    previews: Previews
    consents: ConsentStore
    fetcher: VoiceFetcher | None
    saved: AudioStore
    ffmpeg: Path
