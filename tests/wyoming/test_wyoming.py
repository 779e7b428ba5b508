"""Home Assistant's way to speak, with the client of the wyoming package over a real server."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from wyoming.audio import AudioChunk
from wyoming.client import AsyncTcpClient
from wyoming.event import Event
from wyoming.info import Describe, Info
from wyoming.ping import Ping, Pong
from wyoming.tts import (
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    SynthesizeVoice,
)

from app.settings import SettingsError
from app.speech_engine import SpeechEngine
from app.wyoming.server import listen, listeners_of
from tests.audio.probe import voice_like
from tests.conftest import write_wav
from tests.fakes import FakeEngine, FakeVoice
from tests.serving import LogRecords, make_settings
from tests.wyoming.home import (
    PATIENCE_SECONDS,
    PAUSE_SAMPLES,
    SENTENCE_SAMPLES,
    WHOLE,
    Heard,
    describe,
    fake_home,
    hear,
    home,
    spoken,
)


async def test_describe(tmp_path: Path) -> None:
    """The answer has everything that Home Assistant needs to offer the voices."""
    (tmp_path / "voices").mkdir()
    write_wav(tmp_path / "voices" / "bruno.wav", voice_like(1.2))
    (tmp_path / "voices" / "bruno.json").write_text('{"title": "Bruno of the hills"}')
    with fake_home(tmp_path) as made:
        (program,) = (await describe(made)).tts
    assert program.installed
    assert program.name == "Pocket Speech"
    assert program.supports_synthesize_streaming
    assert {voice.name for voice in program.voices} == {"alba", "marius", "bruno"}
    assert all(voice.installed and voice.languages == ["en"] for voice in program.voices)
    assert {voice.description for voice in program.voices} >= {"alba", "Bruno of the hills"}


async def test_describe_while_the_model_loads(tmp_path: Path) -> None:
    """The answer comes within a second, with the voice that is known; later with all of them."""
    loaded = threading.Event()

    def build() -> SpeechEngine:
        loaded.wait(PATIENCE_SECONDS)
        return FakeEngine()

    with home(tmp_path, build, wait=False) as made:
        try:
            started = time.monotonic()
            (program,) = (await describe(made)).tts
            assert time.monotonic() - started < 1.0
            assert [voice.name for voice in program.voices] == ["alba"]
            heard = await made.say(Synthesize("Hello.").event())
            assert heard.error is not None
            assert heard.error.code == "model_unavailable"
        finally:
            loaded.set()
        made.served.wait_until(lambda health: health["model"]["state"] == "ready")
        (program,) = (await describe(made)).tts
        assert [voice.name for voice in program.voices] == ["alba", "marius"]


async def test_the_model_becomes_ready_while_one_waits(tmp_path: Path) -> None:
    """A question that comes just before the model is ready is answered with all voices."""
    loaded = threading.Event()

    def build() -> SpeechEngine:
        loaded.wait(PATIENCE_SECONDS)
        return FakeEngine()

    with home(tmp_path, build, wait=False) as made:
        asking = asyncio.create_task(describe(made))
        await asyncio.sleep(0.2)
        loaded.set()
        (program,) = (await asking).tts
        assert [voice.name for voice in program.voices] == ["alba", "marius"]


async def test_synthesize(tmp_path: Path) -> None:
    """A text becomes one stretch of speech, in the voice that is asked for."""
    engine = FakeEngine()
    with fake_home(tmp_path, engine) as made:
        heard = await made.say(Synthesize("One is 1. Two is 2.").event())
        assert heard.types == WHOLE
        assert heard.samples == SENTENCE_SAMPLES
        voice = SynthesizeVoice(name="marius", speaker="nobody")
        assert (await made.say(Synthesize("Hello.", voice=voice).event())).types == WHOLE
        voice = SynthesizeVoice(language="en_GB")
        assert (await made.say(Synthesize("Hello.", voice=voice).event())).types == WHOLE
    assert spoken(engine)[0] == "One is one. Two is two."
    assert [stream.voice for stream in engine.streams] == [
        FakeVoice("alba"),
        FakeVoice("marius"),
        FakeVoice("alba"),
    ]


async def test_a_long_pause_comes_in_small_chunks(tmp_path: Path) -> None:
    """No event is large, and no sample is lost."""
    with fake_home(tmp_path) as made:
        heard = await made.say(Synthesize("One. [pause 3s] Two.").event())
    assert heard.samples == 2 * SENTENCE_SAMPLES + 3 * 24000


async def test_streaming(tmp_path: Path) -> None:
    """The first sentence is heard while the rest is still being written."""
    engine = FakeEngine()
    with fake_home(tmp_path, engine) as made:
        async with made.client() as client:
            voice = SynthesizeVoice(name="marius")
            await client.write_event(SynthesizeStart(voice=voice).event())
            for chunk in ("One is h", "ere. Tw", "o is"):
                await client.write_event(SynthesizeChunk(chunk).event())
            first = [await client.read_event(), await client.read_event()]
            assert [event and event.type for event in first] == ["audio-start", "audio-chunk"]
            assert first[1] is not None
            assert spoken(engine) == ["One is here."]
            await client.write_event(SynthesizeChunk(" here.").event())
            # As Home Assistant does, for servers that do not stream.
            text = "One is here. Two is here."
            await client.write_event(Synthesize(text, voice=voice).event())
            await client.write_event(SynthesizeStop().event())
            heard = Heard(["audio-start", "audio-chunk"], AudioChunk.from_event(first[1]).audio)
            rest = await hear(client, streamed=True, before=heard)
    assert rest.types == [*WHOLE, "synthesize-stopped"]
    assert rest.samples == 2 * SENTENCE_SAMPLES + PAUSE_SAMPLES
    assert spoken(engine) == ["One is here.", "Two is here."]
    assert all(stream.voice == FakeVoice("marius") for stream in engine.streams)


async def test_several_texts_on_one_connection(tmp_path: Path) -> None:
    """They are spoken in order, whole texts and streams alike, however early they come."""
    engine = FakeEngine(frame_seconds=0.002)
    with fake_home(tmp_path, engine) as made:
        async with made.client() as client:
            for number in range(12):
                await client.write_event(Synthesize(f"Text {number}.").event())
            for event in (SynthesizeStart(), SynthesizeChunk("Stream."), SynthesizeStop()):
                await client.write_event(event.event())
            for _ in range(12):
                assert (await hear(client)).samples == SENTENCE_SAMPLES
            assert (await hear(client, streamed=True)).types == [*WHOLE, "synthesize-stopped"]
            await client.write_event(Synthesize("The last.").event())
            assert (await hear(client)).types == WHOLE
    assert len(engine.streams) == 14
    assert spoken(engine)[-2:] == ["Stream.", "The last."]


async def test_two_clients_at_once(tmp_path: Path) -> None:
    """Neither waits for the other, and `describe` waits for nobody."""
    engine = FakeEngine(hold_after=3)
    with fake_home(tmp_path, engine) as made:
        first = asyncio.create_task(made.say(Synthesize("One.").event()))
        second = asyncio.create_task(made.say(Synthesize("Two.").event()))
        await engine.begun(2)
        assert (await describe(made)).tts
        engine.let_go.set()
        for heard in await asyncio.gather(first, second):
            assert (heard.types, heard.samples) == (WHOLE, SENTENCE_SAMPLES)
    assert sorted(spoken(engine)) == ["One.", "Two."]


async def test_questions_during_speech(tmp_path: Path) -> None:
    """`describe` and `ping` are answered on a connection that speaks; strange events are not."""
    engine = FakeEngine(hold_after=2)
    with fake_home(tmp_path, engine) as made:
        async with made.client() as client:
            await client.write_event(Synthesize("Hello.").event())
            await client.write_event(Event("transcribe", {"name": "x"}, b"payload" * 1000))
            await client.write_event(Describe().event())
            await client.write_event(Ping(text="you?").event())
            answers: list[Event] = []
            while len(answers) < 2:
                event = await client.read_event()
                assert event is not None
                answers += [event] if event.type in ("info", "pong") else []
            assert Info.from_event(answers[0]).tts
            assert Pong.from_event(answers[1]).text == "you?"
            engine.let_go.set()
            assert (await hear_on_audio(client)) == "audio-stop"


async def hear_on_audio(client: AsyncTcpClient) -> str | None:
    while (event := await client.read_event()) is not None:
        if event.type not in ("audio-start", "audio-chunk"):
            return event.type
    return None


def test_stopping(tmp_path: Path) -> None:
    """A server with silent and speaking clients stops in time, and ends what it has begun."""
    engine = FakeEngine(frame_seconds=0.05)
    with fake_home(tmp_path, engine) as made:
        address = ("127.0.0.1", made.port)
        silent, speaking = socket.create_connection(address), socket.create_connection(address)
        speaking.sendall(b'{"type": "synthesize", "data": {"text": "Hello."}}\n')
        assert speaking.recv(10)
        started = time.monotonic()
    assert time.monotonic() - started < 3
    received = b""
    while piece := speaking.recv(1 << 16):
        received += piece
    assert b'"audio-stop"' in received
    assert silent.recv(1) == b""
    speaking.close()
    silent.close()


@pytest.mark.parametrize(
    ("setting", "field", "tags_count"),
    [("on", None, True), ("on", "off", False), ("off", None, False), ("off", "on", True)],
)
async def test_markup(tmp_path: Path, setting: str, field: str | None, tags_count: bool) -> None:
    """An event says whether tags count, or else the setting, of texts whole and in parts."""
    engine, text = FakeEngine(), "So it is. [pause 1s] Yes."
    said = {} if field is None else {"markup": field}
    with fake_home(tmp_path, engine, wyoming_markup=setting) as made:
        await made.say(Event("synthesize", {"text": text, **said}))
        await made.say(
            Event("synthesize-start", said),
            SynthesizeChunk(text).event(),
            SynthesizeStop().event(),
        )
    whole, parts = (" ".join(spoken(engine)[:1]), " ".join(spoken(engine)[1:]))
    for each in (whole, parts):
        assert ("pause" not in each) is tags_count
        assert each.startswith("So it is.")


async def test_markup_that_is_neither(tmp_path: Path) -> None:
    """The error says what is allowed."""
    with fake_home(tmp_path) as made:
        heard = await made.say(Event("synthesize", {"text": "Hi.", "markup": "maybe"}))
    assert heard.error is not None
    assert "markup: input should be 'on' or 'off'" in heard.error.text


def test_nothing_is_held_back() -> None:
    """What the server sends goes out at once, not when the client has acknowledged the last."""
    (listener,) = listen("127.0.0.1", 0)
    listener.listen()
    with listener, socket.create_connection(listener.getsockname()):
        connection, _ = listener.accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    """It stops the start with one line, before anything has begun."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = make_settings(tmp_path, wyoming_port=taken.getsockname()[1])
        with pytest.raises(SettingsError, match=r"^WYOMING_PORT: .*127\.0\.0\.1 .*in use$"):
            listeners_of(settings)
    settings = make_settings(tmp_path, wyoming_port=0, wyoming_host="no.such.host.invalid")
    with pytest.raises(SettingsError, match=r"WYOMING_PORT: cannot listen on no\.such\.host"):
        listeners_of(settings)


def test_compatibility(tmp_path: Path) -> None:
    """It is listed where it is served, by its events."""
    with fake_home(tmp_path) as made:
        listed = made.served.client.get("/compatibility").json()["dialects"][-1]
    assert (listed["name"], listed["port"]) == ("wyoming", made.port)
    fields = {call["call"]: [row["field"] for row in call["fields"]] for call in listed["calls"]}
    assert fields["synthesize-chunk"] == ["text"]
    assert set(fields["synthesize"]) == {
        *("text", "voice", "code", "formulas", "markup", "pronunciations", "text_format"),
        "context",
    }


async def test_the_real_model(tmp_path: Path, tiny_model: Path) -> None:
    """The tiny model streams speech that is heard, without a click between the sentences."""
    (tmp_path / "voices").mkdir()
    write_wav(tmp_path / "voices" / "alba.wav", voice_like(1.5))
    with home(tmp_path, None, MODEL_CONFIG=str(tiny_model), max_ref_duration=3) as made:
        heard = await made.say(
            SynthesizeStart().event(),
            *(SynthesizeChunk(f"{word} is here. ").event() for word in ("One", "Two")),
            SynthesizeStop().event(),
        )
    assert heard.types == [*WHOLE, "synthesize-stopped"]
    pcm = np.frombuffer(heard.pcm, "<i2").astype(np.float32) / 32768
    assert len(pcm) > 24000 // 2
    assert np.sqrt(np.mean(pcm**2)) > 0.01


async def test_line_in_the_log(tmp_path: Path, log_records: LogRecords) -> None:
    """Each text that is spoken is one line with who was heard and how much, not with the text."""
    with fake_home(tmp_path, FakeEngine()) as made:
        await made.say(Synthesize("Good morning.").event())
        said = "WYOMING synthesize spoken in "
        record = log_records.wait_for(lambda each: each.getMessage().startswith(said))
    fields = record.__dict__["fields"]
    assert fields.pop("first_byte_seconds") > 0
    assert fields == {
        "caller": "wyoming",
        "dialect": "wyoming",
        "voice": "alba",
        "characters": len("Good morning."),
        "audio_seconds": 0.4,
        "bytes_out": 5 * 1920 * 2,
    }
