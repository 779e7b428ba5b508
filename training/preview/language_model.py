"""Stage `language-model`: text and the audio so far to the next latent, by regression.

The teacher tells when each phone is spoken, so one attention head is guided to the token being
spoken, and the phone is predicted besides: alignment is there within a few hundred steps.
"""

from __future__ import annotations

import math
import random
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from pocket_tts.models.flow_lm import FlowLMModel
from torch import distributed, nn
from torch.fx.experimental import _config as symbolic_shapes
from torch.multiprocessing.spawn import spawn
from torch.nn import functional

from training.preview.architecture import HEADS, WIDTH, new_language_model
from training.preview.conditioning import Batch, BatchMaker
from training.preview.corpus import Corpus, Spoken
from training.preview.latents import CONSTANT, LATENT_SIZE, PITCH, SUBFRAMES
from training.preview.symbols import PHONES
from training.preview.training_loop import FAST_BFLOAT16, Schedule, Trainer
from training.preview.workspace import Workspace

BATCH = 32
BUCKET = 40 * BATCH  # utterances among which those of like length share a batch
SEED = 0
RATE, CONTINUED_RATE = 1.5e-3, 1e-3
WORTH_COMPILING_MINUTES = 10.0  # it takes three
PITCH_WEIGHT = 1.5
# The noise that moves a frame's mean pitch, in a half of the batch; all other noise moves nothing.
CHANCE = PITCH.start
NOISY_SHARE, FARTHEST_CHANCE, LEAST_LOG_SPREAD = 0.5, 3.0, -4.0
GUIDED_LAYERS, GUIDED_HEAD = (2, 3), 0
LABELS = len(PHONES) + 1
PERIOD = 10000.0  # of the slowest rotary position


class Learner(nn.Module):
    """The language model, and two heads that only training has.

    They tell the phone, and how far the mean pitch of a frame is from what is predicted.
    """

    def __init__(self, tokenizer: Path, latents: torch.Tensor | None = None) -> None:
        super().__init__()
        self.model: FlowLMModel = new_language_model(str(tokenizer))
        self.phones = nn.Linear(WIDTH, SUBFRAMES * LABELS)
        self.log_spread = nn.Linear(WIDTH, 1)
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
        hidden, guidance = backbone(model, inputs, batch)
        return hidden.gather(1, batch.places[..., None].expand(-1, -1, WIDTH)), guidance

    def matrices(self) -> list[nn.Parameter]:
        """The weights of the layers between what goes in and what comes out."""
        inner = [self.model.transformer, self.model.flow_net.res_blocks]
        return [p for part in inner for p in part.parameters() if p.dim() == 2]

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
        with torch.autocast("cpu", torch.bfloat16, enabled=FAST_BFLOAT16):
            hidden, guidance = self.hidden(batch)
            noise, spread = self.noise(hidden, batch)
            predicted = self._next(hidden, noise).float()
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
            "spread": mean(spread),
        }

    def noise(self, hidden: torch.Tensor, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """What a batch is to be said with [B, N, 96], and the loss of the pitch's spread [B, N].

        In half of the rows there is none, so that without noise the mean is said. In the others one
        number tells how far the true pitch is from that mean, in units of its spread. So drawing
        that number draws a pitch, and what else in a frame goes with such a pitch.
        """
        heard = hidden.detach()
        with torch.no_grad():
            expected = self._next(heard, torch.zeros_like(batch.target)).float()
        error = (batch.target - expected)[..., CHANCE]
        log_spread = self.log_spread(heard)[..., 0].float().clamp(min=LEAST_LOG_SPREAD)
        loss = log_spread + (error * (-log_spread).exp()) ** 2 / 2
        rows = (len(error), 1, 1)
        noisy = (torch.rand(rows) < NOISY_SHARE).float()
        # A temperature above 0 makes noise of all numbers.
        noise = torch.randn_like(batch.target) * torch.rand(rows)
        chance = (error * (-log_spread.detach()).exp()).clamp(-FARTHEST_CHANCE, FARTHEST_CHANCE)
        noise[..., CHANCE] = chance
        return noise * noisy, loss


def backbone(
    model: FlowLMModel, inputs: torch.Tensor, batch: Batch
) -> tuple[torch.Tensor, torch.Tensor]:
    """Pocket TTS's transformer, arranged so that most of it is matrix products."""
    hidden, guidance = inputs, torch.zeros(())
    rows, length, _ = hidden.shape
    turn = Turn.of(length, WIDTH // HEADS)
    causal = torch.full((length, length), -1e4).triu(1)
    for number, layer in enumerate(model.transformer.layers):
        attention = layer.self_attn
        heads, size = attention.num_heads, attention.dim_per_head
        asked, keys, values = turn.projected(layer.norm1(hidden), attention.in_proj.weight)
        if number in GUIDED_LAYERS:
            first_asked, first_keys = (
                x.view(rows, length, heads, size)[:, :, GUIDED_HEAD] for x in (asked, keys)
            )
            guidance = guidance + guidance_loss(
                first_asked, first_keys, batch.places, batch.aligned
            )
        asked, keys, values = (
            x.view(rows, length, heads, size).transpose(1, 2).reshape(-1, length, size)
            for x in (asked, keys, values)
        )
        mask = causal.to(asked.dtype)
        scores = torch.baddbmm(mask, asked, keys.transpose(1, 2), alpha=size**-0.5)
        # Not scaled_dot_product_attention: backwards in bfloat16 it takes ten times as long.
        mixed = torch.bmm(scores.softmax(-1, dtype=scores.dtype), values)
        joined = mixed.view(rows, heads, length, size).transpose(1, 2).reshape(rows, length, WIDTH)
        hidden = hidden + layer.layer_scale_1(attention.out_proj(joined))
        # The exact GELU is within 0.0005 of Pocket TTS's approximation, and faster here.
        inner = functional.gelu(layer.linear1(layer.norm2(hidden)))
        hidden = hidden + layer.layer_scale_2(layer.linear2(inner))
    return model.out_norm(hidden), guidance


@dataclass(frozen=True)
class Turn:
    """Rotary positions as two products: with the weights, and with the weights turned by 90°."""

    cosine: torch.Tensor
    sine: torch.Tensor

    @classmethod
    def of(cls, length: int, size: int) -> Turn:
        angles = torch.arange(length)[:, None] * torch.exp(
            torch.arange(size // 2) * (-math.log(PERIOD) * 2 / size)
        )
        turned = angles.repeat_interleave(2, 1).repeat(1, 2 * WIDTH // size)
        return cls(turned.cos(), turned.sin())

    def projected(
        self, normed: torch.Tensor, weight: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Queries and keys, both turned by their positions, and values [B, L, WIDTH]."""
        pairs = weight[: 2 * WIDTH].view(WIDTH, 2, WIDTH)
        across = torch.stack([-pairs[:, 1], pairs[:, 0]], 1).reshape(2 * WIDTH, WIDTH)
        both = functional.linear(normed, torch.cat([weight, across]))
        straight, values, crossed = torch.split(both, [2 * WIDTH, WIDTH, 2 * WIDTH], -1)
        cosine, sine = self.cosine.to(both.dtype), self.sine.to(both.dtype)
        asked, keys = (straight * cosine + crossed * sine).chunk(2, -1)
        return asked, keys, values


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
    """Batches of like lengths, without end, in an order that is the same in every process."""
    chance = random.Random(SEED)
    while True:
        order = chance.sample(utterances, len(utterances))
        for start in range(0, len(order), BUCKET):
            bucket = sorted(
                order[start : start + BUCKET], key=lambda u: len(u.latents) + len(u.text)
            )
            groups = [bucket[k : k + BATCH] for k in range(0, len(bucket), BATCH)]
            chance.shuffle(groups)
            yield from groups


def weighted(losses: dict[str, torch.Tensor], *, aligned: bool) -> torch.Tensor:
    """The sum to learn from; guidance fades once the model is `aligned`."""
    weights = {"l1": 1.0, "l2": 0.5, "eos": 0.3, "phones": 0.25, "spread": 0.1}
    weights["guidance"] = 0.05 if aligned else 0.2
    return torch.stack([weights[name] * loss for name, loss in losses.items()]).sum()


def run(
    workspace: Workspace, *, minutes: float, processes: int = 1, continue_from: Path | None = None
) -> None:
    """Train for so many minutes of each of the processes, which share every batch."""
    workspace.tokenizer()
    with tempfile.TemporaryDirectory() as folder:
        meeting = f"file://{folder}/meeting"
        arguments = (processes, meeting, workspace, minutes, continue_from)
        if processes == 1:
            _learn(0, *arguments)
        else:
            spawn(_learn, arguments, nprocs=processes)  # type: ignore[no-untyped-call]


def _learn(
    rank: int,
    processes: int,
    meeting: str,
    workspace: Workspace,
    minutes: float,
    continue_from: Path | None,
) -> None:
    torch.set_num_threads(1)
    if processes > 1:
        distributed.init_process_group("gloo", meeting, rank=rank, world_size=processes)
    torch.manual_seed(SEED)
    corpus = Corpus.load(workspace.corpus)
    learner = Learner(workspace.tokenizer(), corpus.all_latents())
    schedule = Schedule(CONTINUED_RATE if continue_from else RATE, minutes)
    trainer = Trainer(
        learner,
        [learner],
        workspace.checkpoint("language_model"),
        schedule,
        betas=(0.9, 0.98),
        weight_decay=0.02,
        muon=learner.matrices(),
        continue_from=continue_from,
    )
    # Each process has its share of every batch, and noise of its own.
    torch.manual_seed(SEED + rank)
    random.seed(SEED + rank)
    maker = batch_maker(corpus, learner)
    worth_compiling = FAST_BFLOAT16 and minutes > WORTH_COMPILING_MINUTES
    losses_of = _compiled(learner) if worth_compiling else learner.losses
    chosen = batches(corpus.utterances)
    for _ in trainer.going_on():
        losses = losses_of(maker.batch(next(chosen)[rank::processes]))
        aligned = continue_from is not None or schedule.progress > 0.5
        trainer.step(weighted(losses, aligned=aligned), losses)
    if processes > 1:
        distributed.destroy_process_group()


def _compiled(learner: Learner) -> Callable[[Batch], dict[str, torch.Tensor]]:
    """The learner's losses as C++: saves a third of a step in bfloat16, nothing in float32."""
    # Lengths that happen to be equal in the first batch are not in the second.
    symbolic_shapes.use_duck_shape = False
    return torch.compile(learner.losses, dynamic=True)


def batch_maker(corpus: Corpus, learner: Learner) -> BatchMaker:
    mean, deviation = learner.model.emb_mean.clone(), learner.model.emb_std.clone()
    return BatchMaker(corpus.utterances, corpus.pronunciations, mean, deviation)
