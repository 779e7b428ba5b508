"""Makes inputs that are nearly right: pieces of good ones, repeated, cut, joined and swapped."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

T = TypeVar("T", str, bytes)

MAX_LENGTH = 50_000
_REPEATED = (2, 3, 10, 100, 1000, 10_000)


def mutated(
    chance: random.Random, seeds: Sequence[T], tokens: Sequence[T], *, most: int = MAX_LENGTH
) -> T:
    """Make an input of good ones.

    Most are short. Some repeat one piece up to the length of `most`, for what takes quadratic time
    shows only there.

    Args:
        seeds: good inputs.
        tokens: pieces that mean something in them.
    """
    made = chance.choice(seeds)
    for _ in range(chance.choice((1, 1, 2, 3, 5, 8))):
        made = chance.choice(_WAYS)(chance, made, chance.choice(tokens), chance.choice(seeds))
    if chance.random() < 0.05:
        made = _long(chance, made, tokens, most)
    return made[:most]


def _long(chance: random.Random, made: T, tokens: Sequence[T], most: int) -> T:
    """Repeat a token, or a few in turn, or a piece of what there is."""
    at = chance.randrange(len(made) + 1)
    pieces = (
        chance.choice(tokens),
        _joined(made[:0], chance.choices(tokens, k=3)),
        _cut(chance, made, 20),
    )
    piece = chance.choice(pieces)
    times = min(chance.choice(_REPEATED), most // max(1, len(piece)))
    return made[:at] + piece * times + made[at:]


def _insert(chance: random.Random, made: T, token: T, _other: T) -> T:
    at = chance.randrange(len(made) + 1)
    return made[:at] + token + made[at:]


def _append(_chance: random.Random, made: T, token: T, _other: T) -> T:
    return made + token


def _replace(chance: random.Random, made: T, token: T, _other: T) -> T:
    at = chance.randrange(len(made) + 1)
    return made[:at] + token + made[at + chance.randrange(8) :]


def _delete(chance: random.Random, made: T, _token: T, _other: T) -> T:
    at = chance.randrange(len(made) + 1)
    return made[:at] + made[at + chance.randrange(1, 12) :]


def _truncate(chance: random.Random, made: T, _token: T, _other: T) -> T:
    return made[: chance.randrange(len(made) + 1)]


def _double(chance: random.Random, made: T, _token: T, _other: T) -> T:
    at = chance.randrange(len(made) + 1)
    return made[:at] + _cut(chance, made, 30) * chance.choice((1, 2, 5)) + made[at:]


def _wrap(chance: random.Random, made: T, token: T, _other: T) -> T:
    start = chance.randrange(len(made) + 1)
    end = chance.randrange(start, len(made) + 1)
    return made[:start] + token + made[start:end] + token + made[end:]


def _splice(chance: random.Random, made: T, _token: T, other: T) -> T:
    return made[: chance.randrange(len(made) + 1)] + other[chance.randrange(len(other) + 1) :]


def _character(chance: random.Random, made: T, _token: T, _other: T) -> T:
    """Put any character, or any byte, in the place of one."""
    at = chance.randrange(len(made) + 1)
    if isinstance(made, bytes):
        return made[:at] + bytes([chance.randrange(256)]) + made[at + 1 :]
    plane = chance.choice((0x80, 0x250, 0x2100, 0x3000, 0x10000, 0x110000))
    return made[:at] + chr(chance.randrange(plane)) + made[at + 1 :]


_WAYS: tuple[Callable[..., Any], ...] = (
    _insert,
    _insert,
    _append,
    _replace,
    _delete,
    _truncate,
    _double,
    _wrap,
    _splice,
    _character,
)


def _cut(chance: random.Random, made: T, most: int) -> T:
    start = chance.randrange(len(made) + 1)
    return made[start : start + chance.randrange(1, most)]


def _joined(empty: T, pieces: Sequence[T]) -> T:
    return empty.join(pieces)
