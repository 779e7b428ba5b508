"""Upstream is imported without what speech never uses, and works all the same."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
from app.engine.upstream import import_upstream
import_upstream()
import app.engine.loader
import torch
heavy = {"httpx", "requests", "scipy.io", "scipy.signal", "torch._dynamo"} & set(sys.modules)
assert not heavy, heavy
assert "disable" in torch.compiler.disable.__name__
from pocket_tts.data.audio_utils import convert_audio
half = convert_audio(torch.ones(1, 2_400), 24_000, 12_000, 1)
assert half.shape == (1, 1_200), half.shape
assert abs(float(half[0, 600]) - 1) < 0.01
import scipy.io, scipy.signal
assert callable(scipy.io.wavfile.read)
assert callable(scipy.signal.firwin)
"""


def test_imported_lightly() -> None:
    """What is heavy is not there before somebody asks for it."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], check=False, capture_output=True, text=True
    )
    assert not done.stderr
