"""Stage `decoder`: latents to audio, by regression on the vocoder's waveform.

Where the pulses are it is told (`phase`). First the transformer alone practises the envelope of
each 5 ms step (`steps`); then all of the decoder learns. Once the language model's predicted
latents are there (stage `predict`), they are most of the diet.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

import torch
from pocket_tts.models.mimi import MimiModel
from torch import nn

from training.preview.architecture import CODEC_WIDTH, new_codec
from training.preview.corpus import Corpus, Spoken
from training.preview.encoder import excerpt
from training.preview.latents import COMPONENTS, CONSTANT, PITCH
from training.preview.phase import write_phase
from training.preview.spectral_loss import AudioLoss
from training.preview.steps import StepHead, StepTargets
from training.preview.training_loop import FAST_BFLOAT16, Schedule, Trainer
from training.preview.vocoder import FRAME, STEPS_PER_FRAME
from training.preview.workspace import Workspace

BATCH, PRACTICE_BATCH = 12, 32
FRAMES = 12
WARM_UP_FRAMES = 2  # no loss where the decoder has too little past
PRACTICE_SHARE = 0.05  # of the time
SEED = 0
PREDICTED_SHARE = 0.6
LOSS_WEIGHTS = {"samples": 0.5, "power": 1.0, "spectra": 1.0, "heard": 1.0, "envelope": 0.3}


@dataclass
class Diet:
    """Excerpts with noise in the latents; pitch may be any that means the same pulses."""

    utterances: list[Spoken]
    deviation: torch.Tensor
    predicted: dict[tuple[int, str], torch.Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._predictable = [u for u in self.utterances if u.key in self.predicted]

    def batch(self, rows: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Latents given and true [rows, FRAMES, 96], and audio [rows, FRAMES * 1920]."""
        given, true, audio = zip(*(self._excerpt() for _ in range(rows)), strict=True)
        return torch.stack(given), torch.stack(true), torch.stack(audio)

    def _excerpt(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        predicted = bool(self._predictable) and random.random() < PREDICTED_SHARE
        spoken = random.choice(self._predictable if predicted else self.utterances)
        start = random.randint(0, max(0, len(spoken.latents) - FRAMES))
        true, audio = excerpt(spoken, start, FRAMES)
        given = true
        if predicted:
            guess = self.predicted[spoken.key][start : start + FRAMES]
            given = torch.cat([guess, guess[-1:].expand(FRAMES - len(guess), -1)])
        level = random.random() * 0.25 * (0.3 if predicted else 1.0)
        noise = torch.randn(FRAMES, COMPONENTS) * self.deviation[:COMPONENTS] * level
        given = torch.cat([given[:, :COMPONENTS] + noise, true[:, COMPONENTS:]], 1)
        if random.random() < 0.5:
            given[:, PITCH] = same_pulses(true[:, PITCH])
        return given, true, audio


def same_pulses(pitch: torch.Tensor) -> torch.Tensor:
    """Pitch numbers [frames, 3] with another mean that rounds to the same pulses a frame."""
    mean, rise, above = pitch.unbind(-1)
    other = mean.round() + (torch.rand(len(pitch)) - 0.5) * 0.9
    return torch.stack([other, rise, above + mean - other], -1)


class Decoder(nn.Module):
    """The codec, of which only the decoder learns, and the head that only training has."""

    def __init__(self, tokenizer: Path) -> None:
        super().__init__()
        self.model: MimiModel = new_codec(str(tokenizer))
        self.head = StepHead(CODEC_WIDTH)
        write_phase(self.model)
        first_steps_by_themselves(self.model)

    def learned(self) -> list[nn.Module]:
        codec = self.model
        decoder = [codec.quantizer, codec.upsample, codec.decoder_transformer, codec.decoder]
        return [*decoder, self.head]

    def hidden(self, latents: torch.Tensor) -> torch.Tensor:
        """What the transformer gives for each step [B, CODEC_WIDTH, steps]."""
        codec = self.model
        wide = codec.upsample(codec.quantizer(latents.transpose(-1, -2)), None)
        (hidden,) = codec.decoder_transformer(wide, None)
        out: torch.Tensor = hidden
        return out

    def audio(self, hidden: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=FAST_BFLOAT16):
            out: torch.Tensor = self.model.decoder(hidden, None)[:, 0].float()
        return out


def first_steps_by_themselves(codec: MimiModel) -> None:
    """Let the latents' 1 tell the transformer from the start which of 16 steps it is at."""
    places = range(CODEC_WIDTH - STEPS_PER_FRAME, CODEC_WIDTH)
    with torch.no_grad():
        for step, place in enumerate(places):
            codec.quantizer.output_proj.weight[place] = 0
            codec.quantizer.output_proj.weight[place, CONSTANT] = 1
            codec.upsample.convtr.convtr.weight[place] = 0
            codec.upsample.convtr.convtr.weight[place, 0, step] = 1


@dataclass
class Lesson:
    """One batch's loss and its parts, with audio or with steps alone."""

    decoder: Decoder
    diet: Diet
    targets: StepTargets
    loss_of: AudioLoss

    def practise(self) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        given, true, _ = self.diet.batch(PRACTICE_BATCH)
        envelope = self._envelope(self.decoder.hidden(given), true)
        return envelope, {"envelope": envelope}

    def speak(self) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        given, true, audio = self.diet.batch(BATCH)
        hidden = self.decoder.hidden(given)
        spoken = self.decoder.audio(hidden)
        start = WARM_UP_FRAMES * FRAME
        losses = self.loss_of(spoken[:, start:], audio[:, start:])
        losses["envelope"] = self._envelope(hidden, true)
        total = torch.stack([LOSS_WEIGHTS[name] * loss for name, loss in losses.items()]).sum()
        return total, losses

    def _envelope(self, hidden: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
        return self.decoder.head.loss(hidden.transpose(1, 2), true, self.targets)


def run(workspace: Workspace, *, minutes: float, continue_from: Path | None = None) -> None:
    torch.manual_seed(SEED)
    random.seed(SEED)
    corpus = Corpus.load(workspace.corpus)
    decoder = Decoder(workspace.tokenizer())
    schedule = Schedule(1e-3 if continue_from else 2e-3, minutes)
    trainer = Trainer(
        decoder,
        decoder.learned(),
        workspace.checkpoint("decoder"),
        schedule,
        betas=(0.8, 0.98),
        clip=2.0,
        continue_from=continue_from,
    )
    predicted = {}
    if workspace.predicted.exists():
        predicted = torch.load(workspace.predicted)
    deviation = corpus.all_latents().std(0).clamp(max=1.0) * 0.8
    diet = Diet(corpus.utterances, deviation, predicted)
    lesson = Lesson(decoder, diet, StepTargets(corpus.basis), AudioLoss())
    for _ in trainer.going_on():
        practising = not continue_from and schedule.progress < PRACTICE_SHARE
        trainer.step(*(lesson.practise() if practising else lesson.speak()))
