"""Stage `sentences`: what is said in training, and what is kept for tests.

From WordNet's example sentences, fortune cookies and templates of everyday speech. The test
sentences are those of `held_out.json` and stay what they are, whatever is trained on.
"""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

from training.preview.everyday import everyday_sentence, listed_things, short_sentence
from training.preview.workspace import Workspace

WORDNET = Path("/usr/share/wordnet")
FORTUNES = Path("/usr/share/games/fortunes")
WORDNET_PARTS = ("noun", "verb", "adj", "adv")
FORTUNE_BOOKS = (
    "people wisdom work love food kids science humorists fortunes pets education miscellaneous"
).split()
SEED = 5
HELD_OUT = Path(__file__).with_name("held_out.json")
SHORTEST_WORDS, LONGEST_WORDS = 4, 28
LISTS, SHORT_ROWS, LONG = 600, 900, 1200
LONG_WORDS = 18  # in a sentence made of others, at least
BETWEEN = (", and ", ", but ", " because ", ", so ", " while ", ", and then ")
MOST_OF_SOURCE = 5500, 2000, 3000, LISTS  # of WordNet, fortunes, templates and lists with commas
DEVELOPMENT = 80
SPEAKABLE = re.compile(r"^[A-Za-z' ,.?!-]+$")
PLAIN = re.compile(r"^[^.?!]{15,80}\.$")
ABBREVIATION = re.compile(r"[A-Z]{2,}|\b[A-Z]\.|\w-\w.*-|\.\s*\w")


def tidy(quoted: str) -> str | None:
    """A sentence with a capital and a full stop, or None if it cannot be read as it stands."""
    text = quoted.replace("--", ",").replace(" - ", ", ")
    text = re.sub(r"\s+", " ", text).strip(" ,;:-'")
    text = re.sub(r"([.?!,])\1+", r"\1", text)
    if not SPEAKABLE.match(text) or ABBREVIATION.search(text):
        return None
    text = text[0].upper() + text[1:]
    return text if text[-1] in ".?!" else text + "."


def wordnet_sentences() -> list[str]:
    found = set()
    for part in WORDNET_PARTS:
        data = (WORDNET / f"data.{part}").read_text("utf-8", errors="ignore")
        for quoted in re.findall(r'"([^"\n]+)"', data):
            text = tidy(quoted.strip())
            if text and 3 <= len(text.split()) <= 15 and len(text) <= 95:
                found.add(text)
    return sorted(found)


def fortune_sentences() -> list[str]:
    found = set()
    for book in FORTUNE_BOOKS:
        text = (FORTUNES / book).read_text("utf-8", errors="ignore")
        text = re.sub(r"\s+", " ", text.replace("\n%\n", "\n\n. "))
        for quoted in re.findall(r"(?<=[.?!] )[A-Z][^.?!]{15,170}[.?!](?= )", text):
            tidied = tidy(quoted)
            if tidied and 4 <= len(tidied.split()) <= LONGEST_WORDS:
                found.add(tidied)
    return sorted(found)


def held_out_sentences() -> dict[str, list[str]]:
    """`test`, `wider_test`, `everyday` and `long`: no training or lexicon has used them.

    Of `everyday` and `wider_test` the first 25 were used for no choice either. By the next 25
    prompts are chosen, and by them and `long` how much of two trainings is in their mean.
    """
    shares: dict[str, list[str]] = json.loads(HELD_OUT.read_text("utf-8"))
    return shares


def training_sentences(sources: list[list[str]], held_out: set[str]) -> list[str]:
    """A fifth each of two sentences in a row, so that long texts are met; in random order."""
    chosen = []
    for source, most in zip(sources, MOST_OF_SOURCE, strict=True):
        fresh = [text for text in source if text not in held_out]
        chosen += random.sample(fresh, min(most, len(fresh)))
    random.shuffle(chosen)
    joined = len(chosen) // 5
    pairs = [
        " ".join(pair) for pair in zip(chosen[:joined], chosen[joined : 2 * joined], strict=True)
    ]
    fits = [pair for pair in pairs if len(pair.split()) <= LONGEST_WORDS]
    rest = chosen[2 * joined :]
    training = [*fits, *rest, *long_sentences(rest), *short_rows(held_out)]
    random.shuffle(training)
    return training


def long_sentences(chosen: list[str]) -> list[str]:
    """Sentences of many words, which the sources hardly have: several of theirs in one."""
    plain = [text[0].lower() + text[1:-1] for text in chosen if PLAIN.match(text)]
    made: set[str] = set()
    for _ in range(LONG if plain else 0):
        text = random.choice(plain)
        while len(text.split()) < LONG_WORDS:
            text += random.choice(BETWEEN) + random.choice(plain)
        if len(text.split()) <= LONGEST_WORDS:
            made.add(text[0].upper() + text[1:] + ".")
    return sorted(made)


def short_rows(held_out: set[str]) -> list[str]:
    """One to five very short sentences in a row."""
    rows = [
        " ".join(short_sentence() for _ in range(random.choice((1, 2, 3, 3, 4, 5))))
        for _ in range(SHORT_ROWS)
    ]
    return sorted(set(rows) - held_out)


def build() -> dict[str, list[str]]:
    """The shares `train`, `development` and those of `held_out.json`."""
    random.seed(SEED)
    shares = held_out_sentences()
    everyday = sorted({everyday_sentence() for _ in range(12000)})
    lists = sorted({listed_things() for _ in range(LISTS)})
    wordnet = [text for text in wordnet_sentences() if len(text.split()) >= SHORTEST_WORDS]
    hidden = {text for texts in shares.values() for text in texts}
    training = training_sentences([wordnet, fortune_sentences(), everyday, lists], hidden)
    development, rest = training[:DEVELOPMENT], training[DEVELOPMENT:]
    hidden_parts = [text.lower().strip(".?!") for text in development]
    train = [text for text in rest if not any(part in text.lower() for part in hidden_parts)]
    return {"train": train, "development": development, **shares}


def run(workspace: Workspace) -> None:
    """Raises FileNotFoundError where the Debian packages wordnet-base and fortunes are absent."""
    workspace.folder.mkdir(parents=True, exist_ok=True)
    found = build()
    workspace.sentences.write_text(json.dumps(found), "utf-8")
    print(", ".join(f"{len(texts)} {share}" for share, texts in found.items()))
