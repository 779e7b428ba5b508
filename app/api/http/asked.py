"""Notes what a request asks for before that is looked at, so that the log has it of a refusal."""

from __future__ import annotations

from collections.abc import Mapping

from app.errors import Parameter, named, shortened
from app.request_record import current_record


def note_asked(fields: object, words: Mapping[Parameter, str]) -> None:
    """Note which voice is named in the fields of a request, and how long the text is.

    Args:
        fields: a body as it was read, whatever it is, or what stands in an address.
        words: what the client calls voice and text.
    """
    if not isinstance(fields, Mapping):
        return
    voice, text = (
        value if isinstance(value := fields.get(named(parameter, words)), str) else ""
        for parameter in (Parameter.VOICE, Parameter.TEXT)
    )
    current_record().asked_for(shortened(voice) or None, len(text))
