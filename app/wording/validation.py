"""Validates what clients send, and puts pydantic's errors into words for them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from app.errors import InvalidRequest, shortened

M = TypeVar("M", bound=BaseModel)


def validated(model: type[M], value: Any) -> M:
    """Make a model of a value that a client sent.

    Raises:
        InvalidRequest: the value does not fit; it names the field.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise invalid_body(error.errors(include_url=False), model) from None


def invalid_body(
    errors: Sequence[Mapping[str, Any]], model: type[BaseModel] | None
) -> InvalidRequest:
    """Make one error for the client of all that pydantic found wrong with a body."""
    # A misspelt field also makes the right one missing: tell of the spelling.
    first = min(errors, key=lambda each: each["type"] != "extra_forbidden")
    message, field = _describe(first, model)
    return InvalidRequest(message, field=field)


def model_in(annotation: object) -> type[BaseModel] | None:
    """Return the model in an annotation such as `Model` or `Model | None`; None if it has none."""
    for each in (annotation, *get_args(annotation)):
        if isinstance(each, type) and issubclass(each, BaseModel):
            return each
    return None


def _named(where: Sequence[str], model: type[BaseModel] | None) -> str:
    """Return a field's name as its sender would write it, such as `voice_settings.speed`.

    Pydantic's location also has indices and the types that a union tried; these are left out.
    """
    names = [where[0]]
    for name in where[1:]:
        field = None if model is None else model.model_fields.get(names[-1])
        model = None if field is None else model_in(field.annotation)
        if model is None or name not in model.model_fields:
            break
        names.append(name)
    return shortened(".".join(names))


_SAME: tuple[frozenset[str], ...] = (
    frozenset({"script", "text", "input", "prompt", "content", "message"}),
    frozenset({"voice", "voice_id", "voice_name", "reference_id", "speaker", "voice_url"}),
    frozenset({"format", "response_format", "output_format", "audio_format"}),
    frozenset({"speed", "rate", "speaking_rate", "tempo", "length_scale"}),
    frozenset({"language", "language_code", "lang", "locale"}),
    frozenset({"sample_rate", "sample_rate_hz", "sampling_rate", "samplerate"}),
    frozenset({"voice_file", "audio", "reference_audio", "voice_wav", "audio_sample", "file"}),
    frozenset({"stream", "streaming"}),
    frozenset({"volume", "volume_db", "gain"}),
)
"""Each set holds the words that different services have for one thing."""


def _same_thing(field: str, among: Iterable[str]) -> str | None:
    """Find the name in `among` that means the same as `field` to another service."""
    words = next((each for each in _SAME if field.lower() in each), frozenset())
    return next((each for each in among if each in words and each != field), None)


def _missing(field: str, sent: object) -> str:
    instead = _same_thing(field, map(str, sent)) if isinstance(sent, Mapping) else None
    if instead is None:
        return f"{field} is required"
    return f"{field} is required; did you mean it by {shortened(instead)!r}?"


def _describe(error: Mapping[str, Any], model: type[BaseModel] | None) -> tuple[str, str | None]:
    """Return a sentence about a pydantic error, and the field that it is about."""
    known = [] if model is None else list(model.model_fields)
    where = [str(part) for part in error["loc"] if part not in ("body", "query", "path")]
    kind = error["type"]
    if kind == "json_invalid":
        return f"the body is not valid JSON: {error['ctx']['error']} at byte {where[-1]}", None
    if kind in ("model_attributes_type", "dict_type") and not where:
        return _no_object(error.get("input")), None
    if not where:
        return f"the body is missing or malformed; allowed fields: {', '.join(known)}", None
    field = _named(where, model)
    if kind == "extra_forbidden":
        meant = _same_thing(field, known)
        if meant is None:
            meant = next(iter(difflib.get_close_matches(field.lower(), known, n=1)), None)
        hint = f"did you mean {meant!r}? " if meant else ""
        return f"unknown field {field!r}; {hint}allowed fields: {', '.join(known)}", field
    if kind == "missing":
        return _missing(field, error.get("input")), field
    return f"{field}{_reason(str(error['msg']))}", field


def _no_object(body: object) -> str:
    if isinstance(body, (bytes, bytearray)):
        # FastAPI leaves a body as it is where its Content-Type is none of JSON.
        return "the body must be a JSON object sent with Content-Type: application/json"
    kinds = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    what = kinds.get(type(body), "a number")
    return f'the body must be a JSON object, such as {{"name": "value"}}; it is {what}'


def _reason(message: str) -> str:
    if "UploadFile" in message:
        return " must be sent as a file"
    reason = message.removeprefix("Value error, ")
    return f": {reason[:1].lower()}{reason[1:]}"
