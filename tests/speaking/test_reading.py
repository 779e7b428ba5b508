"""A script is spoken before it is read to its end, and refused before it is spoken."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.assembly.parts import make_services
from app.assembly.running import running
from app.bounds import CHUNKS_AHEAD
from app.errors import SpeechError, SynthesisFailed, TooLarge
from app.services import Services
from app.speaking.plan import Batch, ScriptReader, ScriptRules
from app.speech import Prosody, SpeechRequest, TokenCounter
from app.text.stretches import MOST_CHARS
from benchmarks.scripts import script_of
from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.serving import error_of, make_settings

LONG = script_of(20_000)[:20_000]
SOON_SECONDS = 0.1


def rules(**changes: object) -> ScriptRules:
    usual = {
        "voice_called": lambda _: None,
        "language": "en",
        "letters": frozenset,
        "languages": ("en",),
        "normalise": True,
        "prosody": Prosody(),
        "pause_scale": 1.0,
        "max_chars": 218,
        "max_tokens": 300,
        "token_counter": lambda _: len,
        "max_script_chars": 1_000_000,
        "max_speech_seconds": 3600.0,
    }
    return ScriptRules(**(usual | changes))  # type: ignore[arg-type]


def batches(text: str, **changes: object) -> Iterator[Batch]:
    return (step for step in ScriptReader(text, rules(**changes)).steps() if step is not None)


def test_words_are_all_there() -> None:
    """Read stretch by stretch, a script has the words that it has when it is read as a whole."""
    said = " ".join(piece.text for batch in batches(LONG) for piece in batch.pieces)
    assert said.split() == LONG.split()


def test_the_first_pieces_come_before_the_rest_is_cut() -> None:
    """The tokenizer, which may be slow, has seen one stretch by then."""
    seen: list[str] = []

    def counter_of(text: str) -> TokenCounter:
        seen.append(text)
        return len

    reading = batches(LONG, token_counter=counter_of)
    first = next(reading)
    assert first.pieces
    assert not first.last
    assert len("".join(seen)) <= MOST_CHARS
    assert [batch.last for batch in reading][-1]
    assert "".join(seen).split() == LONG.split()


@given(st.text(st.sampled_from("aé½1. \n*<>[]&;:,-“😀中"), max_size=6000))
@hypothesis_settings(max_examples=40, deadline=None)
def test_what_was_begun_is_read_to_its_end(text: str) -> None:
    """Whatever can be wrong with a script is known before its first piece."""
    reading = batches(text)
    try:
        next(reading)
    except SpeechError:
        return
    for batch in reading:
        assert batch.pieces


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("½" * 40_000, {}),
        ("W " * 25_000, {}),
        (LONG, {"max_speech_seconds": 300.0}),
        ("Hi. [pause 10s]" * 31, {"max_speech_seconds": 300.0}),
        ("A.\n\n" * 2000, {"pause_scale": 10.0}),
        (script_of(4000), {"prosody": Prosody(speed=0.25), "max_speech_seconds": 300.0}),
    ],
)
def test_speech_that_lasts_too_long(text: str, changes: dict[str, object]) -> None:
    """Its length is estimated with its pauses and its pace, and refused before it is spoken."""
    with pytest.raises(TooLarge, match="would sound for more than the"):
        next(batches(text, **changes))


class CountingEngine(FakeEngine):
    """Notes how much text its tokenizer has been shown, and may hold it up."""

    def __init__(self) -> None:
        super().__init__(frames_per_chunk=1)
        self.seen_chars = 0
        self.may_count = threading.Event()
        self.may_count.set()

    def token_counter(self, text: str) -> TokenCounter:
        assert self.may_count.wait(10)
        self.seen_chars += len(text)
        return len


@asynccontextmanager
async def serving(folder: Path, engine: FakeEngine, **fields: object) -> AsyncIterator[Services]:
    services = make_services(make_settings(folder, **fields), lambda: engine)
    async with running(services, look_ahead=False):
        while not services.cast.default.supervisor.is_ready:  # noqa: ASYNC110 - a thread loads it
            await asyncio.sleep(0.001)
        yield services


async def test_it_is_spoken_while_it_is_read(tmp_path: Path) -> None:
    """Reading stays a little ahead of the listener, and all of the script is heard."""
    engine = CountingEngine()
    async with serving(tmp_path, engine) as services:
        utterance = await services.speech.begin(SpeechRequest(LONG, "alba"))
        async with aclosing(utterance.pcm()) as pcm:
            await anext(pcm)
            await asyncio.sleep(0.2)
            assert engine.seen_chars < LONG.__len__() / 2 + CHUNKS_AHEAD * 218
            async for _ in pcm:
                pass
        (stream,) = engine.streams
        said = " ".join(chunk.text for chunk in stream.job.chunks)
        assert said.split() == LONG.split()
        assert await utterance.count_script_tokens() == len(LONG.split())
        utterance.close()


async def test_short_texts_pass_long_ones(tmp_path: Path) -> None:
    """While many long scripts are read, a short one is read soon."""
    engine = CountingEngine()
    async with serving(tmp_path, engine) as services:
        begun = [
            asyncio.create_task(services.speech.begin(SpeechRequest("½" * 5000, "alba")))
            for _ in range(12)
        ]
        await asyncio.sleep(0.01)
        started_seconds = time.monotonic()
        short = await services.speech.begin(SpeechRequest("Hello.", "alba"))
        took_seconds = time.monotonic() - started_seconds
        assert not any(each.done() for each in begun)
        for utterance in [short, *await asyncio.gather(*begun)]:
            utterance.close()
        assert took_seconds < (time.monotonic() - started_seconds) / 2


async def test_reading_ends_when_nobody_waits(tmp_path: Path) -> None:
    """A client that leaves before the first sound takes the reading of its script with it."""
    engine = CountingEngine()
    async with serving(tmp_path, engine) as services:
        leaving = asyncio.create_task(services.speech.begin(SpeechRequest("½" * 5000, "alba")))
        await asyncio.sleep(0.03)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        left_seconds = time.monotonic()
        # All threads of the pool are free again once each has done something.
        await asyncio.gather(*(services.pools.reading.run(lambda: None) for _ in range(4)))
        assert time.monotonic() - left_seconds < 0.5
        assert engine.streams == []


async def test_speech_is_broken_off_far_beyond_its_bound(tmp_path: Path) -> None:
    """A model that goes on for much longer than was estimated is stopped."""
    engine = FakeEngine(frames_per_chunk=100)
    async with serving(tmp_path, engine, max_speech_seconds=2) as services:
        utterance = await services.speech.begin(SpeechRequest("Hello there.", "alba"))
        with pytest.raises(SynthesisFailed, match="longer than is allowed"):
            _ = [piece async for piece in utterance.pcm()]
        assert 4 <= utterance.spoken_seconds < 5
        utterance.close()


def test_what_there_is_no_room_for_is_not_read(fake_app: ServeFake) -> None:
    """A full queue refuses at once, as reading takes longer than many refusals."""
    engine = FakeEngine(overloaded=True)
    engine.token_counter = pytest.fail  # type: ignore[method-assign, assignment]
    served = fake_app(engine)
    assert error_of(served.client.post("/tts", json={"script": LONG}), 429)["type"] == "overloaded"
