"""Word error of the teacher, of the codec alone and of the whole model, on held-out sentences.

The recogniser is pocketsphinx, a weak listener: figures say which of two voices is clearer, not how
much a person would understand.
"""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray

from training.preview import teacher
from training.preview.analysis import hear, say
from training.preview.export import BASIS, CONFIG, load_exported
from training.preview.latents import Basis, patches_of
from training.preview.recogniser import Recogniser, WordError
from training.preview.voices import SHIPPED, Voice
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


def model_speakers(
    config: Path, prompts: Mapping[str, Path]
) -> tuple[dict[str, Speaker], UnfinishedSentences]:
    """Upstream's own way from text to audio, by the name of a voice."""
    model = load_exported(config)
    unfinished = UnfinishedSentences()
    logging.getLogger("pocket_tts.models.tts_model").addHandler(unfinished)

    def speaker(prompt: Path) -> Speaker:
        state = model.get_state_for_audio_prompt(prompt)

        def speak(_index: int, sentence: str) -> tuple[Samples, int]:
            return model.generate_audio(state, sentence).numpy(), int(model.sample_rate)

        return speak

    return {name: speaker(prompt) for name, prompt in prompts.items()}, unfinished


def teacher_speaker(sentences: list[str], folder: Path) -> Speaker:
    """festival, which speaks all of `sentences` into `folder` first."""
    teacher.speak(sentences, folder)

    def speak(index: int, _sentence: str) -> tuple[Samples, int]:
        return read_wav(folder / f"{index}.wav")

    return speak


def codec_speaker(config: Path, spoken: Path, voice: Voice) -> Speaker:
    """The model's decoder on latents of the teacher's sentences in the folder `spoken`."""
    model = load_exported(config)
    stored = safetensors.torch.load_file(config.with_name(BASIS))
    basis = Basis(**{name: value.float().numpy() for name, value in stored.items()})

    def speak(index: int, sentence: str) -> tuple[Samples, int]:
        heard = hear(spoken / f"{index}.wav", spoken / f"{index}.lab")
        said = say(index, sentence, heard, voice)
        latents = basis.encode(patches_of(said), np.asarray(said.pitch_hz))
        with torch.no_grad():
            audio = model.mimi.decode_from_latent(torch.from_numpy(latents)[None], None)
        return audio[0, 0].numpy(), int(model.sample_rate)

    return speak


def report(
    config: Path, shares: dict[str, list[str]], prompt: Path | None = None
) -> dict[str, WordError]:
    """Print and return the word errors, as `speaker, share`; what is not installed is said.

    Args:
        prompt: of the only voice to be measured; without it, all that the recipe ships.
    """
    recogniser = Recogniser()
    errors: dict[str, WordError] = {}

    def tell(name: str, share: str, sentences: list[str], speaker: Speaker) -> None:
        errors[f"{name}, {share}"] = measure(sentences, speaker, recogniser)
        print(f"{name:15} {share:12} {errors[f'{name}, {share}']}", flush=True)

    shipped = {v.name: config.parent / "voices" / f"{v.name}.wav" for v in SHIPPED}
    models, unfinished = model_speakers(config, {"prompt": prompt} if prompt else shipped)
    for share, sentences in shares.items():
        if teacher.is_installed():
            with tempfile.TemporaryDirectory() as spoken:
                tell("teacher", share, sentences, teacher_speaker(sentences, Path(spoken)))
                for voice in SHIPPED:
                    codec = codec_speaker(config, Path(spoken), voice)
                    tell(f"codec {voice.name}", share, sentences, codec)
        else:
            print(f"teacher and codec, {share}: not measured, festival with its voice is missing")
        for name, speaker in models.items():
            tell(f"model {name}", share, sentences, speaker)
    print(f"{unfinished.count} sentences without an end")
    return errors


def run(workspace: Workspace) -> None:
    """Raises ImportError if pocketsphinx is missing."""
    report(workspace.model / CONFIG, held_out_sentences())
