"""Tables of texts as they are written and as they are to be spoken, one file a language and kind.

`cases/en/money.txt` holds money in English; a new file joins the tests and `benchmarks/reading.py`
by being there. A line is a case, "written = spoken", parted at its last " = ":

- "⏎" stands for a line feed, "⇥" for a tab and "⍽" for a no-break space.
- A line that begins with ";; " is a remark.
- ";; with code=read formulas=skip" gives the options of `normalise` for the rest of the file.
- ";; known wrong: WHY" says that the cases from there to the next empty line are not read right
  yet. They are shown with the reason by the benchmark, and a test tells when one is mended.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

_FOLDER = Path(__file__).parent
_SIGNS = str.maketrans({"⏎": "\n", "⇥": "\t", "⍽": "\u00a0"})
_REMARK = ";; "
_WITH = "with "
_KNOWN_WRONG = "known wrong: "


class Case(NamedTuple):
    """Holds a text, and how it is to be read."""

    language: str
    kind: str
    written: str
    spoken: str
    options: dict[str, Any]
    """These are keyword arguments of `normalise`, beside the language."""
    known_wrong: str
    """This is the reason why it is not read right; it is empty where it is."""


def load_cases() -> list[Case]:
    """Return the cases of all tables, in the order of languages, kinds and lines."""
    return [case for path in sorted(_FOLDER.glob("*/*.txt")) for case in _read(path)]


def _read(path: Path) -> Iterator[Case]:
    options: dict[str, Any] = {}
    known_wrong = ""
    for line in path.read_text(encoding="utf-8").split("\n"):
        if not line.strip():
            known_wrong = ""
        elif line.startswith(_REMARK):
            remark = line.removeprefix(_REMARK)
            if remark.startswith(_WITH):
                options = dict(each.split("=") for each in remark.removeprefix(_WITH).split())
            elif remark.startswith(_KNOWN_WRONG):
                known_wrong = remark.removeprefix(_KNOWN_WRONG)
        else:
            written, mark, spoken = f"{line} ".rpartition(" = ")
            if not mark:
                raise ValueError(f"{path.name}: {line!r} is no case, written = spoken")
            written, spoken = written.translate(_SIGNS), spoken[:-1].translate(_SIGNS)
            yield Case(path.parent.name, path.stem, written, spoken, options, known_wrong)
