"""Serves POST /documents, a preview of what would be spoken of a document."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, UploadFile
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from app.api.http.access import documented_key
from app.api.http.dependencies import ServicesDep
from app.api.http.routes import REFUSALS, KeyedRoute
from app.documents.document import Chapter, Document, ReadingOptions
from app.documents.reading import read_document
from app.errors import Parameter, TooLarge
from app.services import Services
from app.speech import SPEECH_CHARACTERS_PER_SECOND
from app.text.mapped import MappedText
from app.text.normalisation.layout import mend_layout
from app.work import CancelToken

PATH = "/documents"

router = APIRouter(
    route_class=KeyedRoute, dependencies=documented_key, tags=["speech"], responses=REFUSALS
)


class ReadingFields(BaseModel):
    """These fields say what is read of a document besides its running text."""

    model_config = ConfigDict(extra="forbid")

    footnotes: bool = Field(False, description="Read notes, each behind what refers to it.")
    page_numbers: bool = Field(False, description="Read the numbers of printed pages.")
    running_heads: bool = Field(False, description="Read what stands on every page.")
    tables: bool = Field(False, description="Read tables row by row.")

    def options(self) -> ReadingOptions:
        return ReadingOptions(
            footnotes=self.footnotes,
            page_numbers=self.page_numbers,
            running_heads=self.running_heads,
            tables=self.tables,
        )


class DocumentForm(ReadingFields):
    document: UploadFile = Field(
        description="Plain text, Markdown, HTML, EPUB, DOCX, PDF with a text layer, SRT or WebVTT."
    )


class ChapterPreview(BaseModel):
    heading: str | None
    text: str = Field(description="As it would be read, the heading first.")
    characters: int
    audio_seconds: float = Field(description="It is likely to sound so long.")


class CoverPreview(BaseModel):
    media_type: str
    size_bytes: int


class DocumentPreview(BaseModel):
    """Says what would be spoken of a document, chapter by chapter, and how long that takes."""

    title: str | None
    author: str | None
    language: str | None
    cover: CoverPreview | None
    characters: int
    audio_seconds: float = Field(description="All of it is likely to sound so long.")
    making_seconds: float | None = Field(
        description="Speaking it is likely to take so long while nothing else is spoken, at the "
        "rate that the engine has measured; null while no model is loaded."
    )
    chapters: list[ChapterPreview]


@router.post(PATH, response_model=DocumentPreview)
async def preview_document(
    services: ServicesDep, body: Annotated[DocumentForm, Form(media_type="multipart/form-data")]
) -> Response:
    """Preview a document: its chapters as they would be read, and how long speaking them takes."""
    data = await uploaded(body.document, services.settings.max_upload_bytes)
    audio_rate = _audio_rate(services)

    def work(cancel: CancelToken) -> bytes:
        name = body.document.filename or ""
        document = read_document(data, name, body.options(), cancel=cancel)
        return preview_of(document, audio_rate).model_dump_json().encode()

    # A book is megabytes of JSON, which are written on the thread as well.
    answer = await services.pools.documents.run_cancellable(work)
    return Response(answer, media_type="application/json")


def preview_of(document: Document, audio_rate: float | None) -> DocumentPreview:
    """Estimate how long a document sounds, and how long speaking it takes.

    Args:
        audio_rate: how many seconds of audio the engine makes in a second, if that is known.
    """
    chapters = [_chapter(chapter, document.language) for chapter in document.chapters]
    audio_seconds = sum(chapter.audio_seconds for chapter in chapters)
    cover = document.cover
    return DocumentPreview(
        title=document.title,
        author=document.author,
        language=document.language,
        cover=cover and CoverPreview(media_type=cover.media_type, size_bytes=len(cover.data)),
        characters=sum(chapter.characters for chapter in chapters),
        audio_seconds=round(audio_seconds, 1),
        making_seconds=None if not audio_rate else round(audio_seconds / audio_rate, 1),
        chapters=chapters,
    )


def _chapter(chapter: Chapter, language: str | None) -> ChapterPreview:
    text = mend_layout(MappedText.of(chapter.text), (language or "en")[:2].lower()).text
    return ChapterPreview(
        heading=chapter.heading,
        text=text,
        characters=len(text),
        audio_seconds=round(len(text) / SPEECH_CHARACTERS_PER_SECOND, 1),
    )


async def uploaded(upload: UploadFile, max_bytes: int) -> bytes:
    """Return the document that was sent.

    Raises:
        TooLarge: it is larger than allowed.
    """
    data = await upload.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise TooLarge(
            f"{Parameter.DOCUMENT} is larger than the {max_bytes} bytes allowed",
            field=Parameter.DOCUMENT,
        )
    return data


def _audio_rate(services: Services) -> float | None:
    engine = services.cast.current.supervisor.status().engine
    return engine.audio_rate if engine is not None and engine.alive else None
