"""Engines over tiny models, shared by the tests that leave them as they found them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.engine.engine import BatchedEngine
from app.engine.resting import RestingModel
from app.engine.runner import Runner
from app.engine.static.runner import StaticRunner
from app.engine.voice_state import KvPrefix
from app.speech_engine import EngineOptions
from tests.engine.speaking import EOS_BIAS, Upstream, voice_clip
from tests.tiny_model import write_tiny_model

MakeEngine = Callable[..., BatchedEngine]
RunnerType = type[Runner] | type[StaticRunner]

RUNNERS = (Runner, pytest.param(StaticRunner, marks=pytest.mark.long))
"""What can compute; modules of tests that try all of it say so. On a GPU only the last does."""


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Upstream:
    return Upstream(write_tiny_model(tmp_path_factory.mktemp("tiny"), eos_bias=EOS_BIAS))


@pytest.fixture
def runner() -> RunnerType:
    return Runner


@pytest.fixture
def make_engine(tiny: Upstream, runner: RunnerType) -> Iterator[MakeEngine]:
    """Builds started engines and stops them at the end of the test."""
    made: list[BatchedEngine] = []

    def make(
        model: Any = None,
        *,
        start: bool = True,
        voices_of: str | None = None,
        cloning_refused: str | None = None,
        **options: Any,
    ) -> BatchedEngine:
        described: dict[str, Any] = {"language": "english", "config": None, "models_dir": Path()}
        described |= {"precision": "float32", **options}
        engine = BatchedEngine(
            RestingModel(tiny.model if model is None else model, None),
            EngineOptions(**described),
            voices_of=voices_of,
            cloning_refused=cloning_refused,
            runner=runner,
        )
        made.append(engine)
        if start:
            engine.start()
        return engine

    yield make
    for engine in made:
        engine.close()


@pytest.fixture
def engine(make_engine: MakeEngine) -> BatchedEngine:
    return make_engine(worker_threads=2, max_running_rows=4)


@pytest.fixture
def voice(engine: BatchedEngine) -> KvPrefix:
    return engine.encode_voice(voice_clip(engine.sample_rate_hz))
