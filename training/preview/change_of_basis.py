"""Stage `carry-over`: the weights of an exported model as a start, in this corpus's latents.

Two bases are two sets of directions in the same patches, so the best linear map between their
latents follows from both and the patches. It is put into the layers that read or write latents.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray

from training.preview.analysis import Utterance
from training.preview.corpus import Corpus
from training.preview.export import BASIS, ENCODER_PARTS, WEIGHTS
from training.preview.language_model import Learner
from training.preview.latents import Basis, patches_of
from training.preview.workspace import Workspace

READS = ("input_linear.weight", "speaker_proj_weight", "flow_net.input_proj.weight")
WRITES = ("bos_emb", "flow_net.final_layer.linear.weight", "flow_net.final_layer.linear.bias")


def linear_map(source: NDArray[np.float32], target: NDArray[np.float32]) -> torch.Tensor:
    """[target size + 1, source size + 1]: target = map @ source by least squares, pitch as is."""
    solution = np.linalg.lstsq(source, target, rcond=None)[0].T
    rows, columns = solution.shape
    whole = np.zeros((rows + 1, columns + 1), np.float32)
    whole[:rows, :columns] = solution
    whole[rows, columns] = 1
    return torch.from_numpy(whole)


def maps_between(
    old: Basis, new: Basis, utterances: list[Utterance]
) -> tuple[torch.Tensor, torch.Tensor]:
    """(old from new, new from old) over the patches of `utterances`."""
    patches = np.concatenate([patches_of(utterance) for utterance in utterances])
    pitch = np.zeros(len(patches), np.float32)
    before, after = (basis.encode(patches, pitch)[:, :-1] for basis in (old, new))
    return linear_map(after, before), linear_map(before, after)


def carried_language_model(
    weights: dict[str, torch.Tensor], old_from_new: torch.Tensor, new_from_old: torch.Tensor
) -> dict[str, torch.Tensor]:
    carried = dict(weights)
    carried |= {name: weights[name] @ old_from_new for name in READS}
    carried |= {name: new_from_old @ weights[name] for name in WRITES}
    return carried


def carried_codec(
    weights: dict[str, torch.Tensor], old_from_new: torch.Tensor, new_from_old: torch.Tensor
) -> dict[str, torch.Tensor]:
    carried = dict(weights)
    read, write = "quantizer.output_proj.weight", "downsample.conv.conv.weight"
    carried[read] = torch.einsum("ock,cn->onk", weights[read], old_from_new)
    carried[write] = torch.einsum("no,oik->nik", new_from_old, weights[write])
    return carried


def run(workspace: Workspace, exported: Path, utterances: list[Utterance]) -> None:
    """Write all three checkpoints from the model in the folder `exported`."""
    corpus = Corpus.load(workspace.corpus)
    stored = safetensors.torch.load_file(exported / BASIS)
    old = Basis(**{name: value.float().numpy() for name, value in stored.items()})
    maps = maps_between(old, corpus.basis, utterances)
    weights = {
        name: value.float() if value.is_floating_point() else value
        for name, value in safetensors.torch.load_file(exported / WEIGHTS).items()
    }
    flow_lm = {
        name.removeprefix("flow_lm."): value
        for name, value in weights.items()
        if name.startswith("flow_lm.")
    }
    codec = {
        name.removeprefix("mimi."): value
        for name, value in weights.items()
        if name.startswith("mimi.")
    }
    learner = Learner(workspace.tokenizer(), corpus.all_latents())
    fresh = learner.state_dict()
    carried = carried_language_model(flow_lm, *maps)
    for name in ("emb_mean", "emb_std"):
        carried[name] = fresh[f"model.{name}"]
    fresh |= {f"model.{name}": value for name, value in carried.items()}
    torch.save({"average": fresh}, workspace.checkpoint("language_model"))
    whole = carried_codec(codec, *maps)
    for part in ("decoder", "encoder"):
        torch.save({"average": whole}, workspace.checkpoint(part))
    print(f"{len(ENCODER_PARTS)} encoder parts, decoder and language model carried over")
