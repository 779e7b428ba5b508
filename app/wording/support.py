"""Notes beside each field of a body what becomes of it, and lists that for GET /compatibility."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from pydantic import BaseModel

How = Literal["honoured", "approximated", "without effect", "refused"]


@dataclass(frozen=True, slots=True)
class Effect:
    """An effect stands beside a field's type: `top_p: Annotated[float, WITHOUT_EFFECT] = 0.7`."""

    how: How
    note: str = ""


HONOURED = Effect("honoured")
WITHOUT_EFFECT = Effect("without effect")
MODEL = Effect("honoured", "a model of this server; any other name leaves that to the server")
OWN_MARKUP = Effect("honoured", 'this server\'s own: "off" reads tags aloud as text')
OWN_CODE = Effect("honoured", "this server's own: skip, name or read blocks of code")
OWN_FORMULAS = Effect("honoured", "this server's own: say, name or skip formulas in LaTeX")
OWN_PRONUNCIATIONS = Effect("honoured", "this server's own: words and how to write them")


class Support(NamedTuple):
    """A support row says what becomes of one field: it is a row of GET /compatibility."""

    call: str
    """It is the method and path as the client knows it, such as `POST /v1/tts`."""
    field: str
    how: How
    note: str


def support_of(
    call: str, body: type[BaseModel], *, unmarked: Effect | None = None
) -> tuple[Support, ...]:
    """List what becomes of each field of a body, a query or a form.

    Args:
        unmarked: the effect of a field that has none beside its type.

    Raises:
        TypeError: a field has no effect, and `unmarked` is None.
    """
    rows = []
    for name, field in body.model_fields.items():
        effect = next((each for each in field.metadata if isinstance(each, Effect)), unmarked)
        if effect is None:
            raise TypeError(f"{body.__name__}.{name} does not say what becomes of it")
        rows.append(Support(call, field.alias or name, effect.how, effect.note))
    return tuple(rows)
