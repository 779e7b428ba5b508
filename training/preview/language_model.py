"""Stage `language-model`: text and the audio so far to the next latent, by regression.

The teacher tells when each phone is spoken, so one attention head is guided to the token being
spoken, and the phone is predicted besides: alignment is there within a few hundred steps.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import torch
from pocket_tts.models.flow_lm import FlowLMModel
from torch import nn
from torch.nn import functional

from training.preview.architecture import WIDTH, new_language_model
from training.preview.conditioning import Batch, BatchMaker
from training.preview.corpus import Corpus, Spoken
from training.preview.latents import CONSTANT, LATENT_SIZE, PITCH, SUBFRAMES
from training.preview.symbols import PHONES
from training.preview.training_loop import Schedule, Trainer
from training.preview.workspace import Workspace

BATCH = 32
BUCKET = 40 * BATCH  # utterances among which those of like length share a batch
SEED = 0
PITCH_WEIGHT = 1.5
GUIDED_LAYERS, GUIDED_HEAD = (2, 3), 0
LABELS = len(PHONES) + 1


class Learner(nn.Module):
    """The language model, and the phone head that only training has."""

    def __init__(self, tokenizer: Path, latents: torch.Tensor | None = None) -> None:
        super().__init__()
        self.model: FlowLMModel = new_language_model(str(tokenizer))
        self.phones = nn.Linear(WIDTH, SUBFRAMES * LABELS)
        if latents is not None:
            self.model.emb_mean.copy_(latents.mean(0))
            self.model.emb_mean[CONSTANT] = 1
            # Between voices pitch varies more than within one, where errors are heard.
            self.model.emb_std[PITCH] = latents[:, PITCH].std(0).clamp(min=0.1) / PITCH_WEIGHT

    def hidden(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """The backbone's output at each frame [B, N, WIDTH], and the guidance loss."""
        model = self.model
        begin = batch.is_begin * model.bos_emb
        inputs = (
            model.conditioner(batch.tokens) * batch.is_text
            + functional.linear(batch.prompt, model.speaker_proj_weight)
            + model.input_linear(batch.audio + begin) * (batch.is_audio + batch.is_begin)
        )
        first = model.bos_before_voice.expand(len(inputs), 1, WIDTH)
        inputs = torch.cat([first, inputs[:, 1:]], 1)
        hidden, guidance = _backbone(model, inputs, batch)
        return hidden.gather(1, batch.places[..., None].expand(-1, -1, WIDTH)), guidance

    def predict(self, batch: Batch, noise: torch.Tensor) -> torch.Tensor:
        """The next latents [B, N, 96] after the given audio."""
        hidden, _ = self.hidden(batch)
        return self._next(hidden, noise)

    def _next(self, hidden: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        flat: torch.Tensor = self.model.flow_net(
            hidden.reshape(-1, WIDTH), noise.reshape(-1, LATENT_SIZE)
        )
        return flat.view_as(noise)

    def losses(self, batch: Batch) -> dict[str, torch.Tensor]:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            hidden, guidance = self.hidden(batch)
            rows = (len(batch.target), 1, 1)
            # Half of the time noise, so that a temperature above 0 does no harm.
            level = torch.rand(rows) * (torch.rand(rows) < 0.5)
            predicted = self._next(hidden, torch.randn_like(batch.target) * level).float()
            ended = self.model.out_eos(hidden)[..., 0].float()
            phones = self.phones(hidden).float().reshape(-1, LABELS)
        frames = batch.is_frame.sum()

        def mean(values: torch.Tensor) -> torch.Tensor:
            return (values * batch.is_frame).sum() / frames

        error = predicted - batch.target
        end = functional.binary_cross_entropy_with_logits(ended, batch.ended, reduction="none")
        wrong = functional.cross_entropy(phones, batch.labels.reshape(-1), reduction="none")
        return {
            "l1": mean(error.abs().mean(-1)),
            "l2": mean((error**2).mean(-1)),
            "eos": mean(end),
            "phones": mean(wrong.view(batch.labels.shape).mean(-1)),
            "guidance": guidance,
        }


def _backbone(
    model: FlowLMModel, inputs: torch.Tensor, batch: Batch
) -> tuple[torch.Tensor, torch.Tensor]:
    hidden, guidance = inputs, torch.zeros(())
    for number, layer in enumerate(model.transformer.layers):
        attention = layer.self_attn
        rows, length, _ = hidden.shape
        heads, size = attention.num_heads, attention.dim_per_head
        # bfloat16 attention is slow backwards on a CPU.
        projected = attention.in_proj(layer.norm1(hidden)).float()
        parts = projected.view(rows, length, 3, heads, size).unbind(2)
        query, key = attention.rope(*parts[:2], offset=torch.zeros((), dtype=torch.long))
        if number in GUIDED_LAYERS:
            heard = query[:, :, GUIDED_HEAD], key[:, :, GUIDED_HEAD]
            guidance = guidance + guidance_loss(*heard, batch.places, batch.aligned)
        asked, keys, values = (x.transpose(1, 2) for x in (query, key, parts[2]))
        with torch.autocast("cpu", enabled=False):
            mixed = functional.scaled_dot_product_attention(asked, keys, values, is_causal=True)
        joined = mixed.transpose(1, 2).reshape(rows, length, WIDTH)
        hidden = hidden + layer.layer_scale_1(attention.out_proj(joined))
        hidden = layer._ff_block(hidden)
    return model.out_norm(hidden), guidance


def guidance_loss(
    query: torch.Tensor, key: torch.Tensor, places: torch.Tensor, aligned: torch.Tensor
) -> torch.Tensor:
    """Minus the log of the attention that goes to the tokens being spoken."""
    size = query.shape[-1]
    asking = query.gather(1, places[..., None].expand(-1, -1, size))
    scores = (asking @ key.transpose(1, 2)).float() / size**0.5
    past = torch.arange(key.shape[1])[None, None] <= places[..., None]
    share = functional.log_softmax(scores.masked_fill(~past, -1e4), -1)
    known = aligned.any(-1)
    missed = -torch.logsumexp(share.masked_fill(~aligned, -1e4), -1)
    return (missed * known).sum() / known.sum().clamp(min=1)


def batches(utterances: list[Spoken]) -> Iterator[list[Spoken]]:
    """Batches of like lengths, without end, in random order."""
    while True:
        order = random.sample(utterances, len(utterances))
        for start in range(0, len(order), BUCKET):
            bucket = sorted(
                order[start : start + BUCKET], key=lambda u: len(u.latents) + len(u.text)
            )
            groups = [bucket[k : k + BATCH] for k in range(0, len(bucket), BATCH)]
            random.shuffle(groups)
            yield from groups


def weighted(losses: dict[str, torch.Tensor], *, aligned: bool) -> torch.Tensor:
    """The sum to learn from; guidance fades once the model is `aligned`."""
    weights = {"l1": 1.0, "l2": 0.5, "eos": 0.3, "phones": 0.25}
    weights["guidance"] = 0.05 if aligned else 0.2
    return torch.stack([weights[name] * loss for name, loss in losses.items()]).sum()


def run(workspace: Workspace, *, minutes: float, continue_from: Path | None = None) -> None:
    torch.manual_seed(SEED)
    random.seed(SEED)
    corpus = Corpus.load(workspace.corpus)
    learner = Learner(workspace.tokenizer(), corpus.all_latents())
    schedule = Schedule(6e-4 if continue_from else 1.5e-3, minutes)
    trainer = Trainer(
        learner,
        [learner],
        workspace.checkpoint("language_model"),
        schedule,
        betas=(0.9, 0.98),
        weight_decay=0.02,
        continue_from=continue_from,
    )
    maker = batch_maker(corpus, learner)
    chosen = batches(corpus.utterances)
    for _ in trainer.going_on():
        losses = learner.losses(maker.batch(next(chosen)))
        aligned = continue_from is not None or schedule.progress > 0.5
        trainer.step(weighted(losses, aligned=aligned), losses)


def batch_maker(corpus: Corpus, learner: Learner) -> BatchMaker:
    mean, deviation = learner.model.emb_mean.clone(), learner.model.emb_std.clone()
    return BatchMaker(corpus.utterances, corpus.pronunciations, mean, deviation)
