"""What becomes of each field that a dialect's clients send: noted at the field, told to people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from pydantic import BaseModel

How = Literal["honoured", "approximated", "without effect", "refused"]


@dataclass(frozen=True, slots=True)
class Effect:
    """Stands beside a field's type: `top_p: Annotated[float, WITHOUT_EFFECT] = 0.7`."""

    how: How
    note: str = ""


HONOURED = Effect("honoured")
WITHOUT_EFFECT = Effect("without effect")
OWN_MARKUP = Effect("honoured", 'this server\'s own: "off" reads tags aloud as text')


class Support(NamedTuple):
    """One line of GET /compatibility."""

    call: str
    """such as `POST /v1/tts`, as the client knows it"""
    field: str
    how: How
    note: str


def support_of(
    call: str, body: type[BaseModel], *, unmarked: Effect | None = None
) -> tuple[Support, ...]:
    """The lines for all fields of a body (or of a query, or of a form).

    Args:
        unmarked: what a field without an `Effect` is.

    Raises:
        TypeError: a field says nothing, and `unmarked` is None.
    """
    rows = []
    for name, field in body.model_fields.items():
        effect = next((each for each in field.metadata if isinstance(each, Effect)), unmarked)
        if effect is None:
            raise TypeError(f"{body.__name__}.{name} does not say what becomes of it")
        rows.append(Support(call, field.alias or name, effect.how, effect.note))
    return tuple(rows)
