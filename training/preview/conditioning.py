"""Batches for the language model: [begin, prompt, text tokens, begin-of-audio, audio so far].

Everything the model will meet but never learnt from clean data is put in as noise: its own errors
in the audio so far, prompts that are long, loud or strange, words spelled by letters.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass

import torch

from training.preview.corpus import Spoken
from training.preview.latents import COMPONENTS, LATENT_SIZE, SUBFRAMES
from training.preview.pronunciations import Pronunciations
from training.preview.symbols import phone_character, vocabulary
from training.preview.vocoder import FRAME_SECONDS
from training.preview.voices import HEART

LONG_PROMPT_SHARE = 0.7
LONG_PROMPT_FRAMES = 24, 110
DRIFTING_SHARE, FARTHEST_DRIFT = 0.5, 0.8
Times = tuple[float, float] | None
_TOKENS = vocabulary()


def tokens_of(
    spoken: Spoken, pronunciations: Pronunciations, phone_share: float
) -> tuple[list[int], list[Times]]:
    """Token numbers and when each was spoken; `phone_share` of the words by their phones."""
    numbers: list[int] = []
    times: list[Times] = []
    position = 0

    def literal(end: int) -> None:
        between = spoken.text[position:end]
        numbers.extend(_TOKENS.get(letter, 0) for letter in between)
        times.extend([None] * len(between))

    for word in spoken.words:
        literal(word.start)
        letters = spoken.text[word.start : word.end]
        symbols = list(letters)
        if letters in pronunciations and random.random() < phone_share:
            symbols = [phone_character(phone) for phone in pronunciations[letters]]
        numbers.extend(_TOKENS[symbol] for symbol in symbols)
        times.extend(_symbol_times(word.phones, len(symbols), spelled=symbols == list(letters)))
        position = word.end
    literal(len(spoken.text))
    return numbers, times


def _symbol_times(
    phones: list[tuple[str, float, float]], count: int, *, spelled: bool
) -> list[Times]:
    if not spelled and count == len(phones):
        return [(start, end) for _, start, end in phones]
    start, duration = phones[0][1], phones[-1][2] - phones[0][1]
    return [
        (start + duration * k / count, start + duration * (k + 1) / count) for k in range(count)
    ]


@dataclass
class Batch:
    """B sequences of length L, N frames each to be predicted, padded with zeros.

    `tokens`, `is_text`, `prompt`, `audio`, `is_audio`, `is_begin` are [B, L, ...]; `places` [B, N]
    tells at which of the L the N frames are predicted; `aligned` [B, N, L] marks the tokens that
    are spoken in a frame.
    """

    tokens: torch.Tensor
    is_text: torch.Tensor
    prompt: torch.Tensor
    audio: torch.Tensor
    is_audio: torch.Tensor
    is_begin: torch.Tensor
    places: torch.Tensor
    target: torch.Tensor
    labels: torch.Tensor
    ended: torch.Tensor
    is_frame: torch.Tensor
    aligned: torch.Tensor


@dataclass
class BatchMaker:
    """Makes batches of normalised latents `(latents - mean) / deviation`.

    In `drifting_share` of them the audio so far is in a voice nearer to the mean of all, as the
    model's own becomes when it only goes by what it has said: whose voice it is, the prompt tells.
    """

    corpus: list[Spoken]
    pronunciations: Pronunciations
    mean: torch.Tensor
    deviation: torch.Tensor
    drifting_share: float = DRIFTING_SHARE

    def __post_init__(self) -> None:
        self._of_voice: defaultdict[str, list[Spoken]] = defaultdict(list)
        for spoken in self.corpus:
            self._of_voice[spoken.voice].append(spoken)

    def normal(self, latents: torch.Tensor) -> torch.Tensor:
        return (latents - self.mean) / self.deviation

    def _prompt(self, spoken: Spoken, frames: int, *, long: bool) -> torch.Tensor:
        """What else the same voice says; the sentence itself only if it is the voice's only one."""
        everything = self._of_voice[spoken.voice]
        same = [other for other in everything if other is not spoken] or everything
        prompt = self.normal(random.choice(same).latents)
        while len(prompt) < frames and long:
            prompt = torch.cat([prompt, self.normal(random.choice(same).latents)])
        # What is like no voice at all is spoken for by the first.
        if long and spoken.voice == HEART.name and random.random() < 0.3:
            shift = torch.randn(1, LATENT_SIZE) * random.uniform(0, 1)
            prompt = prompt * random.uniform(0.3, 1.3) + shift
        return prompt[:frames]

    def _drifted(self, audio: torch.Tensor) -> torch.Tensor:
        if random.random() >= self.drifting_share:
            return audio
        return towards_the_mean_voice(audio, random.uniform(0, FARTHEST_DRIFT))

    def batch(self, utterances: list[Spoken], *, clean: bool = False) -> Batch:
        """`clean`: short fixed prompts, phones wherever known, no noise."""
        items = []
        # All prompts of a batch are about as long: nothing is padded for the sake of one.
        long = random.random() < LONG_PROMPT_SHARE
        longest = random.randint(*LONG_PROMPT_FRAMES) if long else 16
        for spoken in utterances:
            phone_share = 1.0 if clean else random.choices([0.0, 1.0, 0.5], [0.1, 0.75, 0.15])[0]
            numbers, times = tokens_of(spoken, self.pronunciations, phone_share)
            first = self._of_voice[spoken.voice][0]
            frames = longest if long else random.randint(4, longest)
            prompt = self.normal(first.latents[:10])
            if not clean:
                prompt = self._prompt(spoken, frames, long=long)
            items.append((spoken, numbers, times, prompt))
        length = max(1 + len(p) + len(n) + len(s.latents) for s, n, _, p in items)
        batch = _empty(len(items), length, max(len(s.latents) for s in utterances))
        for row, (spoken, numbers, times, prompt) in enumerate(items):
            noisy = prompt if clean else prompt + 0.2 * torch.randn_like(prompt)
            target = self.normal(spoken.latents)
            heard = target[:-1] if clean else with_own_errors(self._drifted(target[:-1]))
            _fill(batch, row, spoken, numbers, times, noisy, target, heard)
        return batch


def towards_the_mean_voice(audio: torch.Tensor, share: float) -> torch.Tensor:
    """Latents [frames, 96] in a voice so much nearer to the mean of all, at the same pitch."""
    moved = audio.clone()
    moved[:, :COMPONENTS] -= share * audio[:, :COMPONENTS].mean(0)
    return moved


def with_own_errors(audio: torch.Tensor) -> torch.Tensor:
    """Latents [frames, 96] with noise and lost frames, as the model's own are not quite right."""
    noisy = audio + random.random() * 0.8 * torch.randn_like(audio)
    if random.random() < 0.6:
        lost = torch.rand(len(audio), 1) < random.uniform(0, 0.5)
        noisy = torch.where(lost, torch.randn_like(audio) * 0.7, noisy)
    return noisy


def _empty(rows: int, length: int, frames: int) -> Batch:
    zeros = torch.zeros
    return Batch(
        tokens=zeros(rows, length, dtype=torch.long),
        is_text=zeros(rows, length, 1),
        prompt=zeros(rows, length, LATENT_SIZE),
        audio=zeros(rows, length, LATENT_SIZE),
        is_audio=zeros(rows, length, 1),
        is_begin=zeros(rows, length, 1),
        places=zeros(rows, frames, dtype=torch.long),
        target=zeros(rows, frames, LATENT_SIZE),
        labels=zeros(rows, frames, SUBFRAMES, dtype=torch.long),
        ended=zeros(rows, frames),
        is_frame=zeros(rows, frames),
        aligned=zeros(rows, frames, length, dtype=torch.bool),
    )


def _fill(
    batch: Batch,
    row: int,
    spoken: Spoken,
    numbers: list[int],
    times: list[Times],
    prompt: torch.Tensor,
    target: torch.Tensor,
    heard: torch.Tensor,
) -> None:
    text = 1 + len(prompt)
    begin, frames = text + len(numbers), len(target)
    batch.prompt[row, 1:text] = prompt
    batch.tokens[row, text:begin] = torch.tensor(numbers)
    batch.is_text[row, text:begin] = 1
    batch.is_begin[row, begin] = 1
    batch.audio[row, begin + 1 : begin + frames] = heard
    batch.is_audio[row, begin + 1 : begin + frames] = 1
    batch.places[row, :frames] = torch.arange(begin, begin + frames)
    batch.target[row, :frames] = target
    batch.labels[row, :frames] = spoken.labels
    batch.ended[row, spoken.speech_frames : frames] = 1
    batch.is_frame[row, :frames] = 1
    clock = torch.arange(frames)[:, None] * FRAME_SECONDS
    starts = torch.tensor([time[0] if time else -9.0 for time in times])
    ends = torch.tensor([time[1] if time else -9.0 for time in times])
    spoken_now = (starts < clock + 0.10) & (ends > clock - 0.02)
    batch.aligned[row, :frames, text:begin] = spoken_now
