"""What the three trainings share: a schedule in core time, averaged weights, checkpoints."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import distributed, nn

from training.preview.muon import Muon

SAVE_SECONDS = 120.0
REPORT_STEPS = 50
WARM_UP_STEPS = 100
FINAL_SHARE = 0.02  # of the learning rate, at the end
AVERAGE_DECAY = 0.995
_HAS = torch.cpu.get_capabilities()
# Where the processor does not multiply in bfloat16, that takes fifteen times as long as float32.
FAST_BFLOAT16 = bool(_HAS.get("amx_bf16") or _HAS.get("avx512_bf16"))


@dataclass
class Schedule:
    """A cosine from `peak` to almost nothing over `minutes`, however fast the machine is.

    Minutes are of the processor's time, so that a training beside other work, or one that is
    stopped for a while, is none the worse for it.
    """

    peak: float
    minutes: float
    spent_seconds: float = 0.0  # before this process
    _started: float = field(default_factory=time.process_time)

    @property
    def elapsed_seconds(self) -> float:
        return self.spent_seconds + time.process_time() - self._started

    @property
    def progress(self) -> float:
        return self.elapsed_seconds / (60 * self.minutes)

    def agree(self, elapsed_seconds: float) -> None:
        """Go by this time from now on: what several processes have spent on average."""
        self.spent_seconds += elapsed_seconds - self.elapsed_seconds

    def learning_rate(self, step: int) -> float:
        cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, self.progress)))
        warm_up = min(1.0, (step + 1) / WARM_UP_STEPS)
        return self.peak * warm_up * (cosine * (1 - FINAL_SHARE) + FINAL_SHARE)


class Trainer:
    """One optimiser, the running average of the weights, and the file both are kept in.

    A training that was cut off goes on where it last saved.

    Args:
        model: its whole state is saved and averaged.
        learned: the modules whose parameters change.
        muon: matrices among them that Muon is to learn; AdamW learns the others.
        continue_from: a finished checkpoint whose averaged weights are the start.

    Raises:
        ValueError: if the training that was cut off was to last otherwise.
    """

    def __init__(
        self,
        model: nn.Module,
        learned: Iterable[nn.Module],
        path: Path,
        schedule: Schedule,
        *,
        betas: tuple[float, float],
        weight_decay: float = 0.0,
        muon: Iterable[nn.Parameter] = (),
        clip: float = 1.0,
        continue_from: Path | None = None,
    ) -> None:
        self.model, self.path, self.schedule, self.clip = model, path, schedule, clip
        unfinished = _unfinished(path)
        if continue_from and not unfinished:
            model.load_state_dict(torch.load(continue_from, map_location="cpu")["average"])
        self.parameters = [p for module in learned for p in module.parameters()]
        self.optimisers = _optimisers(self.parameters, list(muon), betas, weight_decay)
        self.average = {name: value.clone() for name, value in model.state_dict().items()}
        self.steps = 0
        self._losses: dict[str, float] = {}
        self._saved = time.monotonic()
        if unfinished:
            self._go_on_from(unfinished)

    def _go_on_from(self, state: dict[str, Any]) -> None:
        if state["minutes"] != self.schedule.minutes:
            raise ValueError(
                f"{self.path} was cut off in a training of {state['minutes']} minutes, not "
                f"{self.schedule.minutes}: name the same --minutes, or delete it to start anew"
            )
        self.model.load_state_dict(state["model"])
        for optimiser, kept in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(kept)
        self.average, self.steps = state["average"], state["steps"]
        self.schedule.spent_seconds = state["spent_seconds"]
        print(f"going on from step {self.steps}", flush=True)

    def going_on(self) -> Iterator[int]:
        """Step numbers until the schedule is over; saves now and then, and at the end."""
        while self.schedule.progress < 1:
            yield self.steps
            if time.monotonic() - self._saved > SAVE_SECONDS:
                self.save(finished=False)
        self.save(finished=True)

    def step(self, loss: torch.Tensor, parts: dict[str, torch.Tensor]) -> None:
        """Learn from `loss`; `parts` are only reported."""
        rate = self.schedule.learning_rate(self.steps)
        for optimiser in self.optimisers:
            optimiser.param_groups[0]["lr"] = rate
            optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        if distributed.is_initialized():
            self._share_gradients()
        nn.utils.clip_grad_norm_(self.parameters, self.clip)
        for optimiser in self.optimisers:
            optimiser.step()
        self.steps += 1
        self._average()
        for name, value in parts.items():
            self._losses[name] = self._losses.get(name, 0.0) + float(value.detach())
        if self.steps % REPORT_STEPS == 0 and is_first_process():
            means = (f"{name} {total / REPORT_STEPS:.3f}" for name, total in self._losses.items())
            seconds = self.schedule.elapsed_seconds
            print(f"{self.steps} {seconds:.0f}s {' '.join(means)} lr {rate:.1e}", flush=True)
            self._losses.clear()

    def _share_gradients(self) -> None:
        """Let all processes learn from the mean of what each of them found, and keep one time."""
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        time_spent = torch.tensor([self.schedule.elapsed_seconds])
        flat = torch.cat([*(gradient.view(-1) for gradient in gradients), time_spent])
        distributed.all_reduce(flat)
        flat /= distributed.get_world_size()
        parts = torch.split(flat, [*(gradient.numel() for gradient in gradients), 1])
        for gradient, part in zip(gradients, parts, strict=False):
            gradient.copy_(part.view_as(gradient))
        self.schedule.agree(float(flat[-1]))

    @torch.no_grad()
    def _average(self) -> None:
        decay = min(AVERAGE_DECAY, (self.steps + 50) / (self.steps + 70))
        for name, value in self.model.state_dict().items():
            if value.dtype.is_floating_point:
                self.average[name].mul_(decay).add_(value, alpha=1 - decay)

    def save(self, *, finished: bool) -> None:
        self._saved = time.monotonic()
        if not is_first_process():
            return
        part = self.path.with_suffix(".part")
        state = {"model": self.model.state_dict(), "average": self.average, "steps": self.steps}
        if not finished:
            state |= {
                "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
                "minutes": self.schedule.minutes,
                "spent_seconds": self.schedule.elapsed_seconds,
            }
        torch.save(state, part)
        part.replace(self.path)


def is_first_process() -> bool:
    return not distributed.is_initialized() or distributed.get_rank() == 0


def _unfinished(path: Path) -> dict[str, Any] | None:
    """The state of a training that was cut off."""
    if not path.exists():
        return None
    state: dict[str, Any] = torch.load(path, map_location="cpu")
    return state if "optimisers" in state else None


def _optimisers(
    parameters: list[nn.Parameter],
    muon: list[nn.Parameter],
    betas: tuple[float, float],
    weight_decay: float,
) -> list[torch.optim.Optimizer]:
    """AdamW, and Muon for those of the parameters that it is to learn; the rates of both agree."""
    of_muon = {id(parameter) for parameter in muon}
    others = [parameter for parameter in parameters if id(parameter) not in of_muon]
    optimisers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(others, betas=betas, weight_decay=weight_decay)
    ]
    if muon:
        dtype = torch.bfloat16 if FAST_BFLOAT16 else torch.float32
        optimisers.append(Muon(muon, weight_decay=weight_decay, dtype=dtype))
    return optimisers


@contextmanager
def averaged(model: nn.Module, checkpoint: Path) -> Iterator[nn.Module]:
    """The model with the averaged weights of a checkpoint, ready for use."""
    model.load_state_dict(torch.load(checkpoint, map_location="cpu")["average"])
    model.eval()
    with torch.no_grad():
        yield model
