"""What holds for every dialect: its key, its refusals, its formats, and that it speaks.

A dialect that is added gets a row in CALLS.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from string import Formatter
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

import httpx
import numpy as np
import pytest

from app.api.chattts.speech import CHATTTS_FORMATS
from app.api.dialects import DIALECTS
from app.api.elevenlabs.formats import DEFAULT_OUTPUT_FORMAT, OUTPUT_FORMATS
from app.api.flash.controls import FLASH_FORMATS
from app.api.openai.speech import OPENAI_FORMATS
from app.audio.formats import FORMATS
from app.errors import TakesRefused
from tests.api.test_words import has_word
from tests.audio.probe import Probed, probe
from tests.fakes import FakeEngine
from tests.serving import (
    KEY,
    LogRecords,
    Served,
    fake_in_process,
    in_process,
    make_settings,
    serve_fake,
)

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
NOTHING: Mapping[str, Any] = MappingProxyType({})
TEXT = "The train to the city leaves in ten minutes."
MOST_CHARS = 300
SECONDS = 2.0
"""What the fake engine speaks, whatever it is given"""


OUR_KINDS = {
    kind: kind
    for kind in (
        *("unauthorized", "invalid_request", "too_large", "voice_not_found"),
        *("overloaded", "internal_error", "takes_refused"),
    )
}


class Told(NamedTuple):
    """What an error says; None where the dialect's errors have no place for it."""

    message: str
    field: str | None = None
    kind: str | None = None


class Sound(NamedTuple):
    """What a format is."""

    codec: str
    """as FFmpeg calls it"""
    rate_hz: int
    raw: str | None = None
    """FFmpeg's name for samples without a header"""


@dataclass(frozen=True)
class Call:
    """A way in which a dialect's clients ask for speech, and how they are told no.

    Attributes:
        dialect: its name in DIALECTS; none for this server's own words.
        path: {field} stands for a field that belongs there; all others are in the body.
        body: the least that is spoken.
        text, voice, format: what these fields are called; None where there is no such field.
        formats: what can be had, by name; the first is what is sent unasked.
        out_of_range: (field as an error names it, what to send) for some of its numbers.
        error: reads an error, and fails if it does not have the dialect's shape.
        kinds: its word for each kind of error; none where its errors do not tell the kind.
        tells_field: whether its errors say which field they are about, beside the message.
        refused_key: reads the error of a wrong key, where that has a shape of its own.
        audio: the audio in an answer.
        form: whether the body is a form.
        live: whether sound is sent while it is made.
    """

    dialect: str
    path: str
    body: Mapping[str, Any]
    text: str
    voice: str
    format: str | None
    formats: Mapping[str, Sound]
    error: Callable[[httpx.Response], Told]
    kinds: Mapping[str, str]
    tells_field: bool
    out_of_range: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    refused_key: Callable[[httpx.Response], Told] | None = None
    audio: Callable[[httpx.Response], bytes] = field(default=lambda answer: answer.content)
    form: bool = False
    live: bool = False

    def __str__(self) -> str:
        """For the names of tests."""
        said = "".join(f" {name}={value}" for name, value in self.body.items() if value in (0, 1))
        return f"{self.dialect or 'native'} {self.path.partition('?')[0]}{said}"

    def below(self, prefix: str) -> Call:
        return replace(self, path=f"{prefix}{self.path}")

    def sent_with(self, **fields: Any) -> Call:
        live = fields.get("stream", fields.get("streaming", self.live))
        return replace(self, body={**self.body, **fields}, live=live)

    def ask(
        self,
        client: httpx.Client,
        changed: Mapping[str, Any] = NOTHING,
        headers: Mapping[str, str] = NOTHING,
    ) -> httpx.Response:
        """The answer to the least body with some fields changed; None leaves one out."""
        fields = {**self.body, **changed}
        in_path = {name: quote(str(fields.pop(name))) for name in self._named_in_path()}
        body = {name: value for name, value in fields.items() if value is not None}
        url = self.path.format(**in_path)
        if self.form:
            return client.post(url, data=body, headers=headers)
        return client.post(url, json=body, headers=headers)

    def ask_with(
        self, client: httpx.Client, content: bytes, headers: Mapping[str, str]
    ) -> httpx.Response:
        """The answer to a body of these bytes."""
        in_path = {name: self.body[name] for name in self._named_in_path()}
        return client.post(self.path.format(**in_path), content=content, headers=headers)

    def _named_in_path(self) -> list[str]:
        return [name for _, name, _, _ in Formatter().parse(self.path) if name]


# How each dialect tells an error.


def native_error(answer: httpx.Response) -> Told:
    error = answer.json()["error"]
    assert set(error) == {"type", "message", "field", "request_id"}
    assert error["request_id"] == answer.headers["x-request-id"]
    return Told(error["message"], error["field"], error["type"])


def openai_error(answer: httpx.Response) -> Told:
    assert set(answer.json()) == {"error"}
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return Told(error["message"], error["param"], error["code"])


def elevenlabs_error(answer: httpx.Response) -> Told:
    assert set(answer.json()) == {"detail"}
    detail = answer.json()["detail"]
    assert set(detail) == {"status", "message"}
    return Told(detail["message"], kind=detail["status"])


def fish_error(answer: httpx.Response) -> Told:
    assert set(answer.json()) == {"status", "message"}
    assert answer.json()["status"] == answer.status_code
    return Told(answer.json()["message"])


def chattts_error(answer: httpx.Response) -> Told:
    body = answer.json()
    assert set(body) == {"detail", "error"}
    assert set(body["error"]) == {"message", "type"}
    assert body["error"]["message"] == body["detail"]
    return Told(body["detail"], kind=body["error"]["type"])


def detail_error(answer: httpx.Response) -> Told:
    assert set(answer.json()) == {"detail"}
    return Told(answer.json()["detail"])


def flash_refused_key(answer: httpx.Response) -> Told:
    assert answer.json() == {"error": "Unauthorized"}
    return Told("the API key")


# What each format is.

_PCM = {"wav": Sound("pcm_s16le", 24000), "pcm": Sound("pcm_s16le", 24000, "s16le")}
SOUNDS = {
    "mp3": Sound("mp3", 24000),
    "ogg": Sound("vorbis", 24000),
    "opus": Sound("opus", 48000),
    "flac": Sound("flac", 24000),
    "aac": Sound("aac", 24000),
    **_PCM,
    "ulaw": Sound("pcm_mulaw", 8000, "mulaw"),
    "alaw": Sound("pcm_alaw", 8000, "alaw"),
    "wav_ulaw": Sound("pcm_mulaw", 8000),
    "wav_alaw": Sound("pcm_alaw", 8000),
}
_RAW = {"pcm": "s16le", "ulaw": "mulaw", "alaw": "alaw"}


def at_16_khz(sounds: Mapping[str, Sound]) -> dict[str, Sound]:
    """Flash-TTS's rate, for what its players do not ask."""
    return {
        name: sound._replace(rate_hz=16000) if name in _PCM else sound
        for name, sound in sounds.items()
    }


def at_44_khz(sounds: Mapping[str, Sound]) -> dict[str, Sound]:
    """Fish Audio's rate."""
    return {
        name: sound if name == "opus" else sound._replace(rate_hz=44100)
        for name, sound in sounds.items()
    }


def elevenlabs_sound(name: str) -> Sound:
    codec, rate_hz, *_ = name.split("_")
    raw = _RAW.get(codec)
    codec = f"pcm_{raw}" if raw else {"wav": "pcm_s16le"}.get(codec, codec)
    return Sound(codec, int(rate_hz), raw)


def among(names: tuple[str, ...]) -> dict[str, Sound]:
    return {name: SOUNDS[name] for name in names}


# How each dialect is spoken.


def timed(answer: httpx.Response) -> bytes:
    """The audio of ElevenLabs' answers with timestamps: one JSON object, or one in each line."""
    lines = answer.text.splitlines()
    return b"".join(base64.b64decode(json.loads(line)["audio_base64"]) for line in lines)


NATIVE = Call(
    dialect="",
    path="/tts",
    body={"script": TEXT},
    text="script",
    voice="voice",
    format="format",
    formats=among(tuple(FORMATS)),
    error=native_error,
    kinds=OUR_KINDS,
    tells_field=True,
    out_of_range=(("speed", {"speed": 9}), ("seed", {"seed": -2})),
)
OPENAI = Call(
    dialect="openai",
    path="/v1/audio/speech",
    body={"input": TEXT},
    text="input",
    voice="voice",
    format="response_format",
    formats=among(OPENAI_FORMATS),
    error=openai_error,
    kinds={**OUR_KINDS, "unauthorized": "invalid_api_key"},
    tells_field=True,
    out_of_range=(("speed", {"speed": 0.2}), ("seed", {"seed": -2})),
    live=True,
)
AZURE = replace(OPENAI, path="/openai/deployments/tts/audio/speech?api-version=2025-03-01-preview")
CAPTIONED = replace(
    OPENAI,
    path="/dev/captioned_speech",
    body={"input": TEXT, "stream": False},
    live=False,
    audio=lambda answer: base64.b64decode(answer.json()["audio"]),
)
ELEVENLABS = Call(
    dialect="elevenlabs",
    path="/v1/text-to-speech/{voice_id}?output_format={output_format}",
    body={"text": TEXT, "voice_id": "alba", "output_format": DEFAULT_OUTPUT_FORMAT},
    text="text",
    voice="voice_id",
    format="output_format",
    formats={name: elevenlabs_sound(name) for name in (DEFAULT_OUTPUT_FORMAT, *OUTPUT_FORMATS)},
    error=elevenlabs_error,
    kinds={**OUR_KINDS, "unauthorized": "invalid_api_key", "overloaded": "system_busy"},
    tells_field=False,
    out_of_range=(
        ("voice_settings.speed", {"voice_settings": {"speed": 9}}),
        ("voice_settings.stability", {"voice_settings": {"stability": 1.5}}),
        ("seed", {"seed": -2}),
    ),
)
ELEVENLABS_LIVE = replace(
    ELEVENLABS,
    path="/v1/text-to-speech/{voice_id}/stream?output_format={output_format}",
    live=True,
    formats={
        name: elevenlabs_sound(name)
        for name in (
            *("mp3_44100_128", "mp3_22050_32", "opus_48000_96"),
            *("wav_16000", "pcm_8000", "ulaw_8000"),
        )
    },
)
ELEVENLABS_TIMED = replace(
    ELEVENLABS,
    path="/v1/text-to-speech/{voice_id}/with-timestamps?output_format={output_format}",
    formats={"mp3_44100_128": Sound("mp3", 44100)},
    audio=timed,
)
ELEVENLABS_LIVE_TIMED = replace(
    ELEVENLABS_TIMED,
    path="/v1/text-to-speech/{voice_id}/stream/with-timestamps?output_format={output_format}",
    live=True,
)
FISH = Call(
    dialect="fish",
    path="/v1/tts",
    body={"text": TEXT},
    text="text",
    voice="reference_id",
    format="format",
    formats=at_44_khz(among(("mp3", "wav", "pcm", "opus"))),
    error=fish_error,
    kinds=NOTHING,
    tells_field=False,
    out_of_range=(
        ("prosody.speed", {"prosody": {"speed": 3}}),
        ("prosody.volume", {"prosody": {"volume": -21}}),
        ("temperature", {"temperature": 1.5}),
        ("chunk_length", {"chunk_length": 99}),
        ("chunk_length", {"chunk_length": 301}),
    ),
    live=True,
)
FLASH = Call(
    dialect="flash",
    path="/speak",
    body={"text": TEXT},
    text="text",
    voice="name",
    format="response_format",
    formats=at_16_khz(among(FLASH_FORMATS)),
    error=detail_error,
    kinds=NOTHING,
    tells_field=False,
    out_of_range=(("temperature", {"temperature": 9}),),
    refused_key=flash_refused_key,
)
FLASH_OPENAI = replace(
    FLASH,
    path="/flash/v1/audio/speech",
    body={"input": TEXT},
    text="input",
    voice="voice",
    out_of_range=(("pitch", {"pitch": 9}), ("speed", {"speed": 0.1})),
    live=True,
)
CHATTTS = Call(
    dialect="chattts",
    path="/chattts/v1/audio/speech",
    body={"input": TEXT},
    text="input",
    voice="voice",
    format="response_format",
    formats=among(CHATTTS_FORMATS),
    error=chattts_error,
    kinds=OUR_KINDS,
    tells_field=False,
    out_of_range=(("speed", {"speed": 2.5}), ("speed", {"speed": 0.4})),
)
POCKET = Call(
    dialect="pocket",
    path="/tts",
    body={"text": TEXT, "voice_url": "alba"},
    text="text",
    voice="voice_url",
    format=None,
    formats=among(("wav",)),
    error=detail_error,
    kinds=NOTHING,
    tells_field=False,
    form=True,
    live=True,
)
PIPER = replace(
    POCKET,
    dialect="small",
    path="/",
    body={"text": TEXT},
    voice="voice",
    form=False,
    out_of_range=(("length_scale", {"length_scale": 9}),),
)
MARY = replace(
    PIPER,
    path="/process",
    body={"INPUT_TEXT": TEXT},
    text="INPUT_TEXT",
    voice="VOICE",
    form=True,
    out_of_range=(),
)
XTTS = replace(PIPER, path="/tts_to_audio", voice="speaker_wav", out_of_range=())
PLAIN = (
    NATIVE,
    NATIVE.sent_with(stream=True),
    OPENAI,
    CAPTIONED,
    ELEVENLABS,
    ELEVENLABS_LIVE,
    ELEVENLABS_TIMED,
    ELEVENLABS_LIVE_TIMED,
    FISH,
    FISH.sent_with(streaming=False),
    FLASH,
    FLASH.sent_with(stream=True),
    FLASH_OPENAI,
    CHATTTS,
    CHATTTS.sent_with(stream=True),
    POCKET,
    PIPER,
    MARY,
    XTTS,
)
CALLS = (
    *PLAIN,
    OPENAI.below("/openai"),
    AZURE,
    ELEVENLABS.below("/elevenlabs"),
    ELEVENLABS_LIVE.below("/elevenlabs"),
    FISH.below("/fish"),
    FLASH.below("/flash"),
    POCKET.below("/pocket"),
    XTTS.below("/small"),
)

every_call = pytest.mark.parametrize("call", CALLS, ids=str)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Speaks two seconds of a tone."""
    engine = FakeEngine(frames_per_chunk=25)
    folder = tmp_path_factory.mktemp("every_dialect")
    with fake_in_process(folder, engine, max_script_chars=MOST_CHARS) as served:
        yield served


def refusal(
    call: Call, answer: httpx.Response, status: int, kind: str, field: str | None = None
) -> str:
    """The message of an answer that must have `status`, in the shape of the dialect.

    Args:
        kind: this server's word for what happened; the dialect may have its own, or none.
        field: the dialect's word for what it is about, in its message and where it has a place
            for it; None where it is about the whole.
    """
    assert answer.status_code == status, answer.text
    assert answer.headers["x-request-id"]
    told = call.error(answer)
    assert told.kind == call.kinds.get(kind)
    assert told.field == (field if call.tells_field else None)
    assert field is None or has_word(told.message, field), told.message
    return told.message


def test_every_dialect_is_here() -> None:
    """Each dialect has a row, at its plain path or below its prefix, and so has this server."""
    assert {call.dialect for call in CALLS} == {"", *(each.DIALECT.name for each in DIALECTS)}


@every_call
@pytest.mark.parametrize("key", ["", "wrong", KEY.upper()])
def test_key(served: Served, call: Call, key: str) -> None:
    """Without the key nothing is spoken, nor is a body looked at."""
    headers = {"X-API-Key": "", "Authorization": f"Bearer {key}"}
    kind = {"Content-Type": FORM if call.form else JSON}
    for answer in (
        call.ask(served.client, headers=headers),
        call.ask_with(served.client, b"{", headers | kind),
    ):
        assert answer.status_code == 401, answer.text
        assert answer.headers["www-authenticate"] == "Bearer"
        told = (call.refused_key or call.error)(answer)
        assert "key" in told.message
        assert told.kind == call.kinds.get("unauthorized")


@every_call
@pytest.mark.parametrize(
    ("text", "words"),
    [
        (" \n\u200b", "is empty"),
        ("a\x00b", "holds a control character"),
        (None, "is required"),
    ],
)
def test_no_text(served: Served, call: Call, text: str | None, words: str) -> None:
    """A text in which there is nothing to speak is refused, and so is none at all."""
    answer = call.ask(served.client, {call.text: text})
    assert words in refusal(call, answer, 400, "invalid_request", call.text)


@every_call
@pytest.mark.parametrize("text", ["🙂", "...", "—", "*", "[laugh]"])
def test_nothing_to_say(
    served: Served, ffmpeg: Path, tmp_path: Path, call: Call, text: str
) -> None:
    """A text without words is a short silence for clients of other services, and refused by us."""
    answer = call.ask(served.client, {call.text: text})
    if not call.dialect:
        told = refusal(call, answer, 400, "invalid_request", call.text)
        assert "holds nothing that can be spoken" in told
        return
    name = next(iter(call.formats))
    heard = hear(call, answer, ffmpeg, tmp_path, call.formats[name])
    assert abs(len(heard.pcm) / heard.sample_rate_hz - 0.2) < 0.1
    assert not np.abs(heard.pcm).max() > 0.001
    nobody = call.ask(served.client, {call.text: text, call.voice: "nobody"})
    assert refusal(call, nobody, 404, "voice_not_found", call.voice)


@every_call
def test_long_text(served: Served, call: Call) -> None:
    """So is one that is longer than MAX_SCRIPT_CHARS; the refusal says how long it may be."""
    answer = call.ask(served.client, {call.text: "a " * MOST_CHARS})
    message = refusal(call, answer, 413, "too_large", call.text)
    assert f"has {2 * MOST_CHARS} characters; at most {MOST_CHARS} are allowed" in message


@every_call
def test_unknown_voice(served: Served, call: Call) -> None:
    """A voice that is not there is refused with those that are."""
    answer = call.ask(served.client, {call.voice: "nobody"})
    message = refusal(call, answer, 404, "voice_not_found", call.voice)
    assert "'nobody'" in message
    assert "alba, marius" in message


@pytest.mark.parametrize("call", [call for call in CALLS if call.format], ids=str)
def test_unknown_format(served: Served, call: Call) -> None:
    """So is a format, with the field's name."""
    assert call.format is not None
    answer = call.ask(served.client, {call.format: "midi"})
    message = refusal(call, answer, 400, "invalid_request", call.format)
    allowed = OUTPUT_FORMATS if call.dialect == "elevenlabs" else call.formats
    assert ", ".join(allowed) in message


@pytest.mark.parametrize(
    ("call", "name", "sent"),
    [(call, *each) for call in CALLS for each in call.out_of_range],
    ids=str,
)
def test_out_of_range(served: Served, call: Call, name: str, sent: Mapping[str, Any]) -> None:
    """So is a number beyond what speech can have."""
    refusal(call, call.ask(served.client, sent), 400, "invalid_request", name)


@every_call
def test_the_line_of_a_refusal(served: Served, log_records: LogRecords, call: Call) -> None:
    """The log says who asked for which voice and how much text, also of what was not begun."""
    wrong = call.out_of_range[0][1] if call.out_of_range else NOTHING
    answer = call.ask(served.client, {call.voice: "nobody", **wrong})
    assert answer.status_code == (400 if wrong else 404), answer.text
    request_id = answer.headers["x-request-id"]
    line = log_records.wait_for(lambda each: getattr(each, "request_id", "") == request_id)
    fields = line.__dict__["fields"]
    assert fields["caller"] == "operator"
    assert fields["dialect"] == (call.dialect or "native")
    assert (fields["voice"], fields["characters"]) == ("nobody", len(TEXT))
    assert fields["reason"] == ("invalid_request" if wrong else "voice_not_found")


@every_call
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{", JSON),
        (b"[]", JSON),
        (b"7", JSON),
        (b"", JSON),
        (b"\xff\xfe", JSON),
        (b"[" * 50_000, JSON),
        (b"Hello.", "text/plain"),
        (b"--x\r\nbroken", "multipart/form-data; boundary=x"),
        (b"no boundary", "multipart/form-data"),
        (b"\xff=%zz", FORM),
    ],
)
def test_malformed_body(served: Served, call: Call, body: bytes, kind: str) -> None:
    """A body that is not what the call wants is a 400 in the dialect's shape."""
    if call.path == "/tts":
        # Two share it. What is no form is this server's own.
        call = POCKET if "form" in kind else NATIVE
    refusal(
        call, call.ask_with(served.client, body, {"Content-Type": kind}), 400, "invalid_request"
    )


@pytest.mark.parametrize(
    ("call", "name"), [(call, name) for call in PLAIN for name in call.formats], ids=str
)
def test_formats(served: Served, ffmpeg: Path, tmp_path: Path, call: Call, name: str) -> None:
    """Each format can be decoded, has its codec and rate, and the whole speech is in it."""
    answer = call.ask(served.client, {call.format: name} if call.format else NOTHING)
    heard = hear(call, answer, ffmpeg, tmp_path, call.formats[name])
    assert (heard.codec, heard.sample_rate_hz, heard.channels) == (*call.formats[name][:2], 1)
    assert abs(len(heard.pcm) / heard.sample_rate_hz - SECONDS) < 0.15
    assert np.sqrt((heard.pcm**2).mean()) > 0.01


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with fake_in_process(tmp_path_factory.mktemp("busy"), FakeEngine(overloaded=True)) as served:
        yield served


@every_call
def test_overloaded(busy: Served, call: Call) -> None:
    """A full queue is a 429 with the time after which to come back."""
    answer = call.ask(busy.client)
    assert "too many requests are waiting" in refusal(call, answer, 429, "overloaded")
    assert answer.headers["retry-after"] == "7"
    assert answer.headers["retry-after-ms"] == "7000"


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with fake_in_process(tmp_path_factory.mktemp("broken"), FakeEngine(fail_after=0)) as served:
        yield served


@every_call
def test_our_own_fault(broken: Served, call: Call) -> None:
    """Speech that cannot be made is a 500 that says nothing of the inside."""
    message = refusal(call, call.ask(broken.client), 500, "internal_error")
    assert message == "the speech could not be made"


NOT_WELL = "the model did not speak this well: it came to no end"


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Refuses what it has spoken badly each time."""
    engine = FakeEngine(fail_after=0, failure=TakesRefused(NOT_WELL))
    with fake_in_process(tmp_path_factory.mktemp("refusing"), engine) as served:
        yield served


@every_call
def test_refused_takes(refusing: Served, call: Call) -> None:
    """Speech that came out badly each time is a 502 of a kind of its own."""
    assert refusal(call, call.ask(refusing.client), 502, "takes_refused") == NOT_WELL


@pytest.fixture(scope="module")
def breaking_off(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Speaks a piece badly when some of it has been heard already."""
    engine = FakeEngine(
        frames_per_chunk=100, fail_after=60, frame_seconds=0.001, failure=TakesRefused(NOT_WELL)
    )
    with serve_fake(tmp_path_factory.mktemp("breaking_off"), engine) as served:
        yield served


@pytest.mark.parametrize("call", [call for call in CALLS if call.live], ids=str)
def test_live_answers_break_off(breaking_off: Served, call: Call) -> None:
    """A live answer does not end as if it were whole; what was heard cannot be taken back."""
    name = next(iter(call.formats))
    with pytest.raises(httpx.RemoteProtocolError):
        call.ask(breaking_off.client, {call.format: name} if call.format else NOTHING)


@pytest.fixture(scope="module")
def retrying(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Speaks everything three times until it is good."""
    with fake_in_process(tmp_path_factory.mktemp("retrying"), FakeEngine(more_takes=2)) as served:
        yield served


@every_call
def test_more_takes_than_planned(served: Served, retrying: Served, call: Call) -> None:
    """A complete answer says how many takes it took, if that is more than its pieces."""
    assert "x-takes" not in call.ask(served.client).headers
    answer = call.ask(retrying.client)
    assert answer.headers.get("x-takes") == (None if call.live else "3")


@pytest.fixture(scope="module")
def preview(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Speaks with the preview model."""
    settings = make_settings(tmp_path_factory.mktemp("preview"), model_language="preview")
    with in_process(settings) as served:
        served.wait_until(lambda health: health["model"]["state"] == "ready", seconds=60)
        yield served


@every_call
@pytest.mark.xdist_group("preview")
def test_real_model(preview: Served, ffmpeg: Path, tmp_path: Path, call: Call) -> None:
    """A real model speaks in each dialect: about as long as the words take, and not silence."""
    unasked = next(iter(call.formats.values()))
    heard = hear(call, call.ask(preview.client), ffmpeg, tmp_path, unasked)
    assert heard.codec == unasked.codec
    assert 1.0 < len(heard.pcm) / heard.sample_rate_hz < 5.0
    assert np.sqrt((heard.pcm**2).mean()) > 0.01


def hear(call: Call, answer: httpx.Response, ffmpeg: Path, folder: Path, sound: Sound) -> Probed:
    assert answer.status_code == 200, answer.text
    path = folder / "heard"
    path.write_bytes(call.audio(answer))
    raw = ("-f", sound.raw, "-ar", str(sound.rate_hz), "-ac", "1") if sound.raw else ()
    return probe(ffmpeg, path, *raw)


@every_call
def test_letters_that_no_model_reads(served: Served, call: Call) -> None:
    """A text of them is refused by name; a few in passing are left out, and the answer says so."""
    answer = call.ask(served.client, {call.text: "你好世界"})
    message = refusal(call, answer, 400, "invalid_request", call.text)
    assert "你好世界" in message
    assert "spoken here are en" in message
    answer = call.ask(served.client, {call.text: f"{TEXT} {TEXT} 你好."})
    assert answer.status_code == 200, answer.text
    assert unquote(answer.headers["x-tts-left-out"]) == "你好"
    assert "x-tts-left-out" not in call.ask(served.client).headers
