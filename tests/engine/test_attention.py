"""The engine tells what a frame attends to in its text, as upstream's transformer computes it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.engine.engine import BatchedEngine
from app.engine.runner import Row
from app.engine.sequence import RowSampling
from app.engine.voice_state import KvPrefix
from app.speech_engine import Head
from tests.engine.conftest import RUNNERS, MakeEngine
from tests.engine.speaking import EOS_BIAS, TEXTS, Upstream, voice_clip
from tests.engine.test_equality import VARIANTS
from tests.tiny_model import write_tiny_model

pytestmark = pytest.mark.parametrize("runner", RUNNERS)

FRAMES = 9
HEADS = [Head(layer, head) for layer in range(2) for head in range(4)]
STILL = RowSampling(0.0, 1, 0.0, None, None, None)
CHOSEN = (Head(1, 3), Head(0, 0), Head(1, 0))


@pytest.mark.parametrize("variant", ["no BOS before the voice", "grouped queries"])
def test_attention_is_upstreams(make_engine: MakeEngine, tmp_path: Path, variant: str) -> None:
    """Alone and in a batch, from the first frame on, for all heads and for some."""
    upstream = Upstream(write_tiny_model(tmp_path, eos_bias=EOS_BIAS, **VARIANTS[variant]))
    heard: list[Tensor] = []
    with upstream.model.flow_lm.transformer.register_forward_pre_hook(
        lambda _, arguments: heard.append(arguments[0])
    ):
        engine = make_engine(upstream.model, start=False)
        voice = engine.encode_voice(voice_clip(engine.sample_rate_hz))
    runner = engine._runner
    assert list(runner.heads) == HEADS
    for heads in (tuple(HEADS), CHOSEN):
        runner.heads = heads
        rows = [
            opened(engine, voice, text, watched=watched)
            for text, watched in ((TEXTS[0], True), (TEXTS[3], False), (TEXTS[1], True))
        ]
        with torch.inference_mode():
            for frame in range(FRAMES):
                runner.sample(rows[: 1 + frame])  # the second and third join later
                for row in rows[: 1 + frame]:
                    row.keep()
        assert not rows[1].queries
        for row, text in ((rows[0], TEXTS[0]), (rows[2], TEXTS[1])):
            frames = len(row.pending)
            ours = np.concatenate(
                [runner.attention(row, 2), runner.attention(row, frames - 2)], axis=1
            )
            theirs = attention_of(upstream, heard[0], text, list(row.pending))
            wanted = [HEADS.index(head) for head in heads]
            np.testing.assert_allclose(ours, theirs[wanted], atol=2e-4)
            np.testing.assert_allclose(ours.sum(2), 1, rtol=1e-4)
        for row in rows:
            runner.close(row)


def opened(engine: BatchedEngine, voice: KvPrefix, text: str, *, watched: bool) -> Row:
    prompt = engine._runner.prompt(text)
    assert prompt is not None
    return engine._runner.open(voice, prompt, STILL, 0, watched=watched)


def attention_of(
    upstream: Upstream, voice: Tensor, text: str, latents: list[Tensor]
) -> NDArray[np.float32]:
    """Run upstream's transformer over everything at once: `[heads, frames, text tokens]`."""
    flow_lm = upstream.model.flow_lm
    projected: list[Tensor] = []
    hooks = [
        layer.self_attn.in_proj.register_forward_hook(lambda *call: projected.append(call[2]))
        for layer in flow_lm.transformer.layers
    ]
    with torch.no_grad():
        tokens = torch.tensor(flow_lm.conditioner.tokenizer.encode(text))
        said = torch.stack([flow_lm.bos_emb.detach(), *latents[:-1]])
        read = torch.cat([flow_lm.conditioner(tokens), flow_lm.input_linear(said)])
        flow_lm.transformer(torch.cat([voice, read[None]], dim=1), None)
    for hook in hooks:
        hook.remove()
    begin, end = voice.shape[1], voice.shape[1] + len(tokens)
    looks: list[Tensor] = []
    for layer, both in zip(flow_lm.transformer.layers, projected, strict=True):
        attention = layer.self_attn
        heads, kv_heads, width = attention.num_heads, attention.num_kv_heads, attention.dim_per_head
        queries = both[..., : heads * width].reshape(1, -1, heads, width)
        keys = both[..., heads * width :].reshape(1, -1, 2, kv_heads, width)[:, :, 0]
        queries, keys = attention.rope(queries, keys, offset=0)
        keys = keys.repeat_interleave(heads // kv_heads, dim=2)[0, begin:end]
        scores = torch.einsum("fhd,thd->hft", queries[0, end:], keys) / width**0.5
        looks.append(scores.softmax(2))
    return torch.cat(looks).numpy()
