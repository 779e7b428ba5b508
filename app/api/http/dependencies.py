"""What the routes are given, under names; made once in `app/main.py`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import Depends
from fastapi.requests import HTTPConnection

from app.audio.storage import AudioStore
from app.engine.supervisor import EngineSupervisor
from app.settings import Settings
from app.speaking.cast import Speakers
from app.voices.consents import ConsentStore
from app.voices.fetch import VoiceFetcher
from app.voices.kept_files import KeptFiles
from app.voices.library import VoiceLibrary
from app.voices.store import VoiceStore


@dataclass(frozen=True, slots=True)
class OwnVoices:
    """What serves the voices that people make and keep here."""

    store: VoiceStore
    previews: KeptFiles
    consents: ConsentStore
    fetcher: VoiceFetcher | None
    """None where fetching by URL is off"""


@dataclass(frozen=True, slots=True)
class Services:
    """The long-lived objects of one app, kept in `app.state.services`."""

    settings: Settings
    speakers: Speakers
    own_voices: OwnVoices
    store: AudioStore
    ffmpeg: Path
    started_monotonic_seconds: float

    @property
    def supervisor(self) -> EngineSupervisor:
        """Of the default model, or of the one that fills in for it."""
        return self.speakers.current.supervisor

    @property
    def voices(self) -> VoiceLibrary:
        """Of the same model."""
        return self.speakers.current.voices


def services(connection: HTTPConnection) -> Services:
    found: Services = connection.app.state.services
    return found


ServicesDep = Annotated[Services, Depends(services)]
