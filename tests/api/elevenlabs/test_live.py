"""ElevenLabs' WebSocket: text in word by word, speech out, with the SDK and by hand."""

from __future__ import annotations

import base64
import contextlib
import json
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from elevenlabs import Alignment, AudioOutput, NormalizedAlignment, VoiceSettings
from elevenlabs.core import ApiError
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.api.elevenlabs.sdk import sdk_for
from tests.audio.probe import probe
from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.listening import listen
from tests.serving import KEY, Served

# The SDK asks why a socket was closed in the way that websockets had once.
pytestmark = pytest.mark.filterwarnings(
    r"ignore:ConnectionClosed\.(code|reason) is deprecated:DeprecationWarning"
)

WORDS = ["Hello ", "there, this ", "is a test. ", "And ", "here is ", "more."]


def spoken(engine: FakeEngine) -> str:
    """All that the model was given to read."""
    return " ".join(chunk.text for stream in engine.streams for chunk in stream.job.chunks)


@contextlib.contextmanager
def opened(served: Served, query: str = "", **headers: str) -> Iterator[ClientConnection]:
    """A socket as other clients than the SDK open it."""
    url = f"{served.url.replace('http', 'ws')}/v1/text-to-speech/alba/stream-input?{query}"
    headers = headers or {"xi-api-key": KEY}
    with connect(url, additional_headers=headers, proxy=None) as socket:
        yield socket


def say(socket: ClientConnection, **frame: Any) -> None:
    socket.send(json.dumps(frame))


def heard(socket: ClientConnection) -> tuple[list[dict[str, Any]], int]:
    """Every frame until the server closes, and the code it closes with."""
    # Iterating ends with 1000, and raises for any other code.
    frames: list[dict[str, Any]] = []
    with contextlib.suppress(ConnectionClosed):
        frames.extend(json.loads(each) for each in socket)
    assert socket.close_code is not None
    return frames, socket.close_code


@pytest.mark.parametrize("prefix", ["", "/elevenlabs"])
def test_real_model(server: Served, ffmpeg: Path, tmp_path: Path, prefix: str) -> None:
    """The tiny model speaks a text as it comes, as one MP3 at the rate that was asked for."""
    pieces = sdk_for(server, prefix=prefix).text_to_speech.convert_realtime(
        "alba", text=iter(WORDS), model_id="eleven_flash_v2_5", output_format="mp3_22050_32"
    )
    found = listen(ffmpeg, tmp_path, b"".join(pieces), "mp3")
    assert (found.sample_rate_hz, found.channels) == (22050, 1)
    assert (found.pcm**2).mean() > 1e-4


@pytest.mark.parametrize("name", ["mp3_44100_128", "pcm_16000", "ulaw_8000", "opus_48000_64"])
def test_formats(fake_server: ServeFake, ffmpeg: Path, tmp_path: Path, name: str) -> None:
    """Two sentences are two seconds in every kind of format, and every word is read."""
    engine = FakeEngine(frames_per_chunk=12)
    sdk = sdk_for(fake_server(engine))
    pieces = sdk.text_to_speech.convert_realtime("alba", text=iter(WORDS), output_format=name)
    path = tmp_path / "heard.bin"
    path.write_bytes(b"".join(pieces))
    raw = {"pcm": "s16le", "ulaw": "mulaw"}.get(name[:4].rstrip("_"))
    rate_hz = name.split("_")[1]
    found = probe(ffmpeg, path, *(["-f", raw, "-ar", rate_hz, "-ac", "1"] if raw else []))
    assert found.sample_rate_hz == int(rate_hz)
    # Between them is a pause.
    assert 1.9 < len(found.pcm) / found.sample_rate_hz < 3.2
    assert spoken(engine) == "Hello there, this is a test. And here is more."


def test_frames(fake_server: ServeFake) -> None:
    """Each frame has all of the fields, the last one says so, and then comes 1000."""
    with opened(fake_server(), "output_format=pcm_24000") as socket:
        say(socket, text=" ", voice_settings={"stability": 0.5, "speed": None})
        say(socket, text="Hello there. ", try_trigger_generation=True)
        say(socket, text="")
        frames, code = heard(socket)
    assert code == 1000
    assert all(
        list(frame) == ["audio", "isFinal", "normalizedAlignment", "alignment"] for frame in frames
    )
    assert [frame["isFinal"] for frame in frames] == [None] * (len(frames) - 1) + [True]
    assert frames[-1]["audio"] is None
    audio = b"".join(base64.b64decode(frame["audio"]) for frame in frames[:-1])
    assert len(audio) == 2 * 5 * 1920


def test_alignment(fake_server: ServeFake) -> None:
    """Characters come with the audio after their word; added up, the frames' times are absolute."""
    frames = ["\n", "It is $3.50. ", "And ", "[pause 1s] 5 kg. ", "\n"]
    with opened(fake_server(FakeEngine(frames_per_chunk=25)), "output_format=pcm_24000") as socket:
        for text in (*frames, ""):
            say(socket, text=text)
        found, code = heard(socket)
    assert code == 1000
    assert found[0]["alignment"] is found[0]["normalizedAlignment"] is None
    # No words are left for the frame without audio, which some clients do not look at.
    assert AudioOutput(**found[-2]).alignment is not None
    assert found[-1]["normalizedAlignment"] is None
    times = {
        kind: added_up([getattr(AudioOutput(**{**frame, "audio": ""}), kind) for frame in found])
        for kind in ("alignment", "normalized_alignment")
    }
    written, spoken = times["alignment"], times["normalized_alignment"]
    assert "".join(char for char, *_ in written) == "".join(frames)
    assert (
        "".join(char for char, *_ in spoken)
        == "It is three dollars and fifty cents. And five kilograms."
    )
    audio = b"".join(base64.b64decode(frame["audio"]) for frame in found[:-1])
    assert written[-1][2] == len(audio) // 48
    assert written[-2][2] == spoken[-1][2]
    for found_times in times.values():
        assert all(one[2] <= other[1] for one, other in pairwise(found_times))


def added_up(
    alignments: list[Alignment | NormalizedAlignment | None],
) -> list[tuple[str, int, int]]:
    """Characters with milliseconds of the whole speech, by the clock that Pipecat keeps."""
    times: list[tuple[str, int, int]] = []
    for alignment in alignments:
        if alignment is None:
            continue
        begun = times[-1][2] if times else 0
        chars, starts = alignment.chars, alignment.char_start_times_ms
        lasting = alignment.char_durations_ms
        assert chars
        assert starts
        assert lasting
        times += [
            (char, begun + start, begun + start + duration)
            for char, start, duration in zip(chars, starts, lasting, strict=True)
        ]
    return times


def test_speech_before_the_end(fake_server: ServeFake) -> None:
    """A sentence is spoken once it is complete, an unfinished one once it is flushed."""
    engine = FakeEngine()
    with opened(fake_server(engine), "output_format=pcm_24000") as socket:
        say(socket, text=" ")
        say(socket, text="The first sentence. And the beginning ")
        assert json.loads(socket.recv(timeout=20))["audio"]
        assert spoken(engine) == "The first sentence."
        say(socket, text="of another ", flush=True)
        while len(engine.streams) < 2:
            assert json.loads(socket.recv(timeout=20))["audio"]
        assert "beginning of another" in spoken(engine)
        say(socket, text="")
        assert heard(socket)[1] == 1000


def test_controls(fake_server: ServeFake) -> None:
    """Speed, seed, language and normalisation are honoured; the key may be in the first frame."""
    engine = FakeEngine(frames_per_chunk=25)
    query = (
        "output_format=pcm_24000&seed=7&language_code=en&apply_text_normalization=off"
        "&auto_mode=true&sync_alignment=true&model_id=eleven_v3&optimize_streaming_latency=4"
    )
    served = fake_server(engine)
    for key in ({"xi_api_key": KEY}, {"xi-api-key": KEY}, {"authorization": f"Bearer {KEY}"}):
        with opened(served, query, **{"x-nothing": "1"}) as socket:
            say(
                socket,
                text="I have ",
                voice_settings={"speed": 0.8},
                generation_config={"chunk_length_schedule": [50]},
                pronunciation_dictionary_locators=[],
                **key,
            )
            say(socket, text="5 cats.", voice_settings={"speed": 0.8})
            say(socket, text="")
            frames, code = heard(socket)
        assert code == 1000
        audio = b"".join(base64.b64decode(frame["audio"]) for frame in frames[:-1])
        assert abs(len(audio) / 48000 - 2.5) < 0.15
        assert engine.streams[-1].job.sampling.seed == 7
        assert engine.streams[-1].job.chunks[0].text == "I have 5 cats."


@pytest.fixture
def refused(fake_server: ServeFake) -> Callable[..., Any]:
    """What the SDK's exception says when a text cannot be spoken."""

    sdk = sdk_for(fake_server(max_script_chars=2000))

    def ask(text: Iterator[str], code: int = 1008, **fields: Any) -> Any:
        arguments = {"voice_id": "alba", **fields}
        with pytest.raises(ApiError) as caught:
            list(sdk.text_to_speech.convert_realtime(text=text, **arguments))
        assert caught.value.status_code == code
        return caught.value.body

    return ask


def test_refusals(refused: Callable[..., Any]) -> None:
    """What can be wrong is the SDK's ApiError, and says what it was."""
    # An unknown voice is told of before there is any text.
    assert "voice_id 'nobody' does not exist" in str(refused(iter([]), voice_id="nobody"))
    wrong_format = refused(iter(["Hello there. "]), output_format="mp3_1_2")
    assert set(wrong_format) == {"message", "error", "code"}
    assert (wrong_format["error"], wrong_format["code"]) == ("invalid_request", 400)
    for fields, words in (
        ({"output_format": "mp3_1_3"}, "output_format must be one of"),
        ({"voice_settings": VoiceSettings(speed=9)}, "voice_settings.speed: "),
    ):
        assert words in str(refused(slowly("Hello there. "), **fields))


def slowly(text: str) -> Iterator[str]:
    for _ in range(20):
        yield text
        time.sleep(0.01)


def test_too_much(refused: Callable[..., Any]) -> None:
    """A text over the limit and a frame of 10 MB are refused, and the server goes on."""
    assert "more than the 2000 characters" in str(refused(slowly("word " * 100), 1009))
    assert "1048576 are allowed" in str(refused(iter(["a" * 10_000_000, "b"]), 1009))


@pytest.mark.parametrize("texts", [[], ["..."], ["🙂", " — "]])
def test_nothing_to_say(fake_server: ServeFake, texts: list[str]) -> None:
    """A text without words ends as others do, after a short silence."""
    sdk = sdk_for(fake_server())
    pieces = sdk.text_to_speech.convert_realtime(
        voice_id="alba", text=iter(texts), output_format="pcm_24000"
    )
    assert b"".join(pieces) == bytes(2 * 4800)


def test_letters_that_no_model_reads(refused: Callable[..., Any]) -> None:
    """They are named where they come, whatever was spoken before."""
    told = refused(iter(["Hello there. ", "你好世界。 "]))
    assert "text has letters that the model cannot read, first in '你好世界'" in told["message"]


@pytest.mark.parametrize("key", [None, "wrong"])
def test_key(server: Served, key: str | None) -> None:
    """Without the key nothing is spoken, and the SDK is told why."""
    speech = sdk_for(server, key=key).text_to_speech
    with pytest.raises(ApiError) as caught:
        list(speech.convert_realtime("alba", text=slowly("Hello there. ")))
    assert caught.value.status_code == 1008
    assert "key" in str(caught.value.body)


@pytest.mark.parametrize("key", ["wrong", "\\ud800", "ü", ""])
def test_key_in_the_first_frame(server: Served, key: str) -> None:
    """Nor is it with any other key in the first frame, and nothing is told but that."""
    with opened(server, "seed=x", **{"x-nothing": "1"}) as socket:
        socket.send(f'{{"text": "Hello there. ", "xi_api_key": "{key}"}}')
        frames, code = heard(socket)
    assert code == 1008
    (frame,) = frames
    assert (frame["error"], frame["code"]) == ("invalid_api_key", 401)


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        ("{", "json"),
        ("[]", "object"),
        (b"\xff\xfe", "json"),
        ("[" * 60_000, "json"),
        ('{"text": 5}', "text: "),
        ('{"text": "Hi \\ud800. And so on."}', "surrogate"),
        ('{"text": "a", "voice_settings": {"style": 2}}', "voice_settings.style: "),
        ('{"text": "a", "voice_settings": {"style": 1}}', "must be in the first frame"),
    ],
)
def test_bad_frames(server: Served, frame: str | bytes, words: str) -> None:
    """A frame that makes no sense is told what was wrong with it, and ends the talk."""
    with opened(server) as socket:
        say(socket, text=" ", voice_settings={"style": 0})
        socket.send(frame)
        frames, code = heard(socket)
    assert code == 1008
    assert set(frames[-1]) == {"message", "error", "code"}
    assert frames[-1]["error"] == "invalid_request"
    assert words in frames[-1]["message"].lower()


@pytest.mark.parametrize(
    ("query", "first", "words"),
    [
        ("inactivity_timeout=0", {}, "inactivity_timeout: "),
        ("inactivity_timeout=181", {}, "inactivity_timeout: "),
        ("seed=x", {}, "seed: "),
        ("language_code=ja", {}, "language_code must be one of en"),
        (
            "",
            {"pronunciation_dictionary_locators": [{"pronunciation_dictionary_id": "a"}]},
            "pronunciation_dictionary_locators: there is no dictionary 'a'",
        ),
    ],
)
def test_bad_beginnings(server: Served, query: str, first: dict[str, Any], words: str) -> None:
    """What cannot be honoured is refused before any text is read."""
    with opened(server, query) as socket:
        say(socket, text=" ", **first)
        frames, code = heard(socket)
    assert code == 1008
    (frame,) = frames
    assert words in frame["message"]


def test_silence(fake_server: ServeFake) -> None:
    """Who never ends is told so after the time it asked for; half a sentence is not spoken."""
    engine = FakeEngine()
    with opened(fake_server(engine), "inactivity_timeout=1") as socket:
        say(socket, text="Hello there. This is ")
        started = time.monotonic()
        frames, code = heard(socket)
    assert code == 1008
    assert 0.9 < time.monotonic() - started < 10
    assert "nothing came for 1 s; text that was neither ended" in frames[-1]["message"]
    assert spoken(engine) == "Hello there."
    assert [stream.running for stream in engine.streams] == [False]


def test_leaving(fake_server: ServeFake) -> None:
    """Who leaves in the middle leaves no work behind."""
    engine = FakeEngine(frames_per_chunk=50, hold_after=10)
    with opened(fake_server(engine), "output_format=pcm_24000") as socket:
        say(socket, text="Hello there. ", flush=True)
        assert json.loads(socket.recv(timeout=20))["audio"]
    deadline = time.monotonic() + 5
    while not engine.streams[0].aborted.is_set():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_broken_model(fake_server: ServeFake) -> None:
    """Our own fault is told, and is no clean end."""
    with opened(fake_server(FakeEngine(fail_after=2)), "output_format=pcm_24000") as socket:
        say(socket, text="Hello there. ")
        say(socket, text="")
        frames, code = heard(socket)
    assert code == 1011
    assert frames[-1]["error"] == "internal_error"
