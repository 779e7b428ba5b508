"""What the routes are given, under names; made once in `app/main.py`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request

from app.audio.storage import AudioStore
from app.engine.supervisor import EngineSupervisor
from app.settings import Settings
from app.synthesizer import Synthesizer
from app.voices.library import VoiceLibrary


@dataclass(frozen=True, slots=True)
class Services:
    """The long-lived objects of one app, kept in `app.state.services`."""

    settings: Settings
    supervisor: EngineSupervisor
    voices: VoiceLibrary
    synthesizer: Synthesizer
    store: AudioStore
    ffmpeg: Path
    started_monotonic_seconds: float


def services(request: Request) -> Services:
    found: Services = request.app.state.services
    return found


ServicesDep = Annotated[Services, Depends(services)]
