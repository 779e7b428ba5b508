"""A script is spoken while it is being written, over the real parts and a fake engine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from app.assembly.parts import make_services
from app.errors import (
    InvalidRequest,
    ModelUnavailable,
    Overloaded,
    SynthesisFailed,
    TooLarge,
    VoiceNotFound,
)
from app.speaking.door import Speech
from app.speaking.fed import FedSpeech
from app.speaking.utterance import Utterance
from app.speech import SpeechRequest
from tests.fakes import FRAME_SAMPLES, RATE_HZ, FakeEngine
from tests.serving import make_settings

PATIENCE_SECONDS = 5.0
LONG_SENTENCE = (
    "The keeper of the tower counts all the ships that pass, and writes each of them into the old "
    "book that his father has left to him many years ago."
)
"""It is a chunk of its own beside another of its length."""
PAUSE_SAMPLES = RATE_HZ // 4
"""After a sentence that another one follows"""


@asynccontextmanager
async def fed_speech(
    folder: Path, engine: FakeEngine, *, voice: str = "alba", max_chars: int = 1000, **fields: float
) -> AsyncIterator[FedSpeech]:
    settings = make_settings(folder, max_script_chars=max_chars, **fields)
    services = make_services(settings, lambda: engine)
    ready = asyncio.Event()
    services.cast.start(lambda _: ready.set())
    await asyncio.wait_for(ready.wait(), PATIENCE_SECONDS)
    request = SpeechRequest(text="", voice=voice)
    try:
        yield FedSpeech(services.speech, request)
    finally:
        engine.let_go.set()
        await services.cast.stop(0)


async def until(holds: Callable[[], bool]) -> None:
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while not holds():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.005)


def spoken(engine: FakeEngine) -> list[str]:
    """The passages in the order in which they were begun."""
    return [" ".join(chunk.text for chunk in each.job.chunks) for each in engine.streams]


async def samples(fed: FedSpeech) -> int:
    async with aclosing(fed.pcm()) as pieces:
        return sum([len(piece) async for piece in pieces])


async def test_a_script_that_is_complete(tmp_path: Path) -> None:
    """What is there from the beginning is one passage."""
    engine = FakeEngine()
    async with fed_speech(tmp_path, engine) as fed:
        fed.add("One is here. Two is ")
        fed.add("here.")
        fed.finish()
        assert await samples(fed) == 5 * FRAME_SAMPLES
    assert spoken(engine) == ["One is here. Two is here."]


async def test_the_next_passage_is_needed_when_the_one_before_has_been_played(
    tmp_path: Path,
) -> None:
    """Until then a piece of it can be spoken again."""
    engine = FakeEngine()
    async with fed_speech(tmp_path, engine) as fed:
        fed.add("One is here. ")
        begun_seconds = time.monotonic()
        async with aclosing(fed.pcm()) as pieces:
            await anext(pieces)
            fed.add("Two is here.")
            fed.finish()
            rest = [piece async for piece in pieces]
        assert rest
        first, second = (each.needed_at_seconds() - begun_seconds for each in engine.streams)
        piece_seconds = 5 * FRAME_SAMPLES / RATE_HZ
        assert first >= piece_seconds
        assert second >= first + piece_seconds - 1e-6


async def test_the_next_passage_begins_while_one_is_read(tmp_path: Path) -> None:
    """There is no gap: the next passage has begun before the last sample of one was read."""
    engine = FakeEngine()
    async with fed_speech(tmp_path, engine) as fed:
        fed.add("One is here. Two is")
        async with aclosing(fed.pcm()) as pieces:
            first = await anext(pieces)
            assert spoken(engine) == ["One is here."]
            assert engine.streams[0].running
            fed.add(" here. Three is here. Four is")
            await until(lambda: len(engine.streams) == 2)
            assert engine.streams[0].running
            fed.finish()
            rest = [piece async for piece in pieces]
    assert spoken(engine) == ["One is here.", "Two is here. Three is here.", "Four is"]
    assert sum(map(len, [first, *rest])) == 15 * FRAME_SAMPLES + 2 * PAUSE_SAMPLES
    assert not any(stream.running for stream in engine.streams)


async def test_passages_know_their_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is spoken as what it is in all that was fed, a tag that stood alone included."""
    requests: list[SpeechRequest] = []
    begin = Speech.begin

    async def recorded(speech: Speech, request: SpeechRequest) -> Utterance:
        requests.append(request)
        return await begin(speech, request)

    monkeypatch.setattr(Speech, "begin", recorded)
    parts = ["One is here. ", "[laugh]", " [sigh] Two is here."]
    async with fed_speech(tmp_path, FakeEngine()) as fed:
        fed.add(parts[0])
        fed.flush()
        async with aclosing(fed.pcm()) as pieces:
            await anext(pieces)
            fed.add(parts[1])
            fed.flush()
            await until(lambda: len(requests) == 2)
            fed.add(parts[2])
            fed.finish()
            assert [piece async for piece in pieces]
    assert [request.script_start for request in requests] == [0, 13, 13]
    for request in requests:
        assert "".join(parts).startswith(request.text, request.script_start)


async def test_passages_are_joined_without_clicks(tmp_path: Path) -> None:
    """Each passage fades out into the pause before the next one."""
    async with fed_speech(tmp_path, FakeEngine()) as fed:
        fed.add("One is here. Two is")
        async with aclosing(fed.pcm()) as pieces:
            heard = [await anext(pieces)]
            fed.finish()
            heard += [piece async for piece in pieces]
    pcm = np.concatenate(heard)
    end = 5 * FRAME_SAMPLES
    assert not pcm[end - 1 : end + PAUSE_SAMPLES].any()
    assert np.abs(np.diff(pcm[end - 200 : end + PAUSE_SAMPLES + 200])).max() < 0.05


async def test_flushing(tmp_path: Path) -> None:
    """What is flushed is spoken at once, without the rest of its sentence."""
    engine = FakeEngine()
    async with fed_speech(tmp_path, engine) as fed, aclosing(fed.pcm()) as pieces:
        reading = asyncio.ensure_future(anext(pieces))
        fed.add("One is here")
        await asyncio.sleep(0.05)
        assert engine.streams == []
        fed.flush()
        assert (await reading).size
        fed.add(", and two.")
        fed.finish()
        async for _ in pieces:
            pass
    assert spoken(engine) == ["One is here", ", and two."]


async def test_the_first_clause(tmp_path: Path) -> None:
    """The first clause of enough words is spoken at once; later ones wait for their sentence."""
    engine = FakeEngine()
    async with fed_speech(tmp_path, engine) as fed, aclosing(fed.pcm()) as pieces:
        reading = asyncio.ensure_future(anext(pieces))
        fed.add("Well, let me see, if")
        assert (await reading).size
        assert spoken(engine) == ["Well, let me see,"]
        fed.add(" that is so, we")
        await asyncio.sleep(0.05)
        assert len(engine.streams) == 1
        fed.add(" go. So it")
        await until(lambda: len(engine.streams) == 2)
        fed.finish()
        async for _ in pieces:
            pass
    assert spoken(engine) == ["Well, let me see,", "if that is so, we go.", "So it"]


async def test_a_pause_before_the_first_sound(tmp_path: Path) -> None:
    """Who pauses while nothing is spoken has the whole words spoken that are there, once."""
    engine = FakeEngine()
    async with (
        fed_speech(tmp_path, engine, first_text_wait_ms=50) as fed,
        aclosing(fed.pcm()) as pieces,
    ):
        reading = asyncio.ensure_future(anext(pieces))
        fed.add("I wou")
        await asyncio.sleep(0.15)
        assert engine.streams == []
        fed.add("ld like to infor")
        assert (await reading).size
        assert spoken(engine) == ["I would like to"]
        fed.add("m you")
        await asyncio.sleep(0.15)
        assert len(engine.streams) == 1
        fed.finish()
        async for _ in pieces:
            pass
    assert spoken(engine) == ["I would like to", "inform you"]


async def test_a_tag_waits_for_its_words(tmp_path: Path) -> None:
    """A flushed pause is heard in front of the words that come later."""
    engine = FakeEngine()
    async with fed_speech(tmp_path, engine) as fed:
        fed.add("[pause 1s]")
        fed.flush()
        reading = asyncio.ensure_future(samples(fed))
        await asyncio.sleep(0.05)
        fed.add("One.")
        fed.finish()
        assert await reading == RATE_HZ + 5 * FRAME_SAMPLES
    assert spoken(engine) == ["One."]


@pytest.mark.parametrize("text", ["", " \n", "...", "[laugh]"])
async def test_nothing_to_speak(tmp_path: Path, text: str) -> None:
    """A script without words is a short silence, once it is complete."""
    async with fed_speech(tmp_path, FakeEngine()) as fed:
        reading = asyncio.ensure_future(samples(fed))
        fed.add(text)
        fed.flush()
        await asyncio.sleep(0.02)
        assert not reading.done()
        fed.finish()
        assert await reading == RATE_HZ // 5


async def test_marks_at_the_end(tmp_path: Path) -> None:
    """Marks that come after the last words are no error."""
    engine = FakeEngine()
    async with fed_speech(tmp_path, engine) as fed:
        fed.add("One is here.")
        fed.flush()
        reading = asyncio.ensure_future(samples(fed))
        await until(lambda: len(engine.streams) == 1)
        fed.add(" \n...")
        fed.finish()
        assert await reading == 5 * FRAME_SAMPLES + PAUSE_SAMPLES


async def test_a_passage_that_fails(tmp_path: Path) -> None:
    """What came before it is heard, then the error; nothing goes on working."""
    engine = FakeEngine(hold_after=4)
    heard = 0
    async with fed_speech(tmp_path, engine) as fed:
        fed.add("One is here. Two is")
        async with aclosing(fed.pcm()) as pieces:
            heard += len(await anext(pieces))
            fed.finish()
            await until(lambda: len(engine.streams) == 2)
            engine.streams[0].hold_after = None
            while heard < 5 * FRAME_SAMPLES:
                heard += len(await anext(pieces))
            engine.fail_after = 0
            with pytest.raises(SynthesisFailed, match="the fake engine broke"):
                heard += sum([len(piece) async for piece in pieces])
    assert 5 * FRAME_SAMPLES + PAUSE_SAMPLES <= heard < 6 * FRAME_SAMPLES + PAUSE_SAMPLES
    assert not any(stream.running for stream in engine.streams)


async def test_a_passage_that_cannot_be_spoken(tmp_path: Path) -> None:
    """An error in the script is raised in its place, after what came before it."""
    engine = FakeEngine()
    async with fed_speech(tmp_path, engine) as fed:
        fed.add("One is here. Two <break/>")
        fed.finish()
        with pytest.raises(InvalidRequest, match="break"):
            await samples(fed)
    assert engine.streams == []


@pytest.mark.parametrize("pieces_read", [1, 3])
async def test_leaving_early(tmp_path: Path, pieces_read: int) -> None:
    """Who stops reading stops the passage that is read and the one that has begun."""
    engine = FakeEngine(hold_after=3)
    async with fed_speech(tmp_path, engine) as fed:
        fed.add("One is here. Two is")
        async with aclosing(fed.pcm()) as pieces:
            for _ in range(pieces_read):
                await anext(pieces)
            fed.add(" here. Three is")
            await until(lambda: len(engine.streams) == 2)
        assert all(stream.aborted.is_set() for stream in engine.streams)
        assert not any(stream.running for stream in engine.streams)
        fed.add(" is not heard any more. Four is")
        fed.finish()
        await asyncio.sleep(0.05)
        assert len(engine.streams) == 2


async def test_leaving_before_the_first_audio(tmp_path: Path) -> None:
    """A reader that is cancelled while it waits leaves nothing behind."""
    engine = FakeEngine(hold_after=0)
    async with fed_speech(tmp_path, engine) as fed:
        fed.add("One is here. Two is")
        reading = asyncio.create_task(samples(fed))
        await until(lambda: len(engine.streams) == 1)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert engine.streams[0].aborted.is_set()


async def test_leaving_while_no_text_comes(tmp_path: Path) -> None:
    """A reader that waits for text can be cancelled."""
    engine = FakeEngine()
    async with fed_speech(tmp_path, engine) as fed:
        reading = asyncio.create_task(samples(fed))
        await asyncio.sleep(0.02)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
    assert engine.streams == []


async def test_text_after_the_end(tmp_path: Path) -> None:
    """Text after `finish` is refused, and what came before it is spoken."""
    async with fed_speech(tmp_path, FakeEngine()) as fed:
        fed.add("One.")
        fed.finish()
        with pytest.raises(InvalidRequest, match="complete"):
            fed.add("Two.")
        assert await samples(fed) == 5 * FRAME_SAMPLES


async def test_too_much_text(tmp_path: Path) -> None:
    """The limit is one for the whole script."""
    async with fed_speech(tmp_path, FakeEngine(), max_chars=20) as fed:
        fed.add("One is here.")
        with pytest.raises(TooLarge):
            fed.add("Two is here.")


async def test_unknown_voice(tmp_path: Path) -> None:
    """The voice is refused when there is something to speak."""
    async with fed_speech(tmp_path, FakeEngine(), voice="nobody") as fed:
        fed.add("One is here. Two is")
        with pytest.raises(VoiceNotFound):
            await samples(fed)


async def test_overload(tmp_path: Path) -> None:
    """A passage that the engine has no room for ends the speech."""
    async with fed_speech(tmp_path, FakeEngine(overloaded=True)) as fed:
        fed.add("One.")
        fed.finish()
        with pytest.raises(Overloaded):
            await samples(fed)


async def test_all_passages_together_last_no_longer_than_one_request(tmp_path: Path) -> None:
    """Speech has a bound, in however many passages it is fed."""
    engine = FakeEngine(frames_per_chunk=10)
    async with fed_speech(tmp_path, engine, max_speech_seconds=2) as fed:
        reading = asyncio.create_task(samples(fed))
        for number in range(20):
            fed.add("One is here. ")
            fed.flush()
            await until(lambda number=number: len(engine.streams) > number or reading.done())  # type: ignore[misc]
        with pytest.raises(TooLarge, match="would sound for more than the 2 seconds"):
            await reading
    assert 2 <= len(engine.streams) <= 8


async def test_the_server_stops_in_a_passage(tmp_path: Path) -> None:
    """What is read ends with its chunk, and the passage that has begun behind it is dropped."""
    engine = FakeEngine()
    async with fed_speech(tmp_path, engine) as fed:
        fed.add(f"{LONG_SENTENCE} {LONG_SENTENCE} {LONG_SENTENCE}")
        fed.flush()
        async with aclosing(fed.pcm()) as pieces:
            heard = [await anext(pieces)]
            fed.add(" And more.")
            fed.finish()
            await until(lambda: len(engine.streams) == 2)
            fed._speech.lifetime.begin_stop()
            heard += [piece async for piece in pieces]
        with pytest.raises(ModelUnavailable, match="shutting down"):
            fed.require_spoken()
    assert sum(map(len, heard)) == 5 * FRAME_SAMPLES + PAUSE_SAMPLES
    assert not any(stream.running for stream in engine.streams)


async def test_the_server_stops_in_the_last_chunk(tmp_path: Path) -> None:
    """All has been heard, so that nobody is told that something is missing."""
    async with fed_speech(tmp_path, FakeEngine()) as fed:
        fed.add("One is here.")
        fed.finish()
        async with aclosing(fed.pcm()) as pieces:
            heard = [await anext(pieces)]
            fed._speech.lifetime.begin_stop()
            heard += [piece async for piece in pieces]
        fed.require_spoken()
    assert sum(map(len, heard)) == 5 * FRAME_SAMPLES
