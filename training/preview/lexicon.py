"""Stage `lexicon`: which words `tokenizer.json` knows how to pronounce.

Words are counted in WordNet and fortune cookies without the test sentences, so a word that only a
test sentence uses stays out and is spelled by its letters.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator

from training.preview.pronunciations import WORD, Pronunciations, dictionary, pronounce
from training.preview.sentences import FORTUNES, WORDNET, WORDNET_PARTS
from training.preview.workspace import Workspace

WORDS = 50000
TRAINING_WORD_WEIGHT = 3
HELD_OUT_SHARES = ("test", "development", "wider_test", "everyday", "long")
EDGES = " ,;:-'.?!"


def texts() -> Iterator[str]:
    """Definitions, examples and fortunes, sentence by sentence; then every lemma by itself."""
    for part in WORDNET_PARTS:
        with (WORDNET / f"data.{part}").open(errors="ignore", encoding="utf-8") as lines:
            for line in lines:
                yield from re.split('[";]', line.split("|")[-1])
    for book in sorted(FORTUNES.iterdir()):
        if book.suffix not in (".dat", ".u8"):
            text = re.sub(r"\s+", " ", book.read_text("utf-8", errors="ignore"))
            yield from re.split(r"(?<=[.?!]) ", text)
    for part in WORDNET_PARTS:
        with (WORDNET / f"index.{part}").open(errors="ignore", encoding="utf-8") as lines:
            for line in lines:
                lemma = line.split(" ")[0]
                if re.fullmatch("[a-z]+", lemma):
                    yield lemma


def count_words(found: Iterable[str], held_out: Iterable[str]) -> Counter[str]:
    """How often each word occurs outside the held-out sentences."""
    hidden = {sentence.lower().strip(EDGES) for sentence in held_out}
    counts: Counter[str] = Counter()
    for text in found:
        if text.strip().lower().strip(EDGES) not in hidden:
            counts.update(WORD.findall(text.lower()))
    return counts


def choose(known: Pronunciations, counts: Counter[str]) -> Pronunciations:
    """The commonest WORDS that can be pronounced."""
    chosen: Pronunciations = {}
    for word in sorted(counts, key=lambda word: (-counts[word], word)):
        phones = pronounce(word, known)
        if phones and len(chosen) < WORDS:
            chosen[word] = phones
    return chosen


def run(workspace: Workspace) -> None:
    """ImportError without misaki; FileNotFoundError without WordNet or fortunes."""
    held_out = [text for share in HELD_OUT_SHARES for text in workspace.sentences_of(share)]
    counts = count_words(texts(), held_out)
    for text in workspace.training_sentences():
        for word in WORD.findall(text.lower()):
            counts[word] += TRAINING_WORD_WEIGHT
    chosen = choose(dictionary(), counts)
    workspace.lexicon.write_text(json.dumps(chosen), "utf-8")
    print(f"{len(chosen)} words")
