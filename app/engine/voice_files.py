"""Writes voice states as files, in the layout that pocket-tts exports and reads."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from pocket_tts import TTSModel
from torch import Tensor

MODEL_KEY = "model"
"""In the metadata: fingerprint of the model that made the state"""

# What turns a recording into a key-value cache; the rest of the weights may differ.
_MAKES_VOICES = ("mimi.encoder", "mimi.downsample", "flow_lm.transformer", "flow_lm.speaker_proj")


def write_voice_state(
    state: Mapping[str, Mapping[str, Tensor]], path: Path, *, fingerprint: str
) -> None:
    """Write a voice state into a file.

    Args:
        state: as upstream has it, `{module: {"cache": …, "offset": …}}`, of shapes
            [2, 1, positions, heads, head_dim] and [1].

    Raises:
        OSError: the disk refuses.
    """
    tensors = {
        f"{module}/{key}": tensor.cpu().contiguous()
        for module, values in state.items()
        for key, tensor in values.items()
    }
    # `save_file` would put a new file in the place of `path`, readable by its owner only.
    path.write_bytes(safetensors.torch.save(tensors, metadata={MODEL_KEY: fingerprint}))


def fingerprint_of(model: TTSModel) -> str:
    """Hash the names, shapes and values of the weights that make voice states, with SHA-256."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        if name.startswith(_MAKES_VOICES) or "voice" in name:
            digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
            flat = tensor.detach().cpu().contiguous().view(-1)
            digest.update(flat.view(torch.uint8).numpy().data)
    return digest.hexdigest()[:32]
