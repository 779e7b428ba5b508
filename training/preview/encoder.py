"""Stage `encoder`: learn to hear in audio the latents that analysis found in it."""

from __future__ import annotations

import random
from pathlib import Path

import torch
from torch.nn import functional

from training.preview.architecture import new_codec
from training.preview.corpus import Corpus, Spoken
from training.preview.latents import LATENT_SIZE, PITCH
from training.preview.training_loop import FAST_BFLOAT16, Schedule, Trainer
from training.preview.vocoder import FRAME
from training.preview.workspace import Workspace

BATCH = 16
FRAMES = 10
SEED = 0


def excerpt(utterance: Spoken, start: int, frames: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Latents [frames, 96] and audio [frames * 1920] from frame `start`, padded at the end."""
    latents = utterance.latents[start : start + frames]
    audio = utterance.audio[start * FRAME : (start + frames) * FRAME].float() / 32768
    missing = frames - len(latents)
    if missing:
        latents = torch.cat([latents, latents[-1:].expand(missing, -1)])
        audio = functional.pad(audio, (0, frames * FRAME - len(audio)))
    return latents, audio


def _batch(utterances: list[Spoken]) -> tuple[torch.Tensor, torch.Tensor]:
    pairs = []
    for _ in range(BATCH):
        utterance = random.choice(utterances)
        last = max(0, len(utterance.latents) - FRAMES)
        # Prompts begin where their speech does, as often as not.
        start = 0 if random.random() < 0.3 else random.randint(0, last)
        latents, audio = excerpt(utterance, start, FRAMES)
        pairs.append((latents, audio * 10 ** random.uniform(-0.02, 0.02)))
    return torch.stack([a for a, _ in pairs]), torch.stack([b for _, b in pairs])


def run(workspace: Workspace, *, minutes: float, continue_from: Path | None = None) -> None:
    torch.manual_seed(SEED)
    random.seed(SEED)
    corpus = Corpus.load(workspace.corpus)
    codec = new_codec(str(workspace.tokenizer()))
    scale = torch.ones(LATENT_SIZE)
    scale[PITCH] = corpus.all_latents()[:, PITCH].std(0).clamp(min=0.1)
    trainer = Trainer(
        codec,
        [codec.encoder, codec.encoder_transformer, codec.downsample],
        workspace.checkpoint("encoder"),
        Schedule(2e-3, minutes),
        betas=(0.9, 0.98),
        continue_from=continue_from,
    )
    for _ in trainer.going_on():
        latents, audio = _batch(corpus.utterances)
        audio = (audio + torch.randn_like(audio) * 1e-4)[:, None]
        with torch.autocast("cpu", torch.bfloat16, enabled=FAST_BFLOAT16):
            heard = codec.encode_to_latent(audio).float()
        # The first frame has heard nothing before it.
        loss = ((heard - latents) / scale)[:, 1:].abs().mean()
        trainer.step(loss, {"l1": loss})
