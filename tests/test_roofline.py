"""What the hardware could do is counted from the model, and bound by the slower of two things."""

from __future__ import annotations

from pathlib import Path

import pytest
from pocket_tts import TTSModel

from benchmarks.roofline import Half, Roof, measure_roof


def test_one_row_waits_for_memory_and_many_for_arithmetic() -> None:
    half = Half("float32", operations=1e9, weights_bytes=4e8, operations_per_second=1e11)
    roof = Roof(half, half, cores=2, bytes_per_second=1e10, frame_seconds=0.08)
    assert roof.audio_rate(1) == pytest.approx(2 * 0.08 / 0.08)  # 0.04 s for each half's weights
    assert roof.audio_rate(100) == pytest.approx(2 * 100 * 0.08 / 2.0)
    assert roof.audio_rate(200) == pytest.approx(roof.audio_rate(100))


def test_a_real_model(tiny_model: Path) -> None:
    """A product and a sum for each weight of the language model, and its attention."""
    roof = measure_roof(tiny_model, "float32")
    flow_lm = TTSModel.load_model(config=tiny_model).flow_lm
    parts = (flow_lm.transformer, flow_lm.flow_net)
    weights = sum(each.numel() for part in parts for each in part.parameters() if each.dim() > 1)
    assert roof.language_model.weights_bytes == 4 * weights
    assert roof.language_model.operations > 2 * weights
    assert roof.codec.operations > 0
    assert roof.audio_rate(8) >= roof.audio_rate(1) > 0
