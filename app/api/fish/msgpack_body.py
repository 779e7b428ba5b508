"""Reads bodies in MessagePack, JSON or a form, and bounds what MessagePack may unpack to."""

from __future__ import annotations

import json
from functools import partial
from typing import Any, TypeVar, get_args, get_origin

import msgpack
from fastapi import Request
from pydantic import BaseModel
from starlette.datastructures import FormData, UploadFile
from starlette.requests import ClientDisconnect

from app.api.fish.dialect import DIALECT
from app.api.http.asked import note_asked
from app.api.http.bodies import json_in
from app.api.http.dependencies import services_of
from app.api.http.forms import is_form
from app.errors import InvalidRequest
from app.network.connections import ClientLeft
from app.wording.encodings import not_utf8
from app.wording.validation import validated

MAX_ENTRIES = 1024
"""One list or map may have at most this many entries."""
MAX_CONTAINERS = 4096

M = TypeVar("M", bound=BaseModel)

_MSGPACK_TYPES = ("application/msgpack", "application/x-msgpack", "application/vnd.msgpack")


def unpacked(data: bytes) -> Any:
    """Decode MessagePack.

    Raises:
        InvalidRequest: it is not valid, or has too many lists and maps: a few bytes can announce
            lists of lists that would fill the memory.
    """
    containers = 0

    def counted(container: Any) -> Any:
        nonlocal containers
        containers += 1
        if containers > MAX_CONTAINERS:
            raise ValueError("too many lists and maps")
        return container

    try:
        return msgpack.unpackb(
            data,
            strict_map_key=True,
            max_array_len=MAX_ENTRIES,
            max_map_len=MAX_ENTRIES,
            max_ext_len=0,
            list_hook=counted,
            object_hook=counted,
        )
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"a text of the MessagePack {not_utf8(error.object)}") from None
    except (ValueError, OverflowError) as error:
        reason = str(error) or type(error).__name__
        raise InvalidRequest(f"the data is not valid MessagePack: {reason}") from None


def packed(value: Any) -> bytes:
    """Encode a value as MessagePack."""
    data: bytes = msgpack.packb(value)
    return data


async def body_of(request: Request, model: type[M]) -> M:
    """Read a body that is MessagePack, JSON or a form, as its Content-Type says.

    In a form, recordings are files, a list is a field that is repeated, and objects are JSON.
    `?format=msgpack` means MessagePack where there is no Content-Type.

    Raises:
        InvalidRequest: the body cannot be read as a `model`.
        TooLarge: it is larger than allowed.
    """
    services = services_of(request)
    bodies = services.pools.bodies
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    says_msgpack = request.query_params.get("format") in ("msgpack", "application/msgpack")
    has_form = is_form(kind)
    if kind in _MSGPACK_TYPES or (says_msgpack and not has_form and kind != "application/json"):
        body = await _all_of(request)
        return await bodies.run(partial(_from_msgpack, model, body))
    if has_form:
        async with request.form() as form:
            fields = await _fields(form, model)
        return await bodies.run(partial(validated, model, fields))
    body = await _all_of(request)
    if not body and not kind:
        return validated(model, {})
    if kind != "application/json":
        raise InvalidRequest(
            "the body must be sent with Content-Type: application/msgpack, application/json or "
            "multipart/form-data"
        )
    max_values = services.settings.max_json_values
    return await bodies.run(
        partial(_from_json, model, body, request.headers["content-type"], max_values)
    )


def _from_msgpack(model: type[M], body: bytes) -> M:
    value = unpacked(body)
    note_asked(value, DIALECT.words)
    return validated(model, value)


def _from_json(model: type[M], body: bytes, content_type: str, max_values: int) -> M:
    try:
        value = json_in(body, content_type, max_values)
    except json.JSONDecodeError as error:
        raise InvalidRequest(f"the body is not valid JSON: {error}") from None
    note_asked(value, DIALECT.words)
    return validated(model, value)


async def _all_of(request: Request) -> bytes:
    try:
        return await request.body()
    except ClientDisconnect:
        raise ClientLeft from None


async def _fields(form: FormData, model: type[BaseModel]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in form:
        values = [
            await each.read() if isinstance(each, UploadFile) else _decoded(name, each, model)
            for each in form.getlist(name)
        ]
        field = model.model_fields.get(name)
        several = field is not None and _may_be_list(field.annotation)
        if several and len(values) == 1 and isinstance(values[0], list):
            values = values[0]
        found[name] = values if several else values[-1]
    return found


def _may_be_list(annotation: object) -> bool:
    return any(get_origin(each) is list for each in (annotation, *get_args(annotation)))


def _decoded(name: str, text: str, model: type[BaseModel]) -> Any:
    field = model.model_fields.get(name)
    if field is None or field.annotation is str or not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return json_in(text.encode())
    except (json.JSONDecodeError, InvalidRequest):
        raise InvalidRequest(f"{name} is not valid JSON", field=name) from None


def documented_body(model: type[BaseModel]) -> dict[str, Any]:
    """Make the `openapi_extra` of a route that reads its body with `body_of`."""
    schema = model.model_json_schema()
    parts = schema.pop("$defs", {})

    def inlined(value: Any) -> Any:
        if isinstance(value, list):
            return [inlined(each) for each in value]
        if not isinstance(value, dict):
            return value
        if "$ref" in value:
            return inlined(parts[value["$ref"].rpartition("/")[2]])
        return {name: inlined(each) for name, each in value.items()}

    kinds = ("application/json", "multipart/form-data", "application/msgpack")
    content = {kind: {"schema": inlined(schema)} for kind in kinds}
    return {"requestBody": {"required": True, "content": content}}
