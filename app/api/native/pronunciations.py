"""Serves /pronunciations: the operator's own, and dictionaries that requests and scripts name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Query, UploadFile
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from app.api.http.access import documented_key
from app.api.http.dependencies import ServicesDep
from app.api.http.dictionary_input import pronunciations_in
from app.api.http.routes import REFUSALS, VoicesRoute
from app.errors import DictionaryNotFound
from app.lexicon import Pronunciation
from app.pronunciations.changes import with_added, without
from app.pronunciations.dictionaries import Dictionary
from app.pronunciations.formats import FORMATS
from app.pronunciations.lines import Line, pronunciations_of
from app.ranges import AnyCase
from app.services import Services
from app.speaking.controls import LanguageCode, SpokenAs

PATH = "/pronunciations"

router = APIRouter(
    route_class=VoicesRoute,
    dependencies=documented_key,
    tags=["pronunciations"],
    responses=REFUSALS,
)

DictionaryName = Annotated[
    str | None, Field(description="Name or id of a dictionary; none is the operator's own.")
]


class NewPronunciation(SpokenAs):
    """Adds a pronunciation."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"written": "Nginx", "spoken": "engine X"}]}
    )

    written: str = Field(description="A word or phrase.", examples=["Nginx"])
    spoken: str = Field(description="How to write it instead.", examples=["engine X"])
    dictionary: DictionaryName = None
    replace: bool = Field(False, description="Whether one for the same may be replaced.")

    def pronunciation(self) -> Pronunciation:
        return Pronunciation(
            self.written, self.spoken, self.language, self.case_sensitive, self.whole_words
        )


class ImportForm(BaseModel):
    model_config = ConfigDict(extra="forbid")

    file: UploadFile = Field(
        description="PLS (.pls, .xml), CSV (.csv), or lines such as Nginx = engine X (.txt)."
    )
    dictionary: DictionaryName = Field(None, description="It is made if there is none.")
    replace: bool = Field(
        False, description="Put these in the place of all that are there, not beside them."
    )


@router.get(PATH)
async def list_pronunciations(
    services: ServicesDep, dictionary: Annotated[DictionaryName, Query()] = None
) -> dict[str, Any]:
    """List pronunciations: the operator's own, which hold for all speech, or a dictionary's."""
    found = await _pronunciations(services, dictionary)
    return {"pronunciations": [_entry(each) for each in found]}


@router.post(PATH, status_code=201)
async def add_pronunciation(services: ServicesDep, body: NewPronunciation) -> JSONResponse:
    """Add a pronunciation."""
    edit = partial(with_added, added=[body.pronunciation()], replace=body.replace)
    await _change(services, body.dictionary, edit)
    return JSONResponse(_entry(body.pronunciation()), 201)


@router.delete(PATH)
async def delete_pronunciation(
    services: ServicesDep,
    written: str,
    language: Annotated[LanguageCode, Query(description="Only what is for this one.")] = None,
    dictionary: Annotated[DictionaryName, Query()] = None,
) -> dict[str, Any]:
    """Delete what is there for a word or phrase, whatever its case."""
    await _change(services, dictionary, partial(without, written=[written], language=language))
    return {"written": written, "deleted": True}


@router.post(f"{PATH}/import", status_code=201)
async def import_pronunciations(
    services: ServicesDep, body: Annotated[ImportForm, Form(media_type="multipart/form-data")]
) -> dict[str, Any]:
    """Take in a file; all of it, or nothing if a line is wrong."""
    found = await pronunciations_in(services, body.file)

    def edit(lines: Sequence[Line]) -> list[Line]:
        kept = [line for line in lines if line.pronunciation is None] if body.replace else lines
        return with_added(kept, found, replace=True)

    if body.dictionary is None:
        await _change(services, None, edit)
    else:
        await services.pools.files.run(partial(_import, services, body.dictionary, edit))
    return {"dictionary": body.dictionary, "imported": len(found)}


@router.get(f"{PATH}/export", response_class=Response)
async def export_pronunciations(
    services: ServicesDep,
    format: Annotated[Literal["pls", "csv", "txt"], AnyCase] = "pls",  # noqa: A002
    dictionary: Annotated[DictionaryName, Query()] = None,
) -> Response:
    """Fetch pronunciations as a file that can be imported again."""
    found = await _pronunciations(services, dictionary)
    data = await services.pools.files.run(partial(FORMATS[format].write, found))
    filename = f"pronunciations.{format}"
    return Response(
        data,
        media_type=FORMATS[format].media_type,
        headers={"Content-Disposition": f'attachment; filename="{filename}"'},
    )


@router.get(f"{PATH}/dictionaries")
async def list_dictionaries(services: ServicesDep) -> dict[str, Any]:
    """List the dictionaries, the newest first; the operator's own is none of them."""
    found = await services.pools.files.run(services.dictionaries.all)
    return {"dictionaries": [_described(each) for each in found]}


@router.delete(f"{PATH}/dictionaries/{{name}}")
async def delete_dictionary(services: ServicesDep, name: str) -> dict[str, Any]:
    """Delete a dictionary."""
    gone = await services.pools.files.run(partial(services.dictionaries.delete, name))
    return {"id": gone.id, "name": gone.name, "deleted": True}


async def _pronunciations(services: Services, dictionary: str | None) -> Sequence[Pronunciation]:
    if dictionary is None:
        return services.pronunciations.pronunciations
    found = await services.pools.files.run(partial(services.dictionaries.find, dictionary))
    return found.latest.pronunciations


async def _change(
    services: Services, dictionary: str | None, edit: Callable[[list[Line]], list[Line]]
) -> None:
    change: Callable[[], object] = partial(services.pronunciations.change, edit)
    if dictionary is not None:
        change = partial(services.dictionaries.change, dictionary, edit)
    await services.pools.files.run(change)


def _import(services: Services, name: str, edit: Callable[[list[Line]], list[Line]]) -> None:
    """Change the dictionary of that name, or make it."""
    try:
        services.dictionaries.change(name, edit)
    except DictionaryNotFound:
        services.dictionaries.create(name, pronunciations_of(edit([])))


def _entry(pronunciation: Pronunciation) -> dict[str, Any]:
    return dict(pronunciation._asdict())


def _described(dictionary: Dictionary) -> dict[str, Any]:
    return {
        "id": dictionary.id,
        "name": dictionary.name,
        "description": dictionary.description,
        "pronunciations": len(dictionary.latest.pronunciations),
    }
