"""Word error of the teacher, of the codec alone and of the whole model, on held-out sentences.

The recogniser is pocketsphinx, a weak listener: figures say which of two voices is clearer, not how
much a person would understand.
"""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray

from training.preview import teacher
from training.preview.analysis import analyse
from training.preview.export import BASIS, CONFIG, load_exported
from training.preview.latents import Basis, patches_of
from training.preview.recogniser import Recogniser, WordError
from training.preview.wav_files import read_wav
from training.preview.workspace import Workspace

HELD_OUT = Path(__file__).with_name("held_out.json")
Samples = NDArray[np.floating]
Speaker = Callable[[int, str], tuple[Samples, int]]


class UnfinishedSentences(logging.Handler):
    """Counts the sentences that upstream cut off because no EOS came."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        if "Maximum generation length" in record.getMessage():
            self.count += 1


def held_out_sentences() -> dict[str, list[str]]:
    """`test`, `wider_test` and `everyday`: no training, lexicon or choice has used them."""
    shares: dict[str, list[str]] = json.loads(HELD_OUT.read_text("utf-8"))
    return shares


def measure(sentences: list[str], speaker: Speaker, recogniser: Recogniser) -> WordError:
    """Let `speaker` say each sentence, given with its number, and count what is misheard."""
    error = WordError()
    for index, sentence in enumerate(sentences):
        samples, rate = speaker(index, sentence)
        error.count(sentence, recogniser.words(samples, rate))
    return error


def model_speaker(config: Path, prompt: Path) -> tuple[Speaker, UnfinishedSentences]:
    """Upstream's own way from text to audio."""
    model = load_exported(config)
    state = model.get_state_for_audio_prompt(prompt)
    unfinished = UnfinishedSentences()
    logging.getLogger("pocket_tts.models.tts_model").addHandler(unfinished)

    def speak(_index: int, sentence: str) -> tuple[Samples, int]:
        return model.generate_audio(state, sentence).numpy(), int(model.sample_rate)

    return speak, unfinished


def teacher_speaker(sentences: list[str], folder: Path) -> Speaker:
    """festival, which speaks all of `sentences` into `folder` first."""
    teacher.speak(sentences, folder)

    def speak(index: int, _sentence: str) -> tuple[Samples, int]:
        return read_wav(folder / f"{index}.wav")

    return speak


def codec_speaker(config: Path, spoken: Path) -> Speaker:
    """The model's decoder on latents found in the teacher's sentences in the folder `spoken`."""
    model = load_exported(config)
    stored = safetensors.torch.load_file(config.with_name(BASIS))
    basis = Basis(**{name: value.float().numpy() for name, value in stored.items()})

    def speak(index: int, sentence: str) -> tuple[Samples, int]:
        heard = analyse(index, sentence, spoken / f"{index}.wav", spoken / f"{index}.lab")
        latents = basis.encode(patches_of(heard), np.asarray(heard.pitch_hz))
        with torch.no_grad():
            audio = model.mimi.decode_from_latent(torch.from_numpy(latents)[None], None)
        return audio[0, 0].numpy(), int(model.sample_rate)

    return speak


def report(config: Path, prompt: Path, shares: dict[str, list[str]]) -> dict[str, WordError]:
    """Print and return the word errors, as `speaker, share`; what is not installed is said."""
    recogniser = Recogniser()
    errors: dict[str, WordError] = {}

    def tell(name: str, share: str, sentences: list[str], speaker: Speaker) -> None:
        errors[f"{name}, {share}"] = measure(sentences, speaker, recogniser)
        print(f"{name:8} {share:12} {errors[f'{name}, {share}']}", flush=True)

    whole, unfinished = model_speaker(config, prompt)
    for share, sentences in shares.items():
        if teacher.is_installed():
            with tempfile.TemporaryDirectory() as spoken:
                tell("teacher", share, sentences, teacher_speaker(sentences, Path(spoken)))
                tell("codec", share, sentences, codec_speaker(config, Path(spoken)))
        else:
            print(f"teacher and codec, {share}: not measured, festival with its voice is missing")
        tell("model", share, sentences, whole)
    print(f"{unfinished.count} sentences without an end")
    return errors


def run(workspace: Workspace) -> None:
    """Raises ImportError if pocketsphinx is missing."""
    voices = sorted((workspace.model / "voices").glob("*.wav"))
    report(workspace.model / CONFIG, voices[0], held_out_sentences())
