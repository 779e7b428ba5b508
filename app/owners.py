"""Says whose the voices and recordings are that are kept here, and who may see or change them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias


@dataclass(frozen=True, slots=True)
class Viewer:
    """Says what is there for the one who asks. What the operator keeps is everybody's to use.

    Attributes:
        owner: whose it is what they make; None makes it the operator's.
        sees: whether what others keep is there as well: `shared` as if it were one's own, `all`
            under the names of their owners, or not at all, and only what is `own` may be changed.
    """

    owner: str | None = None
    sees: Literal["shared", "all", "own"] = "shared"

    def may_use(self, owner: str | None) -> bool:
        """Tell whether what belongs to `owner` is there; None is the operator."""
        return self.sees != "own" or owner in (None, self.owner)

    def may_change(self, owner: str | None) -> bool:
        """Tell whether what belongs to `owner` may be changed or removed; None is the operator."""
        return self.sees != "own" or owner == self.owner


NOBODY = Viewer("", "own")
"""Who has not said who they are finds what the operator keeps, and changes nothing."""

WhoAsks: TypeAlias = Callable[[], Viewer]
"""This tells for whom something is done at the moment."""


class Room(Protocol):
    """Lets who asks keep so much more in a block, or raises LimitReached. Blocks."""

    def __call__(self, *, voices: int = 0, size_bytes: int = 0) -> AbstractContextManager[None]: ...


def unlimited(**_more: int) -> AbstractContextManager[None]:
    """Let everybody keep whatever they like."""
    return nullcontext()


def everybody() -> Viewer:
    """Return the viewer for whom everything is shared."""
    return Viewer()
