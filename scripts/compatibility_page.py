"""Print docs/compatibility.md: what becomes of every field that the clients of others send.

python -m scripts.compatibility_page > docs/compatibility.md
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from app.api.dialects import DIALECTS
from app.wording.support import Support
from app.wyoming import server as wyoming

_HEAD = """\
# What becomes of each field

Clients of other systems send fields that mean something there. This page says what each of them
does here; a running server tells the same at `GET /compatibility`.

- **honoured**: does what its name says.
- **approximated**: does nearly that; the note says how.
- **without effect**: accepted, so that the client works, and ignored.
- **refused**: answered with an error, because ignoring it would mislead.

The paths are those that a client appends to its base URL. They are served as they stand, except
where two dialects share one, and always under the dialect's prefix.

This page is written by `python -m scripts.compatibility_page > docs/compatibility.md`.
"""


def page() -> str:
    """Write the whole page, as Markdown that ends with a line feed."""
    lines = [_HEAD]
    for each in DIALECTS:
        where = f"Prefix: `{each.DIALECT.prefix}`"
        lines.extend(_section(each.DIALECT.title, where, each.SUPPORT))
    lines.extend(_section(wyoming.TITLE, "Events over TCP, at `WYOMING_PORT`.", wyoming.SUPPORT))
    return "\n".join(lines)


def _section(title: str, where: str, support: Iterable[Support]) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    yield where
    yield ""
    yield "| call | field | how | note |"
    yield "|---|---|---|---|"
    for row in support:
        yield _line(row)
    yield ""


def _line(row: Support) -> str:
    note = row.note.replace("|", "\\|").replace("<", "\\<")  # else a tag would not be seen
    cells = (f"`{row.call}`", f"`{row.field}`", row.how, note)
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    print(page(), end="")
