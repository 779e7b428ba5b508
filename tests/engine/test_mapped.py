"""A model is built over its file, with the very weights that upstream's own loader reads."""

from __future__ import annotations

from pathlib import Path

import torch
import yaml
from pocket_tts import TTSModel

from app.engine.mapped import largest_parts, load_mapped
from app.engine.preview import PREVIEW_CONFIG
from app.engine.weights import fetch_model


def test_the_same_weights(tiny_model: Path) -> None:
    """Nothing is left unfilled, and everything has the place and the type it has upstream."""
    mapped, read = load_mapped(tiny_model), TTSModel.load_model(config=tiny_model)
    theirs = read.state_dict()
    ours = mapped.state_dict()
    assert set(ours) == set(theirs)
    for name, weight in theirs.items():
        assert ours[name].dtype == weight.dtype
        assert torch.equal(ours[name], weight)
    assert mapped.config == read.config


def test_weights_of_half_precision(tmp_path: Path) -> None:
    """A file may hold them in half the bytes; the model computes in float32 all the same."""
    config = fetch_model(language="", config=str(PREVIEW_CONFIG)).config
    path = tmp_path / "model.yaml"
    path.write_text(yaml.safe_dump(config, allow_unicode=True), "utf-8")
    parts = largest_parts(load_mapped(path))
    assert {each.dtype for part in parts for each in part.parameters()} == {torch.float32}
