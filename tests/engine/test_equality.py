"""With temperature 0 and float32 the engine speaks exactly as upstream does."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from app.engine.engine import BatchedEngine
from app.engine.voice_state import KvPrefix
from app.errors import SynthesisFailed
from benchmarks.random_model import write_random_model
from tests.engine.conftest import RUNNERS, MakeEngine
from tests.engine.speaking import (
    EOS_BIAS,
    TEXTS,
    Upstream,
    assert_same,
    eos_bias,
    job,
    speak,
    speak_now,
    voice_clip,
    wait_until,
)
from tests.tiny_model import FLOW_HEADS, tiny_config, write_tiny_model

pytestmark = pytest.mark.parametrize("runner", RUNNERS)

TRANSFORMER = tiny_config()["flow_lm"]["transformer"]

VARIANTS: dict[str, dict[str, Any]] = {
    "grouped queries": {"transformer": {**TRANSFORMER, "num_kv_heads": 2}},
    "attention width": {"transformer": {**TRANSFORMER, "attn_dim": 32, "num_kv_heads": 1}},
    "low-rank table": {
        "lookup_table": {**tiny_config()["flow_lm"]["lookup_table"], "rank": 8},
    },
    "z width": {"z_dim": 24},
    "no BOS before the voice": {"insert_bos_before_voice": False},
}


def assert_speaks_as_upstream(make_engine: MakeEngine, config: Path) -> None:
    upstream = Upstream(config)
    engine = make_engine(upstream.model, worker_threads=2)
    voice = engine.encode_voice(voice_clip(engine.sample_rate_hz))
    for text, ours in zip(TEXTS[:3], speak_now(engine, voice, TEXTS[:3]), strict=True):
        assert_same(ours, upstream.speak(text))


@pytest.mark.parametrize("head", FLOW_HEADS)
def test_every_flow_head_speaks_as_upstream(
    make_engine: MakeEngine, tmp_path: Path, head: str
) -> None:
    assert_speaks_as_upstream(
        make_engine, write_tiny_model(tmp_path, head, eos_bias=eos_bias(head))
    )


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_shape_of_language_model_speaks_as_upstream(
    make_engine: MakeEngine, tmp_path: Path, variant: str
) -> None:
    assert_speaks_as_upstream(
        make_engine, write_tiny_model(tmp_path, eos_bias=EOS_BIAS, **VARIANTS[variant])
    )


def test_a_decoder_unlike_the_encoder_speaks_as_upstream(
    make_engine: MakeEngine, tmp_path: Path
) -> None:
    config = tiny_config("pointwise")
    mimi = config["mimi"]
    mimi["outer_dim"] = mimi["quantizer"]["output_dimension"] = 24
    mimi["decoder_seanet"] = {**mimi["seanet"], "dimension": 24, "n_filters": 3}
    mimi["decoder_transformer"] = {
        **mimi["transformer"],
        "d_model": 24,
        "input_dimension": 24,
        "output_dimensions": [24],
        "context": 20,
    }
    assert_speaks_as_upstream(make_engine, write_random_model(config, tmp_path, eos_bias=EOS_BIAS))


def test_several_decode_steps_speak_as_upstream(
    engine: BatchedEngine, voice: KvPrefix, tiny: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiny.model, "sampler_decode_steps", 3)
    assert_same(speak_now(engine, voice, [TEXTS[1]])[0], tiny.speak(TEXTS[1]))


@st.composite
def schedules(draw: DrawFn) -> list[tuple[list[str], float, int | None]]:
    """Jobs: their chunks, when they come, and after how many pieces they are aborted."""
    one = st.tuples(
        st.lists(st.sampled_from(TEXTS), min_size=1, max_size=3),
        st.floats(0, 0.2),
        st.one_of(st.none(), st.none(), st.integers(0, 20)),
    )
    return draw(st.lists(one, min_size=2, max_size=7))


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(schedules())
def test_rows_that_come_and_go_do_not_change_the_others(
    engine: BatchedEngine,
    voice: KvPrefix,
    tiny: Upstream,
    schedule: list[tuple[list[str], float, int | None]],
) -> None:
    async def one(texts: list[str], delay: float, abort_after: int | None) -> None:
        await asyncio.sleep(delay)
        if abort_after is None:
            for text, ours in zip(texts, await speak(engine, voice, texts), strict=True):
                assert_same(ours, tiny.speak(text))
            return
        stream = engine.submit(job(texts, voice))
        with contextlib.suppress(SynthesisFailed):
            for pieces in itertools.count():
                if pieces == abort_after:
                    stream.abort()
                if await anext(aiter(stream), None) is None:
                    return

    async def everyone() -> None:
        await asyncio.gather(*(one(*each) for each in schedule))

    asyncio.run(everyone())
    wait_until(lambda: engine.status().running_rows == 0)
