"""Makes a tiny Pocket TTS model, which takes the real code path at a thousandth of the cost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.random_model import write_random_model

FLOW_HEADS = ("lsd", "flow_matching", "drifting", "pointwise")


def tiny_config(head: str = "lsd", **flow_lm: Any) -> dict[str, Any]:
    """Make a config of two thin layers with a flow head; `flow_lm` overrides its section."""
    return {
        "default_temperature": 0.3,
        "default_eos_threshold": 0.0,
        "flow_lm": {
            "dtype": "float32",
            "insert_bos_before_voice": True,
            "flow": {"depth": 2, "dim": 32, "type": head},
            "transformer": {
                "d_model": 64,
                "hidden_scale": 2,
                "max_period": 10000,
                "num_heads": 4,
                "num_layers": 2,
            },
            "lookup_table": {
                "dim": 64,
                "n_bins": 512,
                "tokenizer": "tokenizers",
                "tokenizer_path": "",
            },
            **flow_lm,
        },
        "mimi": {
            "dtype": "float32",
            "sample_rate": 24000,
            "inner_dim": 16,
            "outer_dim": 32,
            "channels": 1,
            "frame_rate": 12.5,
            "seanet": _seanet(),
            "transformer": _codec_transformer(),
            "quantizer": {"dimension": 16, "output_dimension": 32},
        },
    }


def write_tiny_model(
    folder: Path, head: str = "lsd", *, eos_bias: float | None = -0.9, **flow_lm: Any
) -> Path:
    """Write the model into `folder` and return the path of its YAML config.

    The default EOS bias makes most short texts end by themselves within a few seconds of audio.
    """
    return write_random_model(tiny_config(head, **flow_lm), folder, eos_bias=eos_bias)


def _seanet() -> dict[str, Any]:
    return {
        "dimension": 32,
        "channels": 1,
        "n_filters": 4,
        "n_residual_layers": 1,
        "ratios": [6, 5, 4],
        "kernel_size": 7,
        "residual_kernel_size": 3,
        "last_kernel_size": 3,
        "dilation_base": 2,
        "pad_mode": "constant",
        "compress": 2,
    }


def _codec_transformer() -> dict[str, Any]:
    return {
        "d_model": 32,
        "num_heads": 4,
        "num_layers": 2,
        "layer_scale": 0.1,
        "context": 50,
        "dim_feedforward": 64,
        "input_dimension": 32,
        "output_dimensions": [32],
    }
