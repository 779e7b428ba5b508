"""Holds one model together with the voices that it speaks in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from app.engine.supervisor import EngineSupervisor
from app.speech import Clip
from app.voices.library import VoiceLibrary


class Origin(NamedTuple):
    """Names the model and the voice that are heard."""

    model: str
    voice: str | None
    """None means a voice that was sent as a recording."""
    preparation: tuple[str, ...] = ()
    """This was done to the recording, in words."""
    left_out: tuple[str, ...] = ()
    """These stretches of the script are not heard, for the model cannot read their letters."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """Holds one model, and what it needs to speak.

    Attributes:
        model: its name, as in MODEL_LANGUAGE.
        language: the language that it speaks, as a two-letter code.
        library: finds its voices.
        stand_ins: for a model that only fills in for another, the voice heard in the place of each.
    """

    model: str
    language: str
    supervisor: EngineSupervisor
    library: VoiceLibrary
    stand_ins: Mapping[str, str] = field(default_factory=dict)

    def heard(self, voice: str | Clip) -> Origin:
        """Tell who is heard when somebody asks for `voice`, which must exist.

        Raises:
            VoiceNotFound: it has gone meanwhile.
            ModelUnavailable.
        """
        if isinstance(voice, Clip):
            return Origin(self.model, None)
        name = self.library.resolve(voice)
        own = self.library.is_file(name)
        return Origin(self.model, name if own else self.stand_ins.get(name, name))

    @property
    def is_idle(self) -> bool:
        """Tell whether the model is neither speaking nor asked to speak, nor on its way."""
        status = self.supervisor.status()
        engine = status.engine
        if status.state == "idle":
            return True
        return engine is not None and engine.running_rows == 0 and engine.queued_jobs == 0
