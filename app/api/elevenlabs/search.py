"""Searches voices for ElevenLabs' clients: filters them, sorts them, and splits them into pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, Field

from app.errors import InvalidRequest
from app.voices.store import Voice
from app.wording.support import HONOURED, WITHOUT_EFFECT, Effect

_NONE_FITS = Effect("honoured", "no voice here has it, so that none is found")
_BY_LABEL = Effect("honoured", "by the voice's label")

_VOICE_TYPES = {
    "default": "built-in",
    "personal": "custom",
    "non-default": "custom",
    "non-community": "custom",
    "saved": "custom",
}


class VoiceSearch(BaseModel):
    """This is the query of GET /v2/voices."""

    search: Annotated[str | None, HONOURED] = None
    page_size: Annotated[int, HONOURED] = Field(10, ge=1, le=100)
    next_page_token: Annotated[str | None, HONOURED] = None
    sort: Annotated[Literal["name", "created_at_unix"] | None, HONOURED] = None
    sort_direction: Annotated[Literal["asc", "desc"] | None, HONOURED] = None
    voice_type: Annotated[
        Literal[
            "personal",
            "community",
            "default",
            "workspace",
            "non-default",
            "non-community",
            "saved",
        ]
        | None,
        HONOURED,
    ] = None
    category: Annotated[str | None, Effect("honoured", "premade or cloned; others find none")] = (
        None
    )
    voice_ids: Annotated[list[str], HONOURED] = []
    language: Annotated[list[str], _BY_LABEL] = []
    gender: Annotated[str | None, _BY_LABEL] = None
    age: Annotated[str | None, _BY_LABEL] = None
    accent: Annotated[str | None, _BY_LABEL] = None
    use_cases: Annotated[list[str], _BY_LABEL] = []
    fine_tuning_state: Annotated[str | None, _NONE_FITS] = None
    collection_id: Annotated[str | None, _NONE_FITS] = None
    high_quality: Annotated[bool | None, _NONE_FITS] = None
    min_notice_period_days: Annotated[int | None, WITHOUT_EFFECT] = None
    include_custom_rates: Annotated[bool | None, WITHOUT_EFFECT] = None
    include_live_moderated: Annotated[bool | None, WITHOUT_EFFECT] = None
    include_total_count: Annotated[bool | None, Effect("without effect", "always there")] = None


class Page(NamedTuple):
    """A page of a search's results; its token leads to the next one, if there is one."""

    voices: Sequence[Voice]
    total_count: int
    next_page_token: str | None


def category_of(voice: Voice) -> str:
    """Return ElevenLabs' word for where a voice comes from."""
    return "premade" if voice.kind == "built-in" else "cloned"


def labels_of(voice: Voice) -> dict[str, str]:
    """Return a voice's labels, with its language as one of them."""
    language = {"language": voice.details.language} if voice.details.language else {}
    return {**language, **(voice.details.labels or {})}


def page_of(voices: Sequence[Voice], query: VoiceSearch) -> Page:
    """Return the page that a query asks for.

    Raises:
        InvalidRequest: the token belongs to no page of this search.
    """
    found = _sorted([voice for voice in voices if _fits(voice, query)], query)
    start = 0
    if query.next_page_token is not None:
        names = [voice.name for voice in found]
        if query.next_page_token not in names:
            raise InvalidRequest(
                "next_page_token is of no page of this search; begin again without it",
                field="next_page_token",
            )
        start = names.index(query.next_page_token) + 1
    page = found[start : start + query.page_size]
    more = len(found) > start + len(page)
    return Page(page, len(found), page[-1].name if more else None)


def _sorted(voices: list[Voice], query: VoiceSearch) -> list[Voice]:
    backwards = query.sort_direction == "desc"
    if query.sort == "created_at_unix":
        return sorted(voices, key=lambda each: each.details.created_unix or 0, reverse=backwards)
    if query.sort == "name":
        return sorted(voices, key=lambda each: _title(each).casefold(), reverse=backwards)
    return voices[::-1] if backwards else voices


def _fits(voice: Voice, query: VoiceSearch) -> bool:
    labels = {name: text.casefold() for name, text in labels_of(voice).items()}
    by_label = {
        "language": query.language,
        "gender": [query.gender] if query.gender else [],
        "age": [query.age] if query.age else [],
        "accent": [query.accent] if query.accent else [],
        "use_case": query.use_cases,
    }
    wanted = (query.search or "").strip().casefold()
    return (
        not (query.fine_tuning_state or query.collection_id or query.high_quality)
        and query.voice_type in (None, *_types_of(voice))
        and query.category in (None, category_of(voice))
        and (not query.voice_ids or voice.name in query.voice_ids)
        and wanted in _searched(voice)
        and all(
            not texts or labels.get(name) in [text.casefold() for text in texts]
            for name, texts in by_label.items()
        )
    )


def _types_of(voice: Voice) -> list[str]:
    return [name for name, kind in _VOICE_TYPES.items() if kind == voice.kind]


def _searched(voice: Voice) -> str:
    """Return the texts that a search looks into, each on a line, so that no match spans two."""
    texts = [voice.name, _title(voice), voice.details.description or "", category_of(voice)]
    return "\n".join([*texts, *labels_of(voice).values()]).casefold()


def _title(voice: Voice) -> str:
    return voice.details.title or voice.name
