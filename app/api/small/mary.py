"""Serves MaryTTS's /process, which Home Assistant's MaryTTS integration calls."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import Request
from fastapi.responses import Response
from pydantic import BaseModel

from app.api.http.asked import note_asked
from app.api.http.delivery import file_response
from app.api.http.dependencies import ServicesDep
from app.api.http.forms import urlencoded_form
from app.api.http.routes import dialect_router
from app.api.small.dialect import MARY
from app.audio.formats import format_named
from app.errors import InvalidRequest, shortened
from app.services import Services
from app.speech import SpeechRequest
from app.voices.details import language_code
from app.wording.support import HONOURED, Effect, Support, support_of
from app.wording.validation import validated

PROCESS_PATH = "/process"
_ONLY = {"INPUT_TYPE": ("TEXT",), "OUTPUT_TYPE": ("AUDIO",), "AUDIO": ("WAVE_FILE", "WAVE")}

router = dialect_router(MARY)


class MaryForm(BaseModel):
    """These are MaryTTS's fields; those of effects are ignored."""

    INPUT_TEXT: Annotated[str, HONOURED]
    INPUT_TYPE: Annotated[str, Effect("refused", "unless it is TEXT")] = "TEXT"
    OUTPUT_TYPE: Annotated[str, Effect("refused", "unless it is AUDIO")] = "AUDIO"
    AUDIO: Annotated[str, Effect("refused", "unless it is WAVE_FILE")] = "WAVE_FILE"
    LOCALE: Annotated[str | None, Effect("honoured", "refused where no model here speaks it")] = (
        None
    )
    VOICE: Annotated[str | None, Effect("honoured", "a voice of this server")] = None

    def request(self, services: Services) -> SpeechRequest:
        """Make this server's request.

        Raises:
            InvalidRequest: something else than sound is asked for.
        """
        for name, allowed in _ONLY.items():
            value = getattr(self, name)
            if value not in allowed:
                raise InvalidRequest(
                    f"{name} must be {allowed[0]}; it is {shortened(repr(value))}", field=name
                )
        voice = services.cast.voice_named(self.VOICE or None)
        return SpeechRequest(self.INPUT_TEXT, voice, language=language_code(self.LOCALE))


@router.get(PROCESS_PATH, response_class=Response, include_in_schema=False)
@router.post(PROCESS_PATH, response_class=Response, include_in_schema=False)
async def process(request: Request, services: ServicesDep) -> Response:
    """Speak a text; the answer is a complete WAV."""
    # Clients send their form without a Content-Type.
    sent = await request.body() if request.method == "POST" else request.scope["query_string"]
    form = await services.pools.bodies.run(partial(urlencoded_form, sent))
    fields = {name: value for name, value in form.items() if value}
    note_asked(fields, MARY.words)
    asked = validated(MaryForm, fields).request(services)
    return await file_response(request, services, asked, format_named("wav"))


SUPPORT = (
    *support_of(f"POST {PROCESS_PATH}", MaryForm),
    Support(f"POST {PROCESS_PATH}", "effect_…", "without effect", "all of them"),
)
