"""Runs passes of fixed shapes: a GPU captures each once and replays it, others just call it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

WARM_UP_RUNS = 2
"""A pass is run so often before it is captured, so that libraries have made what they keep."""


@dataclass(frozen=True, slots=True)
class Pass:
    """Describes a computation whose shapes depend on nothing but its key.

    Attributes:
        key: tells it from other passes.
        compute: reads whole numbers, int64 on the device, and changes and returns tensors that are
            on it as well. It never waits for the device.
        idle: numbers with which it changes nothing that counts, on the CPU.
    """

    key: Hashable
    compute: Callable[[Tensor], tuple[Tensor, ...]]
    idle: Tensor


class Device(Protocol):
    """Runs passes and copies one after the other, in the order in which they are given to it.

    Its other methods are called by who holds it.
    """

    def held(self) -> AbstractContextManager[None]:
        """Keep other threads from giving it anything in the block."""
        ...

    def prepare(self, pass_: Pass) -> None:
        """Do what has to be done once, before a pass is first run."""
        ...

    def run(self, pass_: Pass, numbers: Tensor) -> tuple[Tensor, ...]:
        """Run a pass with numbers that are on the CPU.

        Returns:
            Tensors on the device, which the next run of any pass may overwrite.
        """
        ...

    def put(self, source: Tensor, target: Tensor) -> None:
        """Copy a tensor to one on the device; nobody changes the source until that is done."""
        ...

    def fetch(self, source: Tensor) -> Tensor:
        """Return a copy on the CPU, which is complete after `wait_for(mark())`."""
        ...

    def mark(self) -> object:
        """Return a mark behind everything that was given to it so far."""
        ...

    def wait_for(self, mark: object) -> None:
        """Wait until the device has come to a mark; who waits need not hold it."""
        ...


def device_for(device: torch.device) -> Device:
    """Return what runs passes on a torch device."""
    return CudaDevice(device) if device.type == "cuda" else EagerDevice(device)


class EagerDevice:
    """Implements `Device` by calling each pass as it comes. What it is given is done at once."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._lock = threading.Lock()

    @contextmanager
    def held(self) -> Iterator[None]:
        with self._lock:
            yield

    def prepare(self, pass_: Pass) -> None:
        pass_.compute(pass_.idle.to(self._device))

    def run(self, pass_: Pass, numbers: Tensor) -> tuple[Tensor, ...]:
        return pass_.compute(numbers.to(self._device))

    def put(self, source: Tensor, target: Tensor) -> None:
        target.copy_(source)

    def fetch(self, source: Tensor) -> Tensor:
        return source.cpu()

    def mark(self) -> object:
        return None

    def wait_for(self, mark: object) -> None:
        pass


class _Graph(NamedTuple):
    """Holds a captured pass with the tensors that it reads and writes."""

    numbers: Tensor
    graph: torch.cuda.CUDAGraph
    outputs: tuple[Tensor, ...]


class CudaDevice:
    """Implements `Device` by CUDA graphs, on a stream of its own.

    All graphs share one pool of memory, which is safe since they run one after the other and
    their outputs are kept. A pass that was not prepared is captured when it is first run.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._lock = threading.Lock()
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._pool = torch.cuda.graph_pool_handle()
        # float32 means float32 in convolutions as well, those that make voices included.
        torch.backends.cudnn.allow_tf32 = False
        self._graphs: dict[Hashable, _Graph] = {}

    @contextmanager
    def held(self) -> Iterator[None]:
        with self._lock, torch.cuda.stream(self._stream):
            yield

    def prepare(self, pass_: Pass) -> None:
        if pass_.key not in self._graphs:
            self._graphs[pass_.key] = self._captured(pass_)

    def run(self, pass_: Pass, numbers: Tensor) -> tuple[Tensor, ...]:
        self.prepare(pass_)
        captured = self._graphs[pass_.key]
        self.put(numbers, captured.numbers)
        captured.graph.replay()
        return captured.outputs

    def put(self, source: Tensor, target: Tensor) -> None:
        if source.device.type == "cpu":
            target.copy_(_pinned(source).copy_(source), non_blocking=True)
            return
        self._wait_for_others()
        target.copy_(source)

    def fetch(self, source: Tensor) -> Tensor:
        return _pinned(source).copy_(source, non_blocking=True)

    def mark(self) -> object:
        # Who waits leaves the core to others.
        event = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
        event.record(self._stream)
        return event

    def wait_for(self, mark: object) -> None:
        assert isinstance(mark, torch.cuda.Event)
        mark.synchronize()

    def _wait_for_others(self) -> None:
        """Let the stream wait for the default one, on which weights and voices are made."""
        self._stream.wait_stream(torch.cuda.default_stream(self._device))

    def _captured(self, pass_: Pass) -> _Graph:
        """Capture a pass. Nothing that counts changes, since it only sees idle numbers."""
        self._wait_for_others()
        numbers = pass_.idle.to(self._device)
        for _ in range(WARM_UP_RUNS):
            pass_.compute(numbers)
        graph = torch.cuda.CUDAGraph()
        # Other threads may go on using the device meanwhile.
        with torch.cuda.graph(
            graph, pool=self._pool, stream=self._stream, capture_error_mode="thread_local"
        ):
            outputs = pass_.compute(numbers)
        return _Graph(numbers, graph, outputs)


def _pinned(like: Tensor) -> Tensor:
    """Make a tensor on the CPU with which a copy need not wait; torch keeps it until then."""
    return torch.empty(like.shape, dtype=like.dtype, pin_memory=True)
