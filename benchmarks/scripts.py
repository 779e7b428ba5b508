"""Makes scripts to speak, of everyday sentences in a fixed order, in three lengths."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

_SENTENCES = (
    "The ferry leaves the harbour at seven and comes back long after dark.",
    "She kept the old maps in a drawer that nobody else was allowed to open.",
    "Rain had fallen on the town all week, and the river stood high under the bridge.",
    "He counted the coins twice, shrugged, and put them back into his coat.",
    "Our neighbours grow tomatoes, beans and far more parsley than anyone could eat.",
    "By noon the market was so crowded that the children walked in a line.",
    "Nobody remembers who painted the door green, but everybody has an opinion.",
    "The train slowed down, whistled once, and stopped beside an empty platform.",
    "If you turn left at the mill, the path leads straight up to the chapel.",
    "They talked about the weather, the harvest, and the price of good shoes.",
)
SHORT_CHARS, MEDIUM_CHARS, LONG_CHARS = 70, 210, 600


def script_of(chars: int, *, start: int = 0) -> str:
    """Join whole sentences, from the `start`-th on, to about `chars` characters in all."""
    sentences = itertools.cycle(_SENTENCES[start % len(_SENTENCES) :] + _SENTENCES)
    spoken = next(sentences)
    while len(spoken) < chars:
        spoken += " " + next(sentences)
    return spoken


def mixed_scripts(seed: int) -> Iterator[str]:
    """Yield short, medium and long scripts in turn, forever; `seed` shifts where they start."""
    lengths = (SHORT_CHARS, MEDIUM_CHARS, MEDIUM_CHARS, LONG_CHARS)
    for index in itertools.count(seed):
        yield script_of(lengths[index % len(lengths)], start=3 * index)
