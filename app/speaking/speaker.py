"""One model and the voices it speaks in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from app.engine.supervisor import EngineSupervisor
from app.speech import Clip
from app.voices.library import VoiceLibrary


class Origin(NamedTuple):
    """The model and the voice that are heard."""

    model: str
    voice: str | None
    """None for a voice that was sent as a recording"""


@dataclass(frozen=True, slots=True)
class Speaker:
    """One model, and what it needs to speak.

    Attributes:
        model: its name, as in MODEL_LANGUAGE.
        language: two-letter code of what it speaks.
    """

    model: str
    language: str
    supervisor: EngineSupervisor
    library: VoiceLibrary
    stand_ins: Mapping[str, str] = field(default_factory=dict)
    """by voice, the one that is heard instead; for a model that only fills in for another"""

    def heard(self, voice: str | Clip) -> Origin:
        """Who is heard when somebody asks for `voice`, which exists.

        Raises:
            VoiceNotFound: it has gone meanwhile. ModelUnavailable.
        """
        if isinstance(voice, Clip):
            return Origin(self.model, None)
        name = self.library.resolve(voice)
        own = self.library.is_file(name)
        return Origin(self.model, name if own else self.stand_ins.get(name, name))

    @property
    def is_idle(self) -> bool:
        """Nobody would notice if it were gone: loaded, and neither speaking nor asked to."""
        engine = self.supervisor.status().engine
        return engine is not None and engine.running_rows == 0 and engine.queued_jobs == 0
