"""Rehearses on the processor what a GPU does with graphs: a pass is recorded once and replayed."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from app.engine.static.graphs import Device


def rehearsing(_: torch.device) -> Device:
    """Make a `CudaDevice` whose card is the processor.

    It runs each pass in Python on idle numbers; from then on only the operations of that pass are
    run. They read and write the tensors that they were recorded with, whatever these hold by then.
    So whatever a pass decides in Python must be in its key, as with a real graph.
    """
    spec = importlib.util.find_spec("app.engine.static.graphs")
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)  # a copy: others see a real card, if any
    spec.loader.exec_module(module)
    cuda = SimpleNamespace(
        CUDAGraph=_Graph,
        Event=_Event,
        Stream=_Stream,
        default_stream=_Stream,
        graph=_captured_into,
        graph_pool_handle=lambda: (0, 1),
        stream=lambda _: nullcontext(),
    )
    module.torch = SimpleNamespace(
        backends=SimpleNamespace(cudnn=SimpleNamespace()), cuda=cuda, empty=_empty
    )
    device: Device = module.CudaDevice(torch.device("cpu"))
    return device


class _Graph:
    """Stands for a CUDA graph."""

    def __init__(self) -> None:
        self.operations: list[Callable[[], None]] = []

    def replay(self) -> None:
        for operation in self.operations:
            operation()


class _Stream:
    """Stands for a stream, on which everything is done at once."""

    def __init__(self, _: torch.device) -> None:
        pass

    def wait_stream(self, _: _Stream) -> None:
        pass


class _Event:
    """Stands for an event of a stream."""

    def __init__(self, *, blocking: bool) -> None:
        assert blocking

    def record(self, _: _Stream) -> None:
        pass

    def synchronize(self) -> None:
        pass


@contextmanager
def _captured_into(graph: _Graph, *, capture_error_mode: str, **_: Any) -> Iterator[None]:
    assert capture_error_mode == "thread_local"
    with _Recorder(graph):
        yield


def _empty(*shape: Any, pin_memory: bool, **options: Any) -> Tensor:
    assert pin_memory
    return torch.empty(*shape, **options)


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Records operations, but for those that only look at a tensor in another way."""

    def __init__(self, graph: _Graph) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._graph = graph

    def __torch_dispatch__(
        self, operation: Any, types: Any, arguments: Any = (), options: Any = None
    ) -> Any:
        options = options or {}
        results = operation(*arguments, **options)
        if operation._schema.is_mutable:
            self._graph.operations.append(lambda: operation(*arguments, **options))
        elif not _memory(results) & _memory((arguments, options)):

            def again() -> None:
                news = tree_leaves(operation(*arguments, **options))
                for old, new in zip(tree_leaves(results), news, strict=True):
                    old.copy_(new)

            self._graph.operations.append(again)
        return results


def _memory(of: Any) -> set[int]:
    tensors = [each for each in tree_leaves(of) if isinstance(each, Tensor)]
    return {each.untyped_storage().data_ptr() for each in tensors}
