"""Stage `lexicon`: how common words are pronounced.

Words are counted in WordNet and fortune cookies without the test sentences, so a word that only a
test sentence uses stays out and is spelled by its letters.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator

from training.preview.corpus import Corpus
from training.preview.latents import Pronunciations
from training.preview.sentences import FORTUNES, WORDNET, WORDNET_PARTS
from training.preview.symbols import PHONES
from training.preview.teacher import VOICE
from training.preview.workspace import Workspace

WORDS = 28000
ASKED = 19000
TRAINING_WORD_WEIGHT = 3
HELD_OUT_SHARES = ("test", "development", "wider_test", "everyday")
EDGES = " ,;:-'.?!"

_LOOK_UP = """
(define (say word)
  (format t "%s" word)
  (mapcar
    (lambda (syllable) (mapcar (lambda (phone) (format t " %s" phone)) (car syllable)))
    (car (cdr (cdr (lex.lookup word nil)))))
  (format t "\\n"))
"""


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
            counts.update(re.findall(r"[a-z][a-z']*[a-z]|[ai]", text.lower()))
    return counts


def look_up(words: list[str]) -> Pronunciations:
    """festival's own dictionary and letter-to-sound rules. CalledProcessError if it fails."""
    script = "\n".join([f"({VOICE})", _LOOK_UP, *(f'(say "{word}")' for word in words)])
    answer = subprocess.run(
        ["festival", "--pipe"], input=script, capture_output=True, text=True, check=True
    )
    found = (line.split() for line in answer.stdout.splitlines())
    return {
        word[0]: tuple(word[1:]) for word in found if len(word) > 1 and set(word[1:]) <= set(PHONES)
    }


def choose(known: Pronunciations, counts: Counter[str]) -> Pronunciations:
    """The commonest WORDS of `known` that begin and end with a letter."""
    usable = [word for word in known if not word.startswith("'") and not word.endswith("'")]
    commonest = sorted(usable, key=lambda word: (-counts[word], word))[:WORDS]
    return {word: known[word] for word in commonest}


def run(workspace: Workspace) -> None:
    corpus = Corpus.load(workspace.corpus)
    held_out = [text for share in HELD_OUT_SHARES for text in workspace.sentences_of(share)]
    counts = count_words(texts(), held_out)
    known = corpus.pronunciations
    wanted = [
        word for word, n in counts.most_common() if n > 1 and len(word) > 1 and word not in known
    ]
    known = known | look_up(wanted[:ASKED])
    for spoken in corpus.utterances:
        for word in spoken.words:
            counts[spoken.text[word.start : word.end]] += TRAINING_WORD_WEIGHT
    chosen = choose(known, counts)
    workspace.lexicon.write_text(json.dumps(chosen), "utf-8")
    print(f"{len(chosen)} words")
