"""Rehearses on the processor what a GPU does with graphs: a pass is recorded once and replayed."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from app.engine.static.graphs import EagerDevice, Pass


class _Recorded(NamedTuple):
    numbers: Tensor
    replay: list[Callable[[], None]]
    outputs: tuple[Tensor, ...]


class ReplayingDevice(EagerDevice):
    """Runs each pass in Python once, with idle numbers; from then on only its operations are run.

    They read and write the tensors that they were recorded with, whatever these hold by then. So
    whatever a pass decides in Python must be in its key, as with a real graph.
    """

    def __init__(self) -> None:
        super().__init__(torch.device("cpu"))
        self.recorded: dict[Hashable, _Recorded] = {}

    def prepare(self, pass_: Pass) -> None:
        if pass_.key not in self.recorded:
            numbers = pass_.idle.clone()
            pass_.compute(numbers)
            with _Recorder() as recorder:
                outputs = pass_.compute(numbers)
            self.recorded[pass_.key] = _Recorded(numbers, recorder.replay, outputs)

    def run(self, pass_: Pass, numbers: Tensor) -> tuple[Tensor, ...]:
        self.prepare(pass_)
        recorded = self.recorded[pass_.key]
        recorded.numbers.copy_(numbers)
        for replay in recorded.replay:
            replay()
        return recorded.outputs

    def fetch(self, source: Tensor) -> Tensor:
        return source.clone()  # the next replay overwrites it


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Records operations, but for those that only look at a tensor in another way."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.replay: list[Callable[[], None]] = []

    def __torch_dispatch__(
        self, operation: Any, types: Any, arguments: Any = (), options: Any = None
    ) -> Any:
        options = options or {}
        results = operation(*arguments, **options)
        if operation._schema.is_mutable:
            self.replay.append(lambda: operation(*arguments, **options))
        elif not _memory(results) & _memory((arguments, options)):

            def again() -> None:
                news = tree_leaves(operation(*arguments, **options))
                for old, new in zip(tree_leaves(results), news, strict=True):
                    old.copy_(new)

            self.replay.append(again)
        return results


def _memory(of: Any) -> set[int]:
    tensors = [each for each in tree_leaves(of) if isinstance(each, Tensor)]
    return {each.untyped_storage().data_ptr() for each in tensors}
