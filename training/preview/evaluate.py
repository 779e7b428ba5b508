"""Stage `evaluate`: how clear and how natural teacher, vocoder, codec and whole model are.

On held-out sentences, voice by voice; then whether a recording of another speaker is followed.
"""

from __future__ import annotations

import logging
import multiprocessing
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pocket_tts import TTSModel

from training.preview import vocoder
from training.preview.analysis import Utterance, hear, say
from training.preview.export import BASIS, CONFIG, load_exported
from training.preview.latents import Basis, patches_of
from training.preview.listeners import Dnsmos, SpeakerEar, Whisper, spelled_words
from training.preview.recogniser import Recogniser, WordError
from training.preview.sentences import held_out_sentences
from training.preview.teacher import Speech, Teacher, fetch_styles
from training.preview.voices import SHIPPED, Speaker, other, warped
from training.preview.wav_files import write_wav
from training.preview.workspace import Workspace

Samples = NDArray[np.floating]
Saying = Callable[[int, str], tuple[Samples, int]]
STRANGERS = 20  # speakers no sentence of the training was spoken by
FIRST_STRANGER = 100_000


class UnfinishedSentences(logging.Handler):
    """Counts the sentences that upstream cut off because no EOS came."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        if "Maximum generation length" in record.getMessage():
            self.count += 1


def measure(sentences: list[str], saying: Saying, recogniser: Recogniser) -> WordError:
    """Say each sentence, given with its number, and count what pocketsphinx mishears."""
    error = WordError()
    for index, sentence in enumerate(sentences):
        error.count(sentence, recogniser.words(*saying(index, sentence)))
    return error


@dataclass
class Score:
    """What three listeners say of the same sentences."""

    whisper: WordError = field(default_factory=WordError)
    sphinx: WordError = field(default_factory=WordError)
    dnsmos: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"whisper {self.whisper.percent:5.1f} %   pocketsphinx {self.sphinx.percent:5.1f} %   "
            f"DNSMOS {np.mean(self.dnsmos):.2f}   ({self.whisper.words} words)"
        )


class Panel:
    """The three listeners. ImportError if one is not installed."""

    def __init__(self) -> None:
        self._whisper, self._sphinx, self._dnsmos = Whisper(), Recogniser(), Dnsmos()

    def score(self, sentences: list[str], saying: Saying) -> Score:
        score = Score()
        for index, sentence in enumerate(sentences):
            samples, rate = saying(index, sentence)
            spelled = " ".join(spelled_words(sentence))
            score.whisper.count(spelled, self._whisper.words(samples, rate))
            score.sphinx.count(sentence, self._sphinx.words(samples, rate))
            score.dnsmos.append(self._dnsmos.score(samples, rate))
        return score


def model_sayings(
    config: Path, prompts: Mapping[str, Path]
) -> tuple[dict[str, Saying], UnfinishedSentences]:
    """Upstream's own way from text to audio, by the name of a voice."""
    model = load_exported(config)
    unfinished = UnfinishedSentences()
    logging.getLogger("pocket_tts.models.tts_model").addHandler(unfinished)
    return {name: model_saying(model, prompt) for name, prompt in prompts.items()}, unfinished


def model_saying(model: TTSModel, prompt: Path) -> Saying:
    state = model.get_state_for_audio_prompt(prompt)

    def speak(_index: int, sentence: str) -> tuple[Samples, int]:
        return model.generate_audio(state, sentence).numpy(), int(model.sample_rate)

    return speak


def prompts_of(config: Path) -> dict[str, Path]:
    """The prompts beside a model's config, by the name of the voice."""
    return {path.stem: path for path in sorted((config.parent / "voices").glob("*.wav"))}


def teacher_sayings(teacher: Teacher, speaker: Speaker, config: Path) -> dict[str, Saying]:
    """The teacher, its speech by the vocoder, and the model's codec on the same latents."""
    model, basis = load_exported(config), Basis.load(config.with_name(BASIS))

    @cache
    def said(sentence: str) -> tuple[Speech, Utterance]:
        speech = teacher.speak(sentence, speaker)
        return speech, say(0, sentence, hear(speech), speaker)

    def decoded(utterance: Utterance) -> Samples:
        latents = torch.from_numpy(basis.encode(patches_of(utterance), utterance.pitch))[None]
        with torch.no_grad():
            audio = model.mimi.decode_from_latent(latents, None)
        return np.asarray(audio[0, 0].numpy())

    rate = vocoder.SAMPLE_RATE_HZ
    return {
        "teacher": lambda _, sentence: (said(sentence)[0].audio, rate),
        "vocoder": lambda _, sentence: (said(sentence)[1].audio / 32768, rate),
        "codec": lambda _, sentence: (decoded(said(sentence)[1]), rate),
    }


def report(config: Path, styles: Path, shares: dict[str, list[str]], *, processes: int = 1) -> None:
    """Print the scores of every shipped voice on every share; voices are heard side by side."""
    jobs = [(config, styles, shares, speaker) for speaker in SHIPPED]
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        unfinished = pool.starmap(report_voice, jobs, chunksize=1)
    print(f"{sum(unfinished)} sentences without an end")


def report_voice(config: Path, styles: Path, shares: dict[str, list[str]], speaker: Speaker) -> int:
    """Print the scores of one shipped voice; return how many of its sentences had no end."""
    torch.set_num_threads(1)
    panel, teacher = Panel(), Teacher(styles)
    models, unfinished = model_sayings(config, {speaker.name: prompts_of(config)[speaker.name]})
    sayings = teacher_sayings(teacher, speaker, config) | {"model": models[speaker.name]}
    for share, sentences in shares.items():
        sayable = [sentence for sentence in sentences if teacher.can_say(sentence)]
        for name, saying in sayings.items():
            heard = panel.score(sentences if name == "model" else sayable, saying)
            print(f"{speaker.name:8} {share:12} {name:8} {heard}", flush=True)
    return unfinished.count


@dataclass
class Following:
    """How near to its own prompt an answer is, and how many are nearer to it than to all others."""

    similarities: list[float]
    nearest: int

    def __str__(self) -> str:
        median = float(np.median(self.similarities))
        return (
            f"{self.nearest} of {len(self.similarities)} nearest to their own, median {median:.2f}"
        )


def following(prompts: NDArray[np.float32], answers: NDArray[np.float32]) -> Following:
    """From embeddings of prompts and answers [speakers, size], each a unit vector."""
    products = answers @ prompts.T
    own = np.diagonal(products)
    return Following(
        [float(x) for x in own], int((products.argmax(1) == np.arange(len(own))).sum())
    )


def cloning(config: Path, styles: Path, sentences: list[str]) -> None:
    """Print how strangers are followed, and how alike two sentences of the teacher's own are."""
    teacher, ear, model = Teacher(styles), SpeakerEar(), load_exported(config)
    rate = vocoder.SAMPLE_RATE_HZ
    prompts, answers, own = [], [], []
    for number in range(STRANGERS):
        stranger = other(FIRST_STRANGER + number)
        stranger = [stranger, *warped(stranger, 0)][number % 2]
        first, second, asked = sentences[3 * number : 3 * number + 3]
        audio = [
            say(0, text, hear(teacher.speak(text, stranger)), stranger).audio / 32768
            for text in (first, second)
        ]
        with tempfile.TemporaryDirectory() as folder:
            prompt = Path(folder) / "prompt.wav"
            write_wav(prompt, audio[0], rate)
            answer, _ = model_saying(model, prompt)(0, asked)
        prompts.append(ear.embedding(audio[0], rate))
        own.append(ear.embedding(audio[1], rate))
        answers.append(ear.embedding(answer, rate))
    print(f"model follows:   {following(np.stack(prompts), np.stack(answers))}")
    print(f"teacher itself:  {following(np.stack(prompts), np.stack(own))}")


def run(
    workspace: Workspace,
    *,
    folder: Path | None = None,
    sentences: int | None = None,
    processes: int = 1,
) -> None:
    """With the first so many of each share, or all.

    Args:
        folder: an exported model's, instead of the workspace's own.

    Raises:
        ImportError: without listeners or teacher.
        FileNotFoundError, CalledProcessError: where the teacher's voices are not in the workspace
            yet, without npm or if it fails.
    """
    if not any(workspace.styles.glob("*.bin")):
        fetch_styles(workspace.styles)
    config, shares = (folder or workspace.model) / CONFIG, held_out_sentences()
    first = {share: texts[:sentences] for share, texts in shares.items()}
    report(config, workspace.styles, first, processes=processes)
    known = Teacher(workspace.styles)
    cloning(config, workspace.styles, [s for s in shares["everyday"] if known.can_say(s)])
