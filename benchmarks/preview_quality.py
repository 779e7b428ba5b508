"""How clearly the preview voice speaks: word error of its voices, words it spells, load time.

    python -m benchmarks.preview_quality                 # app/preview, about ten minutes
    python -m benchmarks.preview_quality --config other/preview.yaml --sentences 20
    python -m benchmarks.preview_quality --server http://localhost:8000    # a running server's /tts

Needs pocketsphinx. What the teacher, the vocoder and the codec by themselves lose, and how natural
all of them are, the recipe's own stage tells: python -m training.preview evaluate.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import os
import re
import sys
import time
from pathlib import Path
from statistics import median

import httpx
from tokenizers import Tokenizer

from training.preview.evaluate import Samples, Saying, measure, model_sayings, prompts_of
from training.preview.export import TOKENIZER, load_exported
from training.preview.pronunciations import WORD
from training.preview.recogniser import Recogniser, WordError
from training.preview.sentences import held_out_sentences
from training.preview.wav_files import read_wav

ROOT = Path(__file__).parent.parent
LETTERS = re.compile("[a-z]+")


def server_saying(url: str, voice: str) -> Saying:
    """The whole way over HTTP, in the precision that the server was started with."""

    def speak(_index: int, sentence: str) -> tuple[Samples, int]:
        body = {"script": sentence, "voice": voice, "format": "wav"}
        headers = {"API_KEY": os.environ.get("API_KEY", "")}
        answer = httpx.post(f"{url}/tts", json=body, headers=headers, timeout=60)
        answer.raise_for_status()
        return read_wav(io.BytesIO(answer.content))

    return speak


def report(sayings: dict[str, Saying], shares: dict[str, list[str]]) -> dict[str, WordError]:
    """Print and return the word errors of all voices, as `voice, share`."""
    recogniser = Recogniser()
    errors: dict[str, WordError] = {}
    for voice, saying in sayings.items():
        for share, sentences in shares.items():
            name = f"{voice}, {share}"
            errors[name] = measure(sentences, saying, recogniser)
            print(f"{name:28} {errors[name]}", flush=True)
    return errors


def count_out_of_vocabulary(config: Path, sentences: list[str]) -> tuple[int, int]:
    """How many words of the sentences the model's tokenizer spells by letters, and of how many."""
    tokenizer = Tokenizer.from_file(str(config.with_name(TOKENIZER)))
    spelled = sum(len(LETTERS.findall(tokenizer.normalizer.normalize_str(s))) for s in sentences)
    return spelled, sum(len(WORD.findall(sentence.lower())) for sentence in sentences)


def report_model(config: Path, shares: dict[str, list[str]]) -> None:
    """Print how long the model takes to load, and how many words of each share it spells."""
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        load_exported(config)
        seconds.append(time.perf_counter() - started)
    print(f"loads in {median(seconds):.2f} s (median of {len(seconds)})")
    for name, sentences in shares.items():
        spelled, words = count_out_of_vocabulary(config, sentences)
        print(f"{name:20} {spelled} of {words} words are spelled by letters")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--config", type=Path, default=ROOT / "app/preview/preview.yaml")
    parser.add_argument("--prompt", type=Path, help="WAV of a voice, instead of the model's own")
    parser.add_argument("--server", help="measure a server's /tts; its key is in API_KEY")
    parser.add_argument("--sentences", type=int, help="at most so many of each share")
    parser.add_argument("--json", type=Path, help="write the word errors to this file as well")
    arguments = parser.parse_args()
    if importlib.util.find_spec("pocketsphinx") is None:
        print("pocketsphinx is missing: pip install -r training/preview/requirements.txt")
        return 1
    shares = {name: all_[: arguments.sentences] for name, all_ in held_out_sentences().items()}
    prompts = prompts_of(arguments.config)
    if arguments.server:
        errors = report({name: server_saying(arguments.server, name) for name in prompts}, shares)
    else:
        if arguments.prompt:
            prompts = {"prompt": arguments.prompt}
        report_model(arguments.config, shares)
        sayings, unfinished = model_sayings(arguments.config, prompts)
        errors = report(sayings, shares)
        print(f"{unfinished.count} sentences without an end")
    if arguments.json:
        figures = {
            name: {"percent": error.percent, "words": error.words} for name, error in errors.items()
        }
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
