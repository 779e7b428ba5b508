"""Measures how neighbouring pieces of a script differ in loudness, pitch and pace.

    python -m benchmarks.continuity [--pieces 40] [--seeds 2] [--words]

Each sentence of a long script is a piece. It is spoken on its own, as the server does, or carried
on: the model reads the sentence before as well, and has that one's latents put into its cache as
if it had spoken them in this go. Two voices of the preview model, and one made of a recording. As a
scale there are the jumps between pieces that are not neighbours.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from app.audio.resample import resampled_clip
from app.engine.engine import BatchedEngine
from app.engine.preview import preview_voices
from app.engine.sampling import resolve
from app.engine.sequence import MIN_FRAMES_BEFORE_EOS
from app.engine.takes.pace import letters_in
from app.engine.voice_state import KvPrefix
from app.speech import SPEECH_RATE_HZ, Pcm, Sampling
from benchmarks.preview_engine import preview_engine
from benchmarks.recogniser import Recogniser, word_errors, words_of
from training.preview.sentences import held_out_sentences

EDGE_SECONDS = 1.5
"""So much of a piece is compared at each side of a border."""
FAR_PIECES = 7
STEP_SAMPLES = SPEECH_RATE_HZ // 100
WINDOW_SAMPLES = SPEECH_RATE_HZ // 25
LOWEST_HZ, HIGHEST_HZ = 60, 400
VOICED = 0.5
OWN_VOICE_FACTOR = 1.12
"""The voice of one's own is a recording of the preview's, played so much faster."""


@dataclass(frozen=True)
class Piece:
    """Holds a piece that was spoken."""

    text: str
    latents: list[Tensor]
    pcm: Pcm


@torch.inference_mode()
def speak(
    engine: BatchedEngine, voice: KvPrefix, text: str, seed: int, index: int, before: Piece | None
) -> Piece:
    """Speak a piece, after what was spoken before it if that is given."""
    runner = engine._runner
    prompt = runner.prompt(text if before is None else f"{before.text} {text}")
    own = runner.prompt(text)
    assert prompt is not None
    assert own is not None
    forced = [] if before is None else before.latents
    sampling = resolve(Sampling(seed=seed), Sampling(), engine._model)
    row = runner.open(voice, prompt, sampling, index)
    latents: list[Tensor] = []
    ended: int | None = None
    last = prompt.max_frames - len(forced)
    for step in range(prompt.max_frames):
        (is_eos,) = runner.sample([row])
        if step < len(forced):
            row.latent = forced[step]
            row.keep()
            continue
        row.keep()
        latents.append(row.latent)
        if is_eos is True and len(latents) > MIN_FRAMES_BEFORE_EOS and ended is None:
            ended = len(latents) - 1
            last = min(last, ended + own.frames_after_eos)
        if len(latents) >= last:
            break
    pcm = np.concatenate([runner.decode([row], 1)[0] for _ in range(len(row.pending))])
    runner.close(row)
    # What follows the end would tell the next piece that it is over, too.
    return Piece(text, latents[:ended], pcm[len(forced) * runner.frame_samples :])


def sounding(pcm: Pcm) -> Pcm:
    """Return a sound without the silence at its edges."""
    steps = len(pcm) // STEP_SAMPLES
    power = np.square(pcm[: steps * STEP_SAMPLES]).reshape(steps, -1).mean(1)
    loud = np.flatnonzero(power > 1e-3 * power.max())
    return pcm[loud[0] * STEP_SAMPLES : (loud[-1] + 1) * STEP_SAMPLES]


def level_db(pcm: Pcm) -> float:
    """Return the level of what is not silent."""
    steps = len(pcm) // STEP_SAMPLES
    power = np.square(pcm[: steps * STEP_SAMPLES]).reshape(steps, -1).mean(1)
    return float(10 * np.log10(power[power > 1e-2 * power.max()].mean()))


def pitch_semitones(pcm: Pcm) -> float:
    """Return the median pitch in semitones above 1 Hz, by autocorrelation; NaN if none is heard."""
    found = []
    shortest, longest = SPEECH_RATE_HZ // HIGHEST_HZ, SPEECH_RATE_HZ // LOWEST_HZ
    for start in range(0, len(pcm) - WINDOW_SAMPLES - longest, STEP_SAMPLES):
        window = pcm[start : start + WINDOW_SAMPLES + longest].astype(np.float64)
        here = window[:WINDOW_SAMPLES]
        products = np.correlate(window, here, "valid")
        squares = np.cumsum(np.concatenate(([0.0], window**2)))
        energies = squares[WINDOW_SAMPLES:] - squares[:-WINDOW_SAMPLES]
        likeness = products / np.sqrt(energies * energies[0] + 1e-12)
        lag = shortest + int(np.argmax(likeness[shortest:]))
        if energies[0] > 1e-4 * WINDOW_SAMPLES and likeness[lag] > VOICED:
            found.append(12 * np.log2(SPEECH_RATE_HZ / lag))
    return float(np.median(found)) if found else float("nan")


def pace(piece: Piece) -> float:
    """Return how many letters are spoken in a second."""
    return letters_in(piece.text) / (len(sounding(piece.pcm)) / SPEECH_RATE_HZ)


def jumps(pieces: Sequence[Piece], distance: int = 1) -> tuple[float, float, float]:
    """Return the mean jump between pieces so far apart: dB, semitones, and pace in per cent."""
    edge = round(EDGE_SECONDS * SPEECH_RATE_HZ)
    sounds = [sounding(piece.pcm) for piece in pieces]
    ends = [(level_db(each[-edge:]), pitch_semitones(each[-edge:])) for each in sounds]
    starts = [(level_db(each[:edge]), pitch_semitones(each[:edge])) for each in sounds]
    differences = np.abs(np.array(starts[distance:]) - np.array(ends[:-distance]))
    paces = np.log([pace(piece) for piece in pieces])
    pace_jumps = np.abs(paces[distance:] - paces[:-distance])
    level, pitch = np.nanmean(differences, axis=0)
    return float(level), float(pitch), 100 * float(pace_jumps.mean())


def script(pieces: int) -> list[str]:
    """Return sentences of a usual length, in a fixed order."""
    single = [each for share in held_out_sentences().values() for each in share]
    return [each for each in single if 40 <= len(each) <= 110][:pieces]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pieces", type=int, default=40)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--words", action="store_true", help="print the word error rate as well")
    args = parser.parse_args()
    texts = script(args.pieces)
    recogniser = Recogniser() if args.words else None
    with preview_engine() as engine:
        voices = {name: engine.predefined_voice(name) for name in preview_voices()}
        voices["own recording"] = _own_voice(engine, voices)
        print(f"{'voice':16}{'pieces':18}    dB  semitones  pace %   words    CPU")
        for name, voice in voices.items():
            for way in ("alone", "carried on"):
                spoken: list[list[Piece]] = []
                began = time.process_time()
                for seed in range(args.seeds):
                    pieces: list[Piece] = []
                    for index, text in enumerate(texts):
                        before = pieces[-1] if pieces and way == "carried on" else None
                        pieces.append(speak(engine, voice, text, seed, index, before))
                    spoken.append(pieces)
                seconds = time.process_time() - began
                _print(name, way, spoken, 1, recogniser, seconds)
                if way == "alone":
                    _print(name, f"{FAR_PIECES} apart", spoken, FAR_PIECES, None, None)


def _own_voice(engine: BatchedEngine, voices: dict[str, KvPrefix]) -> KvPrefix:
    """Make a voice of a recording that is none of the model's."""
    said = "This is a voice of my own, which nobody has heard before. It reads what I write."
    spoken = speak(engine, next(iter(voices.values())), said, 1, 0, None).pcm
    factor_rate = round(SPEECH_RATE_HZ * OWN_VOICE_FACTOR)
    return engine.encode_voice(
        np.concatenate(list(resampled_clip([spoken], factor_rate, SPEECH_RATE_HZ)))
    )


def _print(
    voice: str,
    way: str,
    spoken: Sequence[Sequence[Piece]],
    distance: int,
    recogniser: Recogniser | None,
    seconds: float | None,
) -> None:
    level, pitch, pace_jump = np.mean([jumps(pieces, distance) for pieces in spoken], axis=0)
    wrong = ""
    if recogniser is not None:
        pairs = [
            (words_of(each.text), recogniser.words(each.pcm)) for row in spoken for each in row
        ]
        errors = sum(word_errors(*pair) for pair in pairs)
        wrong = f"{errors / sum(len(said) for said, _ in pairs):.1%}"
    taken = "" if seconds is None else f"{seconds:.1f} s"
    print(
        f"{voice:16}{way:18}{level:6.2f}{pitch:11.2f}{pace_jump:8.1f}{wrong:>8}{taken:>7}",
        flush=True,
    )


if __name__ == "__main__":
    main()
