"""Imports Kyutai's package without what it brings along and speech never uses.

Two lines of it cost a process 120 MB and two seconds of its start (`python -m benchmarks.imports`):
a decorator that tells torch's compiler to leave a function alone imports that compiler, which never
runs here, and a resampler for recordings, which this server reads by itself, imports all of
`scipy.signal`.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, TypeVar

import torch

_SIGNAL = "scipy.signal"

_FunctionT = TypeVar("_FunctionT", bound=Callable[..., Any])


def import_upstream() -> None:
    """Import `pocket_tts`, unless somebody has."""
    if "pocket_tts" in sys.modules:
        return
    with _without_compiler(), _with_late_signal():
        importlib.import_module("pocket_tts")


@contextmanager
def _without_compiler() -> Iterator[None]:
    """Let functions be kept from torch's compiler without importing it."""
    disable = torch.compiler.disable
    torch.compiler.disable = _as_it_is  # type: ignore[assignment]
    try:
        yield
    finally:
        torch.compiler.disable = disable


@contextmanager
def _with_late_signal() -> Iterator[None]:
    """Let `resample_poly` be imported, and look for it only when it is called."""
    if _SIGNAL in sys.modules:
        yield
        return
    late = ModuleType(_SIGNAL)
    late.resample_poly = _resample_poly  # type: ignore[attr-defined]
    sys.modules[_SIGNAL] = late
    try:
        yield
    finally:
        del sys.modules[_SIGNAL]


def _as_it_is(function: _FunctionT) -> _FunctionT:
    return function


def _resample_poly(*arguments: Any, **options: Any) -> Any:
    return importlib.import_module(_SIGNAL).resample_poly(*arguments, **options)
