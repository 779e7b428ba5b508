"""Measures the word errors of the preview voice: of its teacher, codec and whole model.

    python -m benchmarks.preview_quality                 # app/preview, about a quarter of an hour
    python -m benchmarks.preview_quality --config other/preview.yaml --sentences 20
    python -m benchmarks.preview_quality --server http://localhost:8000    # a running server's /tts

Needs pocketsphinx; festival with festvox-us-slt-hts and pyworld for the first two figures.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import os
import sys
from pathlib import Path

import httpx

from training.preview.evaluate import Samples, Speaker, held_out_sentences, measure, report
from training.preview.recogniser import Recogniser, WordError
from training.preview.voices import SHIPPED
from training.preview.wav_files import read_wav

ROOT = Path(__file__).parent.parent


def server_speaker(url: str, voice: str) -> Speaker:
    """Speak over HTTP, in the precision that the server was started with."""

    def speak(_index: int, sentence: str) -> tuple[Samples, int]:
        body = {"script": sentence, "voice": voice, "format": "wav"}
        headers = {"API_KEY": os.environ.get("API_KEY", "")}
        answer = httpx.post(f"{url}/tts", json=body, headers=headers, timeout=60)
        answer.raise_for_status()
        return read_wav(io.BytesIO(answer.content))

    return speak


def server_report(url: str, shares: dict[str, list[str]]) -> dict[str, WordError]:
    """Print and return the word errors of both voices, as `server voice, share`."""
    recogniser = Recogniser()
    errors: dict[str, WordError] = {}
    for voice in SHIPPED:
        for share, sentences in shares.items():
            name = f"server {voice.name}, {share}"
            errors[name] = measure(sentences, server_speaker(url, voice.name), recogniser)
            print(f"{name:28} {errors[name]}", flush=True)
    return errors


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--config", type=Path, default=ROOT / "app/preview/preview.yaml")
    parser.add_argument("--prompt", type=Path, help="WAV of a voice, instead of the model's own")
    parser.add_argument("--server", help="measure a server's /tts; its key is in API_KEY")
    parser.add_argument("--sentences", type=int, help="at most so many of each share")
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    arguments = parser.parse_args()
    if importlib.util.find_spec("pocketsphinx") is None:
        print("pocketsphinx is missing: pip install -r training/preview/requirements.txt")
        return 1
    shares = {name: all_[: arguments.sentences] for name, all_ in held_out_sentences().items()}
    if arguments.server:
        errors = server_report(arguments.server, shares)
    else:
        errors = report(arguments.config, shares, arguments.prompt)
    if arguments.json:
        figures = {
            name: {"percent": error.percent, "words": error.words} for name, error in errors.items()
        }
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
