"""Measures how faithful each precision is to float32, on the same text, voice and noise.

    python -m benchmarks.fidelity --model path/to/model.yaml

Three figures for each precision. *Latents*: the language model is shown float32's latents and asked
for the next one, so that errors do not feed on themselves. *Codec*: float32's latents are decoded.
*Both*: the first times the second, what a listener gets of one frame; the language model's latents
are decoded, still following float32's path. A free run is of no use here: after a second of speech
two runs that differ in the last bit say the same words with other samples.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from pocket_tts import TTSModel

from app.engine.loader import load_model
from app.engine.precision import choose_precision
from app.engine.prompt import make_prompt
from app.engine.resting import RestingModel
from app.engine.runner import Runner
from app.engine.sampling import resolve
from app.engine.voice_state import VoiceMaker
from app.engine.weights import fetch_model
from app.speech import Pcm, Sampling
from benchmarks.machine import describe_machine
from benchmarks.models import model_argument
from benchmarks.scripts import script_of
from benchmarks.servers import voice_like_prompt

PRECISIONS = ("float32", "bfloat16", "int8", "auto")
FRAMES = 100
TEXTS = 4
WINDOW_SAMPLES, HOP_SAMPLES = 1024, 256


class Voice:
    """Holds one runner in one precision, with a row for each text."""

    def __init__(self, model: TTSModel, precision: str, prompt: Pcm) -> None:
        device = torch.device("cpu")
        self.precision = choose_precision(precision, device)
        self.runner = Runner(model, self.precision, device, max_rows=2 * TEXTS)
        voices = VoiceMaker(
            RestingModel(model, None),
            self.runner.cache_shape,
            device,
            cloning_refused=None,
            prompts={},
        )
        state = voices.encode(prompt)
        sampling = resolve(Sampling(seed=1), Sampling(), model)
        texts = [make_prompt(model, script_of(150, start=2 * index)) for index in range(TEXTS)]
        self.rows = [
            self.runner.open(
                state, replace(text, max_frames=max(text.max_frames, FRAMES)), sampling, index
            )
            for index, text in enumerate(texts)
            if text is not None
        ]


def follow(reference: Voice, other: Voice) -> tuple[torch.Tensor, torch.Tensor]:
    """Return latents `[frames, rows, ldim]` of both, where `other` continues from `reference`'s."""
    theirs, mine = [], []
    for _ in range(FRAMES):
        reference.runner.sample(reference.rows)
        other.runner.sample(other.rows)
        theirs.append(torch.stack([row.latent for row in reference.rows]))
        mine.append(torch.stack([row.latent for row in other.rows]))
        for leader, follower in zip(reference.rows, other.rows, strict=True):
            follower.latent = leader.latent.clone()
    return torch.stack(theirs), torch.stack(mine)


def decoded(voice: Voice, latents: torch.Tensor) -> list[Pcm]:
    """Decode each row of `[frames, rows, ldim]` to PCM from the start."""
    pieces: list[list[Pcm]] = [[] for _ in voice.rows]
    for row in voice.rows:
        row.pending.clear()
    for frame in latents:
        for row, latent in zip(voice.rows, frame, strict=True):
            row.pending.append(latent)
        for own, pcm in zip(pieces, voice.runner.decode(voice.rows, 1), strict=True):
            if isinstance(pcm, Exception):
                raise pcm
            own.append(pcm)
    return [np.concatenate(own) for own in pieces]


def renewed(voice: Voice, model: TTSModel, prompt: Pcm, precision: str) -> Voice:
    """Return the same voice with fresh codec states."""
    for row in voice.rows:
        voice.runner.close(row)
    return Voice(model, precision, prompt)


def snr_db(reference: np.ndarray, other: np.ndarray) -> float:
    """Compute the signal-to-noise ratio of `other` against `reference`."""
    noise = float(np.square(reference - other).sum())
    return math.inf if noise == 0 else 10 * math.log10(float(np.square(reference).sum()) / noise)


def log_spectral_distance_db(reference: Pcm, other: Pcm) -> float:
    """Compute the RMS difference of the log power spectra, averaged over windows."""
    mine, theirs = _log_power(reference), _log_power(other)
    return float(np.sqrt(np.square(mine - theirs).mean(axis=1)).mean())


def _log_power(pcm: Pcm) -> np.ndarray:
    count = 1 + (len(pcm) - WINDOW_SAMPLES) // HOP_SAMPLES
    starts = HOP_SAMPLES * np.arange(count)[:, None] + np.arange(WINDOW_SAMPLES)
    spectrum = np.abs(np.fft.rfft(pcm[starts] * np.hanning(WINDOW_SAMPLES)))
    return np.asarray(20 * np.log10(np.maximum(spectrum, 1e-5)))


def measure(model: TTSModel, precision: str, prompt: Pcm) -> dict[str, float | str]:
    """Measure all figures of one precision."""
    with torch.inference_mode():
        reference, other = Voice(model, "float32", prompt), Voice(model, precision, prompt)
        theirs, mine = follow(reference, other)
        truth = decoded(reference, theirs)
        codec = decoded(other, theirs)
        other = renewed(other, model, prompt, precision)
        both = decoded(other, mine)
    return {
        "precision": precision,
        "meaning": str(other.precision),
        "latents_snr_db": snr_db(theirs.numpy(), mine.numpy()),
        "codec_snr_db": _mean(snr_db, truth, codec),
        "codec_lsd_db": _mean(log_spectral_distance_db, truth, codec),
        "both_snr_db": _mean(snr_db, truth, both),
        "both_lsd_db": _mean(log_spectral_distance_db, truth, both),
    }


def _mean(figure: object, truth: Sequence[Pcm], other: Sequence[Pcm]) -> float:
    assert callable(figure)
    return float(np.mean([figure(a, b) for a, b in zip(truth, other, strict=True)]))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    model_argument(parser)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    model = load_model(fetch_model(language="", config=str(arguments.model)))
    prompt = voice_like_prompt()
    print(f"{describe_machine()}\nmodel: {arguments.model}\n")
    print(
        f"{'precision':<10}{'meaning':<28}{'latents':>10}{'codec':>10}{'LSD':>8}{'both':>10}{'LSD':>8}"
    )
    rows = []
    for precision in PRECISIONS:
        figures = measure(model, precision, prompt)
        rows.append(figures)
        print(
            f"{precision:<10}{figures['meaning']:<28}{figures['latents_snr_db']:>7.1f} dB"
            f"{figures['codec_snr_db']:>7.1f} dB{figures['codec_lsd_db']:>5.2f} dB"
            f"{figures['both_snr_db']:>7.1f} dB{figures['both_lsd_db']:>5.2f} dB",
            flush=True,
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
