"""Changes lines of pronunciations, and leaves comments and their order alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from app.errors import Conflict, DictionaryNotFound, InvalidRequest, Parameter, TooLarge, shortened
from app.lexicon import MAX_PRONUNCIATIONS, Pronunciation, checked, folded_word
from app.pronunciations.lines import Line, written_pronunciation


def with_added(
    lines: Sequence[Line], added: Iterable[Pronunciation], *, replace: bool
) -> list[Line]:
    """Add pronunciations; one for the same word takes the place of the one that is there.

    Args:
        replace: whether it may; if not, it has to say the same.

    Raises:
        InvalidRequest: one of them is not allowed.
        Conflict: one is there already, and says something else.
        TooLarge: there would be too many.
    """
    changed = list(lines)
    places = {
        line.pronunciation.key: place
        for place, line in enumerate(changed)
        if line.pronunciation is not None
    }
    for each in map(_checked, added):
        line = Line(written_pronunciation(each), each)
        place = places.setdefault(each.key, len(changed))
        if place == len(changed):
            changed.append(line)
        elif (there := changed[place].pronunciation) and there.spoken != each.spoken:
            if not replace:
                raise Conflict(
                    f"there is a pronunciation of {shortened(each.written, 40)!r} already; "
                    "send replace=true to replace it"
                )
            changed[place] = line
    if len(places) > MAX_PRONUNCIATIONS:
        raise TooLarge(
            f"there would be {len(places)} pronunciations in one dictionary; at most "
            f"{MAX_PRONUNCIATIONS} are allowed"
        )
    return changed


def without(
    lines: Sequence[Line], written: Iterable[str], *, language: str | None = None
) -> list[Line]:
    """Take out what is there for some words, whatever their case.

    Args:
        language: take out only what is for this language alone.

    Raises:
        DictionaryNotFound: for one of them there is nothing.
    """
    places: dict[str, list[int]] = {}
    for place, line in enumerate(lines):
        there = line.pronunciation
        if there is not None and language in (None, there.language):
            places.setdefault(there.word, []).append(place)
    gone: set[int] = set()
    for word in written:
        found = places.pop(folded_word(word), None)
        if found is None:
            raise DictionaryNotFound(
                f"there is no pronunciation of {shortened(word, 40)!r}"
                + (f" for the language {language}" if language else "")
            )
        gone.update(found)
    return [line for place, line in enumerate(lines) if place not in gone]


def lines_of(pronunciations: Iterable[Pronunciation]) -> list[Line]:
    """Write each pronunciation on a line."""
    return [Line(written_pronunciation(each), each) for each in pronunciations]


def _checked(pronunciation: Pronunciation) -> Pronunciation:
    try:
        return checked(pronunciation)
    except ValueError as wrong:
        raise InvalidRequest(
            f"{Parameter.PRONUNCIATIONS}: {wrong}", field=Parameter.PRONUNCIATIONS
        ) from None
