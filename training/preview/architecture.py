"""The sizes of the preview model, as a Pocket TTS config."""

from __future__ import annotations

from typing import Any

import torch
from pocket_tts.models.flow_lm import FlowLMModel
from pocket_tts.models.mimi import MimiModel, build_mimi
from pocket_tts.modules.conv import StreamingConvTranspose1d
from pocket_tts.utils.config import Config
from torch import nn

from training.preview.latents import LATENT_SIZE
from training.preview.symbols import vocabulary

WIDTH = 192
HEADS = 4
LAYERS = 6
CODEC_WIDTH = 128
RATIOS = (4, 5, 6)  # 24 kHz audio to 200 steps a second; a latent covers 16 of them
ENCODER_FILTERS = 12
DECODER_FILTERS = 24


def preview_config(tokenizer_path: str, weights_path: str | None = None) -> dict[str, Any]:
    """The config that `TTSModel.load_model` reads, with the given paths."""
    config: dict[str, Any] = {
        "default_temperature": 0.0,
        "default_eos_threshold": 0.0,
        "model_recommended_frames_after_eos": 5,
        "replace_characters": {"–": ",", "—": ",", "’": "'", "‘": "'"},
        "flow_lm": {
            "insert_bos_before_voice": True,
            "dtype": "float32",
            # Trained as a regressor: one step from no noise to the mean of what can follow.
            "flow": {"depth": 2, "dim": WIDTH, "type": "drifting"},
            "transformer": {
                "d_model": WIDTH,
                "hidden_scale": 4,
                "max_period": 10000,
                "num_heads": HEADS,
                "num_layers": LAYERS,
                "dim_feedforward": 4 * WIDTH,
            },
            "lookup_table": {
                "dim": WIDTH,
                "n_bins": len(vocabulary()),
                "tokenizer": "tokenizers",
                "tokenizer_path": tokenizer_path,
            },
        },
        "mimi": {
            "dtype": "float32",
            "sample_rate": 24000,
            "inner_dim": LATENT_SIZE,
            "outer_dim": CODEC_WIDTH,
            "channels": 1,
            "frame_rate": 12.5,
            "seanet": _seanet(ENCODER_FILTERS, kernel_size=7),
            "transformer": _transformer(layers=1, feedforward=2 * CODEC_WIDTH, layer_scale=0.2),
            "quantizer": {"dimension": LATENT_SIZE, "output_dimension": CODEC_WIDTH},
            "decoder_seanet": _seanet(DECODER_FILTERS, kernel_size=3),
            "decoder_transformer": _transformer(
                layers=3, feedforward=3 * CODEC_WIDTH, layer_scale=0.5
            ),
        },
    }
    if weights_path:
        config["weights_path"] = weights_path
    return config


def _seanet(filters: int, *, kernel_size: int) -> dict[str, Any]:
    return {
        "dimension": CODEC_WIDTH,
        "channels": 1,
        "n_filters": filters,
        "n_residual_layers": 1,
        "ratios": list(RATIOS),
        "kernel_size": kernel_size,
        "residual_kernel_size": 3,
        "last_kernel_size": 3,
        "dilation_base": 2,
        "pad_mode": "constant",
        "compress": 2,
    }


def _transformer(*, layers: int, feedforward: int, layer_scale: float) -> dict[str, Any]:
    return {
        "d_model": CODEC_WIDTH,
        "num_heads": 4,
        "num_layers": layers,
        "layer_scale": layer_scale,
        "context": 50,
        "dim_feedforward": feedforward,
        "input_dimension": CODEC_WIDTH,
        "output_dimensions": [CODEC_WIDTH],
    }


def new_codec(tokenizer_path: str) -> MimiModel:
    """An untrained codec that can also be run without streaming state."""
    return build_mimi(Config(**preview_config(tokenizer_path)).mimi)


def new_language_model(tokenizer_path: str) -> FlowLMModel:
    """An untrained language model with small weights where training starts more steadily."""
    flow_lm = Config(**preview_config(tokenizer_path)).flow_lm
    model = FlowLMModel.from_pydantic_config(
        flow_lm, latent_dim=LATENT_SIZE, insert_bos_before_voice=True
    )
    model.speaker_proj_weight = nn.Parameter(
        nn.init.normal_(torch.empty(WIDTH, LATENT_SIZE), std=0.05)
    )
    nn.init.normal_(model.conditioner.embed.weight, std=0.5)
    for weight in (model.bos_before_voice, model.bos_emb):
        weight.data.mul_(0.3)
    for layer in model.transformer.layers:
        layer.self_attn.out_proj.weight.data.mul_(0.3)
        layer.linear2.weight.data.mul_(0.3)
    return model


def upsample_without_state(layer: StreamingConvTranspose1d, values: Any, state: Any) -> Any:
    """Pocket TTS's transposed convolution, also for whole utterances at once (no `state`)."""
    if state is not None:
        return _STREAMING_FORWARD(layer, values, state)
    return layer.convtr(values)[..., : values.shape[-1] * layer.convtr.stride[0]]


_STREAMING_FORWARD = StreamingConvTranspose1d.forward
StreamingConvTranspose1d.forward = upsample_without_state
