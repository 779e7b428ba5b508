"""Serves ElevenLabs' pronunciation dictionaries, whose alias rules say how words are written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import Form, Query, UploadFile
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from app.api.elevenlabs.dialect import DIALECT
from app.api.http.dependencies import ServicesDep
from app.api.http.dictionary_input import pronunciations_in
from app.api.http.routes import dialect_router
from app.errors import InvalidRequest, shortened
from app.lexicon import MAX_PRONUNCIATIONS, Pronunciation
from app.pronunciations.changes import with_added, without
from app.pronunciations.dictionaries import Dictionary
from app.pronunciations.formats import FORMATS
from app.pronunciations.lines import Line, pronunciations_of
from app.ranges import NullIsUnset
from app.services import Services
from app.wording.support import HONOURED, Effect, support_of

PATH = "/v1/pronunciation-dictionaries"
_OWNER = "owner"
"""Everybody who has the key is one user, as in /v1/user."""
_ONE = f"{PATH}/{{pronunciation_dictionary_id}}"

router = dialect_router(DIALECT, scope="voices")

ONE_WORKSPACE = Effect("without effect", "everybody who may change voices is one workspace")
_RULES = Effect("honoured", "aliases; a phoneme is refused, for the model reads letters")


class Rule(NullIsUnset):
    """This is a rule of ElevenLabs; case and borders of words count unless it says otherwise."""

    string_to_replace: str
    type: Literal["alias", "phoneme"] = "alias"
    alias: str | None = None
    case_sensitive: bool = True
    word_boundaries: bool = True

    def pronunciation(self) -> Pronunciation:
        """Return the rule as this server has it.

        Raises:
            InvalidRequest: it has a phoneme, or no alias.
        """
        shown = repr(shortened(self.string_to_replace, 40))
        if self.type == "phoneme":
            raise InvalidRequest(
                f"rules: the one for {shown} is a phoneme rule, and the model reads letters, not "
                'phonemes; send an alias rule: {"type": "alias", "alias": "how it sounds"}',
                field="rules",
            )
        if self.alias is None:
            raise InvalidRequest(f"rules: the one for {shown} has no alias", field="rules")
        return Pronunciation(
            self.string_to_replace,
            self.alias,
            case_sensitive=self.case_sensitive,
            whole_words=self.word_boundaries,
        )


Rules = Annotated[list[Rule], Field(min_length=1, max_length=MAX_PRONUNCIATIONS)]


class RulesBody(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"rules": [{"string_to_replace": "Nginx", "type": "alias", "alias": "engine X"}]}
            ]
        }
    )

    rules: Annotated[Rules, _RULES]

    def pronunciations(self) -> list[Pronunciation]:
        return [rule.pronunciation() for rule in self.rules]


class AddFromRulesBody(RulesBody):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Programs",
                    "rules": [{"string_to_replace": "Nginx", "type": "alias", "alias": "engine X"}],
                }
            ]
        }
    )

    name: Annotated[str, HONOURED]
    description: Annotated[str | None, HONOURED] = None
    workspace_access: Annotated[str | None, ONE_WORKSPACE] = None


class AddFromFileForm(BaseModel):
    name: Annotated[str, HONOURED]
    file: Annotated[UploadFile, Effect("honoured", "PLS with aliases; also CSV and .txt")]
    description: Annotated[str | None, HONOURED] = None
    workspace_access: Annotated[str | None, ONE_WORKSPACE] = None


class RemoveRulesBody(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"rule_strings": ["Nginx"]}]})

    rule_strings: Annotated[
        Annotated[list[str], Field(min_length=1, max_length=MAX_PRONUNCIATIONS)],
        Effect("honoured", "whatever their case"),
    ]


class DictionaryChange(NullIsUnset):
    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Programs"}]})

    name: Annotated[str | None, HONOURED] = None
    archived: Annotated[bool | None, Effect("honoured", "not listed; it can still be used")] = None


class DictionaryPage(BaseModel):
    cursor: Annotated[str | None, HONOURED] = None
    page_size: Annotated[int, HONOURED] = Field(30, ge=1, le=100)
    sort: Annotated[Literal["creation_time_unix", "created_at_unix", "name"], HONOURED] = (
        "creation_time_unix"
    )
    sort_direction: Annotated[
        Literal["ascending", "descending", "asc", "desc"] | None,
        Effect("honoured", "the newest first, names from A on, unless it says otherwise"),
    ] = None
    include_archived: Annotated[bool, HONOURED] = False


@router.post(f"{PATH}/add-from-rules")
async def add_from_rules(services: ServicesDep, body: AddFromRulesBody) -> dict[str, Any]:
    """Make a dictionary of rules."""
    return await _created(services, body.name, body.description, body.pronunciations())


@router.post(f"{PATH}/add-from-file")
async def add_from_file(
    services: ServicesDep,
    body: Annotated[AddFromFileForm, Form(media_type="multipart/form-data")],
) -> dict[str, Any]:
    """Make a dictionary of a PLS file."""
    found = await pronunciations_in(services, body.file)
    return await _created(services, body.name, body.description, found)


@router.get(PATH)
async def list_dictionaries(
    services: ServicesDep, query: Annotated[DictionaryPage, Query()]
) -> dict[str, Any]:
    """List dictionaries, page by page."""
    known = await services.pools.files.run(services.dictionaries.all)
    listed = [each for each in known if query.include_archived or each.archived_unix is None]
    found = _sorted(listed, query)
    start = 0
    if query.cursor is not None:
        ids = [each.id for each in found]
        if query.cursor not in ids:
            raise InvalidRequest(
                "cursor is of no page of this list; begin again without it", field="cursor"
            )
        start = ids.index(query.cursor) + 1
    page = found[start : start + query.page_size]
    more = len(found) > start + len(page)
    return {
        "pronunciation_dictionaries": [_described(each) for each in page],
        "next_cursor": page[-1].id if more else None,
        "has_more": more,
    }


@router.get(_ONE)
async def get_dictionary(services: ServicesDep, pronunciation_dictionary_id: str) -> dict[str, Any]:
    """Describe a dictionary, with its rules."""
    found = await _found(services, pronunciation_dictionary_id)
    return {**_described(found), "rules": [_rule(each) for each in found.latest.pronunciations]}


@router.patch(_ONE)
async def change_dictionary(
    services: ServicesDep, pronunciation_dictionary_id: str, body: DictionaryChange
) -> dict[str, Any]:
    """Rename a dictionary, or archive it."""
    change = partial(
        services.dictionaries.describe,
        pronunciation_dictionary_id,
        new_name=body.name,
        archived=body.archived,
    )
    return _described(await services.pools.files.run(change))


@router.post(f"{_ONE}/set-rules")
async def set_rules(
    services: ServicesDep, pronunciation_dictionary_id: str, body: RulesBody
) -> dict[str, Any]:
    """Put rules in the place of all that are there."""
    found = body.pronunciations()

    def edit(_lines: Sequence[Line]) -> list[Line]:
        return with_added([], found, replace=True)

    return await _changed(services, pronunciation_dictionary_id, edit)


@router.post(f"{_ONE}/add-rules")
async def add_rules(
    services: ServicesDep, pronunciation_dictionary_id: str, body: RulesBody
) -> dict[str, Any]:
    """Add rules; one for the same word takes the place of the one that is there."""
    edit = partial(with_added, added=body.pronunciations(), replace=True)
    return await _changed(services, pronunciation_dictionary_id, edit)


@router.post(f"{_ONE}/remove-rules")
async def remove_rules(
    services: ServicesDep, pronunciation_dictionary_id: str, body: RemoveRulesBody
) -> dict[str, Any]:
    """Take rules out, by the words that they are for."""
    edit = partial(without, written=body.rule_strings)
    return await _changed(services, pronunciation_dictionary_id, edit)


@router.get(f"{_ONE}/{{version_id}}/download", response_class=Response)
async def download(
    services: ServicesDep, pronunciation_dictionary_id: str, version_id: str
) -> Response:
    """Fetch a version as PLS."""
    version = (await _found(services, pronunciation_dictionary_id)).version(version_id)
    write = partial(FORMATS["pls"].write, version.pronunciations)
    return Response(
        await services.pools.files.run(write),
        media_type=FORMATS["pls"].media_type,
        headers={"Content-Disposition": f'attachment; filename="{version.id}.pls"'},
    )


async def _found(services: Services, dictionary_id: str) -> Dictionary:
    return await services.pools.files.run(partial(services.dictionaries.find, dictionary_id))


async def _created(
    services: Services, name: str, description: str | None, found: Sequence[Pronunciation]
) -> dict[str, Any]:
    def create() -> Dictionary:
        kept = pronunciations_of(with_added([], found, replace=True))
        return services.dictionaries.create(name, kept, description)

    made = await services.pools.files.run(create)
    return {
        "id": made.id,
        "name": made.name,
        "created_by": _OWNER,
        "creation_time_unix": made.created_unix,
        "version_id": made.latest.id,
        "version_rules_num": len(made.latest.pronunciations),
        "description": made.description,
        "permission_on_resource": "admin",
    }


async def _changed(
    services: Services, dictionary_id: str, edit: Callable[[list[Line]], list[Line]]
) -> dict[str, Any]:
    change = partial(services.dictionaries.change, dictionary_id, edit)
    changed = await services.pools.files.run(change)
    return {
        "id": changed.id,
        "version_id": changed.latest.id,
        "version_rules_num": len(changed.latest.pronunciations),
    }


def _sorted(found: list[Dictionary], query: DictionaryPage) -> list[Dictionary]:
    if query.sort == "name":
        backwards = query.sort_direction in ("descending", "desc")
        return sorted(found, key=lambda each: each.name.casefold(), reverse=backwards)
    return found[::-1] if query.sort_direction in ("ascending", "asc") else found


def _described(dictionary: Dictionary) -> dict[str, Any]:
    return {
        "id": dictionary.id,
        "latest_version_id": dictionary.latest.id,
        "latest_version_rules_num": len(dictionary.latest.pronunciations),
        "name": dictionary.name,
        "permission_on_resource": "admin",
        "created_by": _OWNER,
        "creation_time_unix": dictionary.created_unix,
        "archived_time_unix": dictionary.archived_unix,
        "description": dictionary.description,
    }


def _rule(pronunciation: Pronunciation) -> dict[str, Any]:
    return {
        "type": "alias",
        "string_to_replace": pronunciation.written,
        "alias": pronunciation.spoken,
        "case_sensitive": pronunciation.case_sensitive,
        "word_boundaries": pronunciation.whole_words,
    }


SUPPORT = (
    *support_of(f"POST {PATH}/add-from-rules", AddFromRulesBody),
    *support_of(f"POST {PATH}/add-from-file", AddFromFileForm),
    *support_of(f"GET {PATH}", DictionaryPage),
    *support_of(f"PATCH {_ONE}", DictionaryChange),
    *support_of(f"POST {_ONE}/set-rules", RulesBody),
    *support_of(f"POST {_ONE}/add-rules", RulesBody),
    *support_of(f"POST {_ONE}/remove-rules", RemoveRulesBody),
)
