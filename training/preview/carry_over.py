"""Stage `carry-over`: an exported model as a start, for this corpus or a larger one.

Its basis goes first: the stage `latents` then uses it instead of finding one of its own, so that
latents keep their meaning and the weights fit.
"""

from __future__ import annotations

from pathlib import Path

import safetensors.torch
import torch

from training.preview.decoder import Decoder
from training.preview.export import BASIS, ENCODER_PARTS, WEIGHTS
from training.preview.language_model import Learner
from training.preview.latents import CONSTANT
from training.preview.workspace import Workspace


def run(workspace: Workspace, exported: Path) -> None:
    """Write the basis and all three checkpoints from the model in the folder `exported`."""
    workspace.folder.mkdir(parents=True, exist_ok=True)
    workspace.basis.write_bytes((exported / BASIS).read_bytes())
    weights = {
        name: value.float() if value.is_floating_point() else value
        for name, value in safetensors.torch.load_file(exported / WEIGHTS).items()
    }
    language_model = _renamed(weights, "flow_lm.", "model.")
    # What `export` did to the weights that read prompts, undone
    speaker = language_model["model.speaker_proj_weight"] * language_model["model.emb_std"]
    speaker[:, CONSTANT] = 0
    language_model["model.speaker_proj_weight"] = speaker
    learner, decoder = Learner(workspace.tokenizer()), Decoder(workspace.tokenizer())
    _save(learner.state_dict() | language_model, workspace.checkpoint("language_model"))
    _save(
        decoder.state_dict() | _renamed(weights, "mimi.", "model."), workspace.checkpoint("decoder")
    )
    _save(_renamed(weights, "mimi.", ""), workspace.checkpoint("encoder"))
    print(f"{len(ENCODER_PARTS)} encoder parts, decoder and language model carried over")


def _renamed(weights: dict[str, torch.Tensor], before: str, after: str) -> dict[str, torch.Tensor]:
    return {
        after + name.removeprefix(before): value
        for name, value in weights.items()
        if name.startswith(before)
    }


def _save(average: dict[str, torch.Tensor], path: Path) -> None:
    torch.save({"average": average}, path)
