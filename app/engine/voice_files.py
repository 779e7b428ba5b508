"""Voice states as files, in the layout that pocket-tts exports and reads."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import safetensors
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
    """Write upstream's `{module: {"cache": [2, 1, positions, heads, head_dim], "offset": [1]}}`.

    Raises:
        OSError: the disk refuses.
    """
    tensors = {
        f"{module}/{key}": tensor.cpu().contiguous()
        for module, values in state.items()
        for key, tensor in values.items()
    }
    try:
        safetensors.torch.save_file(tensors, path, metadata={MODEL_KEY: fingerprint})
    except safetensors.SafetensorError as error:
        raise OSError(0, str(error)) from error


def fingerprint_of(model: TTSModel) -> str:
    """SHA-256 over the names, shapes and values of the weights that make voice states."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        if name.startswith(_MAKES_VOICES) or "voice" in name:
            digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
            flat = tensor.detach().cpu().contiguous().view(-1)
            digest.update(flat.view(torch.uint8).numpy().data)
    return digest.hexdigest()[:32]
