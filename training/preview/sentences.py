"""Stage `sentences`: what is said in training, and what is kept for tests.

From WordNet's example sentences, fortune cookies and templates of everyday speech.
"""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

from training.preview.everyday import everyday_sentence
from training.preview.workspace import Workspace

WORDNET = Path("/usr/share/wordnet")
FORTUNES = Path("/usr/share/games/fortunes")
WORDNET_PARTS = ("noun", "verb", "adj", "adv")
FORTUNE_BOOKS = (
    "people wisdom work love food kids science humorists fortunes pets education miscellaneous"
).split()
SEED = 1
SPEAKABLE = re.compile(r"^[A-Za-z' ,.?!-]+$")
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
        for quoted in re.findall(r"(?<=[.?!] )[A-Z][^.?!]{15,90}[.?!](?= )", text):
            tidied = tidy(quoted)
            if tidied and 4 <= len(tidied.split()) <= 16:
                found.add(tidied)
    return sorted(found)


def shares(wordnet: list[str], fortunes: list[str], everyday: list[str]) -> dict[str, list[str]]:
    """Training and test sentences out of three shuffled lists; no sentence is in two shares."""
    train = wordnet[40:7240] + fortunes[10:1010] + everyday[10:1210]
    random.shuffle(train)
    test = wordnet[:40] + fortunes[:10] + everyday[:10]
    taken = set(train) | set(test)
    rest = [
        [sentence for sentence in source if sentence not in taken]
        for source in (wordnet[7240:], fortunes[1010:], everyday[1210:])
    ]
    return {
        "train": train,
        "test": test,
        "development": rest[0][:50] + rest[1][:10] + rest[2][:20],
        "wider_test": rest[0][1000:1150] + rest[1][500:530],
        "everyday": rest[2][1000:1100],
    }


def build() -> dict[str, list[str]]:
    random.seed(SEED)
    wordnet = wordnet_sentences()
    random.shuffle(wordnet)
    fortunes = fortune_sentences()
    random.shuffle(fortunes)
    everyday = sorted({everyday_sentence() for _ in range(6000)})
    random.shuffle(everyday)
    return shares(wordnet, fortunes, everyday)


def run(workspace: Workspace) -> None:
    """Raises FileNotFoundError where the Debian packages wordnet-base and fortunes are absent."""
    workspace.folder.mkdir(parents=True, exist_ok=True)
    found = build()
    workspace.sentences.write_text(json.dumps(found), "utf-8")
    print(", ".join(f"{len(texts)} {share}" for share, texts in found.items()))
