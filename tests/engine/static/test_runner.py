"""Rows in slots get what rows of any lengths get, whoever else is in the batch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pocket_tts import TTSModel
from torch import Tensor

from app.engine.alignment.words import Reading
from app.engine.flow_lm import CacheShape
from app.engine.precision import Precision
from app.engine.prompt import Prompt
from app.engine.runner import Row, Runner
from app.engine.sequence import RowSampling
from app.engine.static.flow_lm import SHORTEST_SPAN, TOKENS_PER_PASS
from app.engine.static.runner import StaticRunner
from app.engine.voice_state import KvPrefix
from app.speech import Pcm
from tests.engine.speaking import TEXTS
from tests.engine.static.devices import DEVICES, TOLERANCE
from tests.engine.static.replaying import rehearsing
from tests.tiny_model import FLOW_HEADS, write_tiny_model

FLOAT32 = Precision("float32", "float32")
BFLOAT16 = Precision("bfloat16", "bfloat16")
CPU = torch.device("cpu")
MAX_ROWS = 5
ROOM = 600
# The second is so long that its rows need the next larger span after a few latents.
VOICE_POSITIONS = (20, SHORTEST_SPAN - 12)
STILL = RowSampling(0.0, 1, 0.0, None, None, None)
SAMPLINGS = (
    STILL,
    RowSampling(0.8, 1, 0.0, None, None, seed=5),
    RowSampling(0.5, 3, 0.0, 0.7, None, seed=6),
)

pytestmark = pytest.mark.long


def tiny(folder: Path, head: str = "lsd") -> TTSModel:
    return TTSModel.load_model(config=write_tiny_model(folder, head))


def voices(model: TTSModel) -> list[KvPrefix]:
    generator = torch.Generator().manual_seed(3)
    shape = CacheShape.of_model(model.flow_lm, torch.float32)
    return [
        KvPrefix(0.5 * torch.randn(shape.of(positions), generator=generator))
        for positions in VOICE_POSITIONS
    ]


def static(model: TTSModel, device: str, precision: Precision = FLOAT32) -> StaticRunner:
    on = CPU if device == "replayed" else torch.device(device)
    with pytest.MonkeyPatch.context() as patch:
        if device == "replayed":
            patch.setattr("app.engine.static.runner.device_for", rehearsing)
        return StaticRunner(model.to(on), precision, on, max_rows=MAX_ROWS, room=ROOM)


class Both:
    """A runner of either kind with the same model, and pairs of rows that do the same."""

    def __init__(self, folder: Path, device: str, head: str = "lsd") -> None:
        self.tolerance = TOLERANCE[device]
        model = tiny(folder, head)
        self.voices = voices(model)
        self.theirs = Runner(model, FLOAT32, CPU, max_rows=MAX_ROWS)
        self.ours = static(tiny(folder, head), device)
        self.ours.warm_up()

    def open(self, voice: int, text: int, sampling: int, index: int = 0) -> tuple[Row, Row]:
        prompt = self.theirs.prompt(TEXTS[text])
        assert prompt is not None
        asked = prompt, SAMPLINGS[sampling], index
        voiced = self.voices[voice]
        return self.theirs.open(voiced, *asked), self.ours.open(voiced, *asked)

    def close(self, pair: tuple[Row, Row]) -> None:
        self.theirs.close(pair[0])
        self.ours.close(pair[1])

    def sample(self, pairs: Sequence[tuple[Row, Row]]) -> None:
        """Sample a latent for each, and hold them against each other."""
        theirs = self.theirs.sample([pair[0] for pair in pairs])
        assert self.ours.sample([pair[1] for pair in pairs]) == theirs
        for pair in pairs:
            self.assert_close(pair[1].latent.cpu(), pair[0].latent)
            for row in pair:
                row.keep()

    def decode(self, pairs: Sequence[tuple[Row, Row]], frames: int) -> None:
        """Decode the next frames of each, and hold them against each other."""
        theirs = heard(self.theirs.decode([pair[0] for pair in pairs], frames))
        ours = heard(self.ours.decode([pair[1] for pair in pairs], frames))
        for one, two in zip(ours, theirs, strict=True):
            self.assert_close(torch.from_numpy(one), torch.from_numpy(two))

    def assert_close(self, ours: Tensor, theirs: Tensor) -> None:
        torch.testing.assert_close(ours, theirs, rtol=0, atol=self.tolerance)


def heard(outcomes: Sequence[Pcm | Exception]) -> list[Pcm]:
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
    return [outcome for outcome in outcomes if not isinstance(outcome, Exception)]


@pytest.fixture(scope="module", params=DEVICES)
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Both:
    return Both(tmp_path_factory.mktemp("tiny"), request.param)


# Who comes or leaves, who samples, and how many frames who has them decodes.
JOIN = st.tuples(st.integers(0, 1), st.integers(0, len(TEXTS) - 1), st.integers(0, 2))
TURN = st.tuples(st.lists(JOIN, max_size=2), st.sets(st.integers(0, 4)), st.integers(0, 4))


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(schedule=st.lists(TURN, min_size=3, max_size=16))
def test_any_company(
    both: Both, schedule: list[tuple[list[tuple[int, int, int]], set[int], int]]
) -> None:
    """Voices, ages, seeds and decode steps are each row's own, in batches of any size."""
    pairs: list[tuple[Row, Row]] = []
    try:
        for joins, absent, frames in schedule:
            for join in joins:
                if len(pairs) == MAX_ROWS:
                    both.close(pairs.pop(0))
                pairs.append(both.open(*join, index=len(pairs)))
            present = [pair for place, pair in enumerate(pairs) if place not in absent]
            if present:
                both.sample(present)
            full = [pair for pair in pairs if frames and len(pair[0].pending) >= frames]
            if full:
                both.decode(full, frames)
    finally:
        for pair in pairs:
            both.close(pair)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("head", FLOW_HEADS)
def test_every_flow_head(tmp_path: Path, head: str, device: str) -> None:
    """Each kind of head samples the same latents from the same noise."""
    both = Both(tmp_path, device, head)
    pairs = [both.open(voice, 1, sampling) for voice in (0, 1) for sampling in (1, 2)]
    for _ in range(6):
        both.sample(pairs)
    both.decode(pairs, 3)
    both.decode(pairs, 2)


def test_a_long_text_is_read_in_pieces(both: Both) -> None:
    """One that has more tokens than any pass reads is read by several."""
    tokens = torch.arange(2 * TOKENS_PER_PASS[-1] + 5) % 100
    prompt = Prompt(tokens, Reading("", "", ()), max_frames=4, frames_after_eos=0)
    asked = both.voices[0], prompt, STILL, 0
    pair = both.theirs.open(*asked), both.ours.open(*asked)
    for _ in range(3):
        both.sample([pair])
    both.close(pair)


def test_a_slot_has_nothing_left_of_who_had_it(both: Both) -> None:
    """Not even numbers that are none, which a mask alone would not keep out."""
    poisoned = KvPrefix(torch.full_like(both.voices[1].cache, float("nan")))
    prompt = both.ours.prompt(TEXTS[0])
    assert prompt is not None
    broken = [both.ours.open(poisoned, prompt, STILL, 0) for _ in range(MAX_ROWS)]
    assert all(isinstance(each, FloatingPointError) for each in both.ours.sample(broken))
    for row in broken:
        both.ours.close(row)
    pairs = [both.open(0, text, 1) for text in range(MAX_ROWS)]
    for _ in range(4):
        both.sample(pairs)
    both.decode(pairs, 4)
    for pair in pairs:
        both.close(pair)


def test_a_broken_row_leaves_its_company_alone(both: Both) -> None:
    """Its verdict is no number; the others' are what they are without it."""
    prompt = both.ours.prompt(TEXTS[0])
    assert prompt is not None
    broken = both.ours.open(
        KvPrefix(torch.full_like(both.voices[0].cache, float("nan"))), prompt, STILL, 0
    )
    pair = both.open(0, 1, 0)
    (theirs,) = both.theirs.sample([pair[0]])
    failure, ours = both.ours.sample([broken, pair[1]])
    assert isinstance(failure, FloatingPointError)
    assert ours == theirs
    both.assert_close(pair[1].latent.cpu(), pair[0].latent)
    both.ours.close(broken)
    both.close(pair)


def test_voice_and_text_beyond_the_room_are_refused(both: Both) -> None:
    """A row never gets into another's place; and no slot is lost to who was refused."""
    tokens = torch.zeros(10, dtype=torch.long)
    for _ in range(MAX_ROWS + 1):
        prompt = Prompt(tokens, Reading("", "", ()), max_frames=ROOM - 30, frames_after_eos=0)
        with pytest.raises(RuntimeError, match=f"room for {ROOM} positions of {ROOM}"):
            both.ours.open(both.voices[0], prompt, STILL, 0)
    both.close(both.open(0, 0, 0))


def test_one_wait_for_each_batch(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many rows and frames it has, whether or not some of them have yet to read."""
    runs = both.ours._runs
    waits: list[object] = []
    wait_for = runs.wait_for

    def counted(mark: object) -> None:
        waits.append(mark)
        wait_for(mark)

    monkeypatch.setattr(runs, "wait_for", counted)
    pairs = [both.open(voice, 1, sampling) for voice in (0, 1) for sampling in (0, 2)]
    for batch in (pairs[:2], pairs, pairs):
        both.sample(batch)
    assert len(waits) == 3
    both.decode(pairs, 2)
    assert len(waits) == 4
    for pair in pairs:
        both.close(pair)


def test_passes_depend_on_no_number(tmp_path: Path) -> None:
    """They run where there are shapes only: a GPU's graph could not ask for a number either."""
    runner = static(tiny(tmp_path), "meta")
    with torch.inference_mode():
        runner._flow_lm.prepare(decode_steps=2)
        runner._codec.prepare()


@pytest.mark.parametrize("device", DEVICES)
def test_bfloat16_stays_close(tmp_path: Path, device: str) -> None:
    """Its first frames, before errors feed on themselves, are those of float32 with some noise."""
    model = tiny(tmp_path)
    prompt = Runner(model, FLOAT32, CPU, max_rows=1).prompt(TEXTS[1])
    assert prompt is not None
    spoken: list[Pcm] = []
    for runner in (
        Runner(model, FLOAT32, CPU, max_rows=1),
        static(tiny(tmp_path), device, BFLOAT16),
    ):
        row = runner.open(voices(model)[0], prompt, SAMPLINGS[1], 0)
        for _ in range(4):
            runner.sample([row])
            row.keep()
        spoken.append(heard(runner.decode([row], 4))[0])
    noise = spoken[1] - spoken[0]
    snr_db = 10 * np.log10(np.square(spoken[0]).sum() / np.square(noise).sum())
    assert snr_db > 30
