"""Imports Kyutai's package without what it brings along and speech never uses.

A few lines of it cost a process 140 MB and two seconds of its start (`python -m
benchmarks.imports`): a decorator that tells torch's compiler to leave a function alone imports that
compiler, which never runs here, and for a resampler, a reader of recordings and a downloader, which
this server does without, come `scipy.signal`, `scipy.io` and `requests`. All of it is there once
somebody asks.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, TypeVar

import torch

_LATE = ("requests", "scipy.io", "scipy.io.wavfile", "scipy.signal")

_FunctionT = TypeVar("_FunctionT", bound=Callable[..., Any])


def import_upstream() -> None:
    """Import `pocket_tts`, unless somebody has."""
    if "pocket_tts" in sys.modules:
        return
    with _imported_late(), _without_compiler():
        importlib.import_module("pocket_tts")


@contextmanager
def _imported_late() -> Iterator[None]:
    """Let modules be imported without looking for them."""
    late = {name: _Late(name) for name in _LATE if name not in sys.modules}
    sys.modules.update(late)
    try:
        yield
    finally:
        for name in late:
            del sys.modules[name]


class _Late(ModuleType):
    """Stands for a module whose functions are looked for when they are called."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):  # whoever looks through all modules asks for these
            raise AttributeError(name)

        def call(*arguments: Any, **options: Any) -> Any:
            return getattr(importlib.import_module(self.__name__), name)(*arguments, **options)

        return call


@contextmanager
def _without_compiler() -> Iterator[None]:
    """Let functions be kept from torch's compiler without importing it."""
    disable = torch.compiler.disable
    torch.compiler.disable = _as_it_is  # type: ignore[assignment]
    try:
        yield
    finally:
        torch.compiler.disable = disable


def _as_it_is(function: _FunctionT) -> _FunctionT:
    return function
