"""Makes the models that benchmarks run on: random weights in a shipped architecture."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.random_model import shipped_config, write_random_model

_HERE = Path(__file__).resolve().parent
_IN_REPOSITORY = (_HERE.parent / "server.py").is_file()
OUT = _HERE / "out" if _IN_REPOSITORY else Path.cwd() / "benchmarks-out"
"""Figures and models; an installed package is no place for them"""


def random_model(name: str) -> Path:
    """Return the YAML of a random model with the architecture of the shipped config `name`."""
    path = OUT / name / "model.yaml"
    return path if path.exists() else write_random_model(shipped_config(name), path.parent)


def model_argument(parser: argparse.ArgumentParser) -> None:
    """Add `--model`, a YAML file or the name of a shipped config to make random weights for."""
    parser.add_argument(
        "--model",
        type=_model,
        default="english",
        help="a Pocket TTS YAML, or the name of a shipped config (default: english)",
    )


def _model(value: str) -> Path:
    path = Path(value)
    return path if path.suffix in (".yaml", ".yml") else random_model(value)
