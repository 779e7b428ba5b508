"""Stages `pack`, `carry-over` and `mean`: weights as a start, for this corpus or a larger one.

Of an exported model, or of trainings that are to go on elsewhere: `pack` puts what there is of
those into a folder. The basis goes along: the stage `latents` then uses it instead of finding one
of its own, so that latents keep their meaning and the weights fit.
"""

from __future__ import annotations

from pathlib import Path

import safetensors.torch
import torch

from training.preview.architecture import new_codec
from training.preview.decoder import Decoder
from training.preview.export import BASIS, ENCODER_PARTS, WEIGHTS, half
from training.preview.language_model import Learner
from training.preview.latents import CONSTANT
from training.preview.workspace import Workspace

PARTS = ("language_model", "decoder", "encoder")


def pack(workspace: Workspace, folder: Path) -> None:
    """Write the basis and the averaged weights of all trainings, ended or not, into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / BASIS).write_bytes(workspace.basis.read_bytes())
    packed: dict[str, torch.Tensor] = {}
    for part in PARTS:
        if workspace.checkpoint(part).exists():
            average = torch.load(workspace.checkpoint(part), map_location="cpu")["average"]
            packed |= {f"{part}.{name}": x for name, x in average.items() if _is_of(part, name)}
    (folder / WEIGHTS).write_bytes(safetensors.torch.save(half(packed)))
    print(f"{folder}: {', '.join(part for part in PARTS if _renamed(packed, f'{part}.', ''))}")


def _is_of(part: str, name: str) -> bool:
    """Whether a training of this part has to do with the weight: both codecs have all of them."""
    of_encoder = name.removeprefix("model.").startswith(ENCODER_PARTS)
    return part == "language_model" or of_encoder == (part == "encoder")


def run(workspace: Workspace, folder: Path) -> None:
    """Write the basis, and checkpoints from the exported or packed weights in `folder`."""
    workspace.folder.mkdir(parents=True, exist_ok=True)
    workspace.basis.write_bytes((folder / BASIS).read_bytes())
    weights = _weights_in(folder)
    started = _parts(weights)
    tokenizer = workspace.tokenizer()
    untrained = {
        "language_model": Learner(tokenizer),
        "decoder": Decoder(tokenizer),
        "encoder": new_codec(str(tokenizer)),
    }
    for part, known in started.items():
        if known:
            average = untrained[part].state_dict() | known
            torch.save({"average": average}, workspace.checkpoint(part))
            print(f"{part} carried over")


def mean(workspace: Workspace, folder: Path, share: float) -> None:
    """Mix the language model that `folder` has, so much of it, into that of the workspace.

    A training that goes on forgets some of what the one before had learned from other sentences;
    between the weights of both is a model that knows more than either.

    Raises:
        ValueError: if the share is not one, `folder` has no language model or the training of the
            workspace's has not ended, whose weights this would replace.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"the share of the folder's weights is from 0 to 1, not {share}")
    known = _parts(_weights_in(folder))["language_model"]
    if not known:
        raise ValueError(f"there is no language model in {folder}")
    path = workspace.checkpoint("language_model")
    state = torch.load(path, map_location="cpu")
    if "optimisers" in state:
        raise ValueError(f"the training of {path} was cut off: let it end first")
    average = state["average"]
    for name, value in known.items():
        average[name] = torch.lerp(average[name], value, share)
    torch.save({"average": average}, path)
    print(f"language_model: {share:.0%} of {folder}")


def _weights_in(folder: Path) -> dict[str, torch.Tensor]:
    return {
        name: value.float() if value.is_floating_point() else value
        for name, value in safetensors.torch.load_file(folder / WEIGHTS).items()
    }


def _parts(weights: dict[str, torch.Tensor]) -> dict[str, dict[str, torch.Tensor]]:
    """The weights of each training, as packed or as exported; empty for one that is not there."""
    packed = {part: _renamed(weights, f"{part}.", "") for part in PARTS}
    return packed if any(packed.values()) else _parts_of_exported(weights)


def _parts_of_exported(weights: dict[str, torch.Tensor]) -> dict[str, dict[str, torch.Tensor]]:
    language_model = _renamed(weights, "flow_lm.", "model.")
    # What `export` did to the weights that read prompts, undone
    speaker = language_model["model.speaker_proj_weight"] * language_model["model.emb_std"]
    speaker[:, CONSTANT] = 0
    language_model["model.speaker_proj_weight"] = speaker
    return {
        "language_model": language_model,
        "decoder": _renamed(weights, "mimi.", "model."),
        "encoder": _renamed(weights, "mimi.", ""),
    }


def _renamed(weights: dict[str, torch.Tensor], before: str, after: str) -> dict[str, torch.Tensor]:
    return {
        after + name.removeprefix(before): value
        for name, value in weights.items()
        if name.startswith(before)
    }
