"""ElevenLabs' sockets of dialogues, frame by frame."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

import pytest
from elevenlabs.types.text_to_dialogue_websocket_client_message_multi import (
    TextToDialogueWebsocketClientMessageMulti as Message,
)
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from app.api.elevenlabs.formats import audio_format_of
from app.audio.sounding import Sounding, rest_seconds
from app.speech import SPEECH_RATE_HZ
from tests.api.elevenlabs.test_dialogue import spoken
from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.serving import KEY, Served

PATIENCE_SECONDS = 30.0


@contextlib.contextmanager
def opened(served: Served, kind: str, query: str = "") -> Iterator[ClientConnection]:
    path = f"/v1/text-to-dialogue/{kind}?output_format=pcm_24000&{query}"
    url = served.url.replace("http", "ws") + path
    with connect(url, additional_headers={"xi-api-key": KEY}, proxy=None) as socket:
        yield socket


def say(socket: ClientConnection, **fields: Any) -> None:
    """Send what ElevenLabs' own SDK takes for a message."""
    socket.send(Message(**fields).model_dump_json(exclude_unset=True))


def line(voice: str, text: str, **fields: Any) -> dict[str, Any]:
    return {"voice_id": voice, "text": text, **fields}


def receive(socket: ClientConnection) -> dict[str, Any]:
    frame: dict[str, Any] = json.loads(socket.recv(timeout=PATIENCE_SECONDS))
    return frame


def until(socket: ClientConnection, word: str) -> list[dict[str, Any]]:
    """The frames up to one that has this field."""
    frames = [receive(socket)]
    while word not in frames[-1]:
        frames.append(receive(socket))
    return frames


def closed(socket: ClientConnection) -> tuple[int | None, str | None]:
    with contextlib.suppress(ConnectionClosed):
        while True:
            socket.recv(timeout=PATIENCE_SECONDS)
    return socket.close_code, socket.close_reason


def seconds_in(frames: list[dict[str, Any]]) -> float:
    return sum(len(base64.b64decode(each.get("audio") or "")) for each in frames) / 48000


def test_one_voice_turn_by_turn(fake_server: ServeFake) -> None:
    """As agents: a flush ends a turn, which is told, and the next one follows on the socket."""
    engine = FakeEngine()
    with opened(fake_server(engine), "stream-input") as socket:
        say(socket, voices=["alba"], voice_settings={"stability": 0.5})
        for text in ("Hello there, this is one.", "This is two."):
            for word in text.split(" "):
                say(socket, inputs=[line("alba", f"{word} ")])
            say(socket, flush=True)
            frames = until(socket, "is_final_audio_for_turn")
            assert seconds_in(frames) > 0.4
            assert not any("context_id" in frame for frame in frames)
        say(socket, keep_alive=True)
        say(socket, close_socket=True)
        assert until(socket, "is_final")[-1] == {"is_final": True}
        assert closed(socket)[0] == 1000
    assert " ".join(text for _, text in spoken(engine)) == "Hello there, this is one. This is two."


def test_a_socket_of_one_dialogue(fake_server: ServeFake) -> None:
    """It has one, whatever contexts frames name; a turn that has no words has no end."""
    engine = FakeEngine()
    with opened(fake_server(engine), "stream-input") as socket:
        say(socket, voices=["alba"], context_id="one")
        say(socket, inputs=[line("alba", "Hello there.")], context_id="two", flush=True)
        say(socket, flush=True)
        say(socket, flush=True, close_socket=True)
        frames = until(socket, "is_final")
        assert sum("is_final_audio_for_turn" in frame for frame in frames) == 1
    assert [text for _, text in spoken(engine)] == ["Hello there."]


def test_several_voices_and_contexts(fake_server: ServeFake) -> None:
    """Each line has its voice, whatever came before it; turns are told one by one."""
    engine = FakeEngine()
    with opened(fake_server(engine), "multi-stream-input", "sync_alignment=true") as socket:
        for name in ("a", "b"):
            say(socket, context_id=name, voices=["alba", "marius"])
        say(socket, context_id="a", inputs=[line("alba", "Did you "), line("alba", "lock it?")])
        say(socket, context_id="a", inputs=[line("marius", "I think so.")])
        say(socket, context_id="a", flush=True)
        say(socket, context_id="a", inputs=[line("marius", "Or not?", new_turn=True)])
        say(socket, context_id="a", inputs=[line("alba", "Oh dear.")])
        say(socket, context_id="a", close_context=True)
        frames = until(socket, "is_final")
        assert {frame["context_id"] for frame in frames} == {"a"}
        assert sum("is_final_audio_for_turn" in frame for frame in frames) == 3
        aligned = [frame["alignment"] for frame in frames if frame.get("alignment")]
        written = "".join("".join(each["chars"]) for each in aligned)
        assert written == "Did you lock it?I think so.Or not?Oh dear."
        starts = [start for each in aligned for start in each["char_start_times_ms"]]
        assert starts == sorted(starts)
        say(socket, context_id="a", keep_alive=True)  # is over, which is no error
        say(socket, context_id="b", inputs=[line("marius", "🙂")], close_context=True)
        assert seconds_in(until(socket, "is_final")) == pytest.approx(0.2)
        say(socket, close_socket=True)
        assert closed(socket)[0] == 1000
    said = spoken(engine)
    assert [voice for voice, _ in groupby(said, key=itemgetter(0))] == ["alba", "marius", "alba"]
    assert " ".join(text for _, text in said) == "Did you lock it? I think so. Or not? Oh dear."


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ([{"inputs": [line("alba", "Hi.")]}], "voices must be in the first frame"),
        ([{"voices": ["nobody"]}], "'nobody' does not exist"),
        ([{"voices": ["alba"]}, {"inputs": [line("marius", "Hi.")]}], "'marius' is none of the"),
        (
            [{"voices": ["alba"]}, {"inputs": [line("alba", "你好世界。")], "flush": True}],
            "letters",
        ),
    ],
)
def test_errors(fake_server: ServeFake, frames: list[dict[str, Any]], words: str) -> None:
    """An error ends its dialogue, and the socket where that has no other."""
    served = fake_server()
    with opened(served, "multi-stream-input") as socket:
        for frame in frames:
            say(socket, context_id="a", **frame)
        told = until(socket, "is_final")
        assert words in told[0]["message"]
        assert told[0]["context_id"] == "a"
        say(socket, context_id="b", voices=["alba"], inputs=[line("alba", "Fine.")])
        say(socket, context_id="b", close_context=True)
        assert seconds_in(until(socket, "is_final")) > 0.3
    with opened(served, "stream-input") as socket:
        for frame in frames:
            say(socket, **frame)
        assert words in receive(socket)["message"]
        code, reason = closed(socket)
        assert code == 1008
        assert words in (reason or "")


def test_markup_is_needed(fake_server: ServeFake) -> None:
    """Markup says who speaks, so that it cannot be off."""
    with opened(fake_server(), "stream-input", "markup=off") as socket:
        assert "markup=off" in receive(socket)["message"]
        assert closed(socket)[0] == 1008


def test_quiet(fake_server: ServeFake) -> None:
    """A dialogue in which nothing more comes ends, and its socket."""
    with opened(fake_server(), "stream-input", "inactivity_timeout=1") as socket:
        say(socket, voices=["alba"], inputs=[line("alba", "Hello there.")], flush=True)
        assert seconds_in(until(socket, "is_final")) > 0.3
        assert closed(socket)[0] == 1000


def heard_at_ends(served: Served, output_format: str) -> list[float]:
    """How much sound has come when each of three turns is said to be over, and at the end."""
    sounding = Sounding(audio_format_of(output_format), SPEECH_RATE_HZ)
    heard_seconds = []

    def hear(frames: list[dict[str, Any]]) -> None:
        for each in frames:
            sounding.feed(base64.b64decode(each.get("audio") or ""))
        heard_seconds.append(sounding.seconds)

    with opened(served, "stream-input", f"output_format={output_format}") as socket:
        say(socket, voices=["alba"])
        for _ in range(3):
            say(socket, inputs=[line("alba", "Hello there, this is one.")], flush=True)
            hear(until(socket, "is_final_audio_for_turn"))
        say(socket, close_socket=True)
        hear(until(socket, "is_final"))
    return heard_seconds


@pytest.mark.parametrize("output_format", ["mp3_44100_128", "opus_48000_64", "pcm_16000"])
def test_the_end_of_a_turn_comes_after_its_sound(
    fake_server: ServeFake, output_format: str
) -> None:
    """Encoders hold some of it back; all of a turn comes at once, and then its end is told."""
    served = fake_server(FakeEngine())
    plain = heard_at_ends(served, "pcm_24000")
    assert plain[0] > 0.4
    assert plain[:3] == pytest.approx([number * plain[0] for number in (1, 2, 3)])
    heard = heard_at_ends(served, output_format)
    rest = rest_seconds(audio_format_of(output_format), SPEECH_RATE_HZ)
    for number, (seconds, turn_end) in enumerate(zip(heard[:3], plain, strict=False)):
        assert seconds >= turn_end + number * rest - 0.005
    assert heard[3] == pytest.approx(plain[3] + 3 * rest, abs=0.1)


def test_turns_that_follow_each_other(fake_server: ServeFake) -> None:
    """No rest lies between lines that are there already; all turns are told by the end."""
    with opened(fake_server(FakeEngine()), "stream-input", "output_format=mp3_44100_128") as socket:
        say(socket, voices=["alba", "marius"])
        lines = [line(voice, "Hello there.") for voice in ("alba", "marius", "alba")]
        say(socket, inputs=lines, flush=True, close_socket=True)
        frames = until(socket, "is_final")
        assert sum("is_final_audio_for_turn" in frame for frame in frames) == 3
