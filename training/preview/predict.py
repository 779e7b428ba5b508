"""Stage `predict`: the training sentences as the language model would say them.

Each latent is predicted from the true ones before it, with some noise, so that it belongs to the
true audio. The decoder then learns to speak clearly from what it will really be given.
"""

from __future__ import annotations

import random

import torch

from training.preview.conditioning import BatchMaker
from training.preview.corpus import Corpus, Spoken
from training.preview.language_model import BATCH, Learner, batch_maker
from training.preview.latents import PITCH
from training.preview.training_loop import averaged
from training.preview.workspace import Workspace

UTTERANCES = 3600
SEED = 0


def predicted_latents(
    learner: Learner, maker: BatchMaker, utterances: list[Spoken]
) -> dict[tuple[int, str], torch.Tensor]:
    """Latents [frames, 96] by the key of each utterance."""
    batch = maker.batch(utterances)
    normal = learner.predict(batch, torch.zeros_like(batch.target)).float()
    latents = normal * learner.model.emb_std + learner.model.emb_mean
    for row, spoken in enumerate(utterances):
        # Another pitch would put the pulses elsewhere than in the true audio.
        latents[row, : len(spoken.latents), PITCH] = spoken.latents[:, PITCH]
    return {u.key: latents[row, : len(u.latents)] for row, u in enumerate(utterances)}


def run(workspace: Workspace, *, utterances: int = UTTERANCES) -> None:
    torch.manual_seed(SEED)
    random.seed(SEED)
    corpus = Corpus.load(workspace.corpus)
    learner = Learner(workspace.tokenizer())
    chosen = sorted(
        random.sample(corpus.utterances, min(utterances, len(corpus.utterances))),
        key=lambda u: len(u.latents),
    )
    predicted: dict[tuple[int, str], torch.Tensor] = {}
    with averaged(learner, workspace.checkpoint("language_model")):
        maker = batch_maker(corpus, learner)
        maker.drifting_share = 0.0  # the decoder is to say the voice it is given
        for start in range(0, len(chosen), BATCH):
            predicted |= predicted_latents(learner, maker, chosen[start : start + BATCH])
    part = workspace.predicted.with_suffix(".part")
    torch.save(predicted, part)
    part.replace(workspace.predicted)
    print(f"{len(predicted)} utterances predicted")
