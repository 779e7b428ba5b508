"""Errors are worded by the dialect they are told in: its own names in the body and the message."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx
import numpy as np
import pytest
from wyoming.event import Event
from wyoming.tts import Synthesize, SynthesizeVoice

from app.api.dialects import DIALECTS
from app.errors import Parameter
from app.voices.clips import wav_bytes
from tests.wyoming.home import Home, fake_home

SILENCE = wav_bytes(np.zeros(2 * 24_000, np.float32), 24_000)
SILENT_TEXT = base64.b64encode(SILENCE).decode()
SILENT_FILE = ("silence.wav", SILENCE)
NO_STATE = ("anna.safetensors", b"no state at all")
# Each is in range; with the same in the request they are too much.
FAST = '<speak><prosody rate="400%">Fast.</prosody></speak>'
LOUD = '<speak><prosody volume="+15dB">Loud.</prosody></speak>'
HIGH = '<speak><prosody pitch="+10st">High.</prosody></speak>'
NATIVE = ""
ENGLISH_TOO = (Parameter.NAME, Parameter.STATE)
"""Our words for them, name and file, may stand in any sentence"""


class Mistake(NamedTuple):
    """A POST with something wrong, and what its sender calls the parameter that it is about."""

    dialect: str
    parameter: Parameter
    word: str
    path: str
    sent: dict[str, Any]
    """as httpx takes it"""


def native(parameter: Parameter, path: str = "/tts", **sent: Any) -> Mistake:
    return Mistake(NATIVE, parameter, parameter.value, path, sent)


def tts(parameter: Parameter, **fields: Any) -> Mistake:
    return native(parameter, json={"script": "Hi.", **fields})


def voice_form(parameter: Parameter, **fields: str) -> Mistake:
    form = {"name": "anna", **fields}
    return native(parameter, "/voices", data=form, files={"files": SILENT_FILE})


def openai(parameter: Parameter, word: str, **fields: Any) -> Mistake:
    sent = {"json": {"input": "Hi.", **fields}}
    return Mistake("openai", parameter, word, "/v1/audio/speech", sent)


def fish(parameter: Parameter, word: str, path: str = "/v1/tts", **fields: Any) -> Mistake:
    return Mistake("fish", parameter, word, path, {"json": {"text": "Hi.", **fields}})


def eleven(
    parameter: Parameter, word: str, *, voice: str = "alba", query: str = "", **fields: Any
) -> Mistake:
    path = f"/v1/text-to-speech/{voice}{query}"
    return Mistake("elevenlabs", parameter, word, path, {"json": {"text": "Hi.", **fields}})


def eleven_form(parameter: Parameter, word: str, **fields: str) -> Mistake:
    sent = {"data": {"name": "Anna", **fields}, "files": {"files": SILENT_FILE}}
    return Mistake("elevenlabs", parameter, word, "/v1/voices/add", sent)


def flash(parameter: Parameter, word: str, path: str = "/speak", **fields: Any) -> Mistake:
    return Mistake("flash", parameter, word, path, {"json": {"text": "Hi.", **fields}})


def flash_form(parameter: Parameter, word: str, path: str, **sent: Any) -> Mistake:
    return Mistake("flash", parameter, word, path, sent)


def flash_openai(parameter: Parameter, word: str, **fields: Any) -> Mistake:
    sent = {"json": {"input": "Hi.", **fields}}
    return Mistake("flash", parameter, word, "/v1/audio/speech", sent)


def chattts(parameter: Parameter, word: str, **fields: Any) -> Mistake:
    sent = {"json": {"input": "Hi.", **fields}}
    return Mistake("chattts", parameter, word, "/v1/audio/speech", sent)


def chattts_batch(parameter: Parameter, word: str, **fields: Any) -> Mistake:
    sent = {"json": {"text": ["Hi."], **fields}}
    return Mistake("chattts", parameter, word, "/generate_voice", sent)


def small(parameter: Parameter, word: str, path: str, **sent: Any) -> Mistake:
    return Mistake("small", parameter, word, path, sent)


def pocket(parameter: Parameter, word: str, **sent: Any) -> Mistake:
    data = {"text": "Hi.", **sent.pop("data", {})}
    return Mistake("pocket", parameter, word, "/tts", {"data": data, **sent})


MISTAKES = [
    tts(Parameter.TEXT, script=" "),
    native(Parameter.DOCUMENT, "/documents", files={"document": ("a.pdf", b"%PDF-1.4 nothing")}),
    tts(Parameter.TEXT, script="x" * 3000),
    tts(Parameter.TEXT, script="One <break/> two."),
    tts(Parameter.VOICE, voice="nobody"),
    tts(Parameter.LANGUAGE, language="nl"),
    tts(Parameter.PRONUNCIATIONS, pronunciations={"Nginx": ""}),
    tts(Parameter.SPEED, script=FAST, speed=2),
    tts(Parameter.VOLUME, script=LOUD, volume=15),
    tts(Parameter.PITCH, script=HIGH, pitch=10),
    tts(Parameter.FORMAT, format="midi"),
    tts(Parameter.SAMPLE_RATE, sample_rate=12345),
    tts(Parameter.BITRATE, format="wav", bitrate=128),
    native(Parameter.CLIP, "/tts/clone", data={"script": "Hi."}, files={"voice_file": SILENT_FILE}),
    voice_form(Parameter.RECORDINGS),
    voice_form(Parameter.NAME, name="a/b"),
    voice_form(Parameter.DESCRIPTION, description="x" * 2001),
    voice_form(Parameter.TAGS, tags="x" * 65),
    voice_form(Parameter.LANGUAGE, language="xx"),
    native(Parameter.STATE, "/voices/import", data={"name": "anna"}, files={"file": NO_STATE}),
    # The same file where recordings are expected is about the field that it came in.
    Mistake(
        NATIVE,
        Parameter.STATE,
        "files",
        "/voices",
        {"data": {"name": "anna"}, "files": {"files": NO_STATE}},
    ),
    openai(Parameter.TEXT, "input", input=""),
    openai(Parameter.TEXT, "input", input="[pause 1h] Hi."),
    openai(Parameter.VOICE, "voice", voice="nobody"),
    openai(Parameter.CLIP, "voice", voice=SILENT_TEXT),
    openai(Parameter.FORMAT, "response_format", response_format="midi"),
    openai(Parameter.SAMPLE_RATE, "sample_rate", sample_rate=12345),
    openai(Parameter.BITRATE, "bitrate", response_format="wav", bitrate=128),
    openai(Parameter.SPEED, "speed", input=FAST, speed=2),
    fish(Parameter.TEXT, "text", text="[pause 1h] Hi."),
    fish(Parameter.VOICE, "reference_id", reference_id="nobody"),
    fish(Parameter.CLIP, "references", references=[{"audio": SILENT_TEXT, "text": ""}]),
    fish(Parameter.CLIP, "references", references=2 * [{"audio": SILENT_TEXT, "text": ""}]),
    fish(Parameter.FORMAT, "format", format="midi"),
    fish(Parameter.SAMPLE_RATE, "sample_rate", sample_rate=12345),
    fish(Parameter.BITRATE, "mp3_bitrate", sample_rate=8000, mp3_bitrate=192),
    fish(Parameter.SPEED, "prosody.speed", text=FAST, prosody={"speed": 2}),
    fish(Parameter.VOLUME, "prosody.volume", text=LOUD, prosody={"volume": 15}),
    fish(Parameter.RECORDINGS, "voices", "/model", title="Anna", voices=[SILENT_TEXT]),
    fish(Parameter.RECORDINGS, "audio", "/v1/references/add", id="anna", audio=SILENT_TEXT),
    fish(Parameter.NAME, "id", "/v1/references/add", id="a/b", audio=SILENT_TEXT),
    fish(
        Parameter.VOICE,
        "old_reference_id",
        "/v1/references/update",
        old_reference_id="nobody",
        new_reference_id="anna",
    ),
    eleven(Parameter.TEXT, "text", text=""),
    eleven(Parameter.VOICE, "voice_id", voice="nobody"),
    eleven(Parameter.LANGUAGE, "language_code", language_code="nl-BE"),
    eleven(Parameter.SPEED, "voice_settings.speed", text=FAST, voice_settings={"speed": 2}),
    eleven(Parameter.FORMAT, "output_format", query="?output_format=mp3"),
    eleven_form(Parameter.RECORDINGS, "files"),
    eleven_form(Parameter.LABELS, "labels", labels='{"accent": 5}'),
    eleven_form(Parameter.DESCRIPTION, "description", description="x" * 2001),
    flash(Parameter.TEXT, "text", text=" "),
    flash(Parameter.TEXT, "text", "/multi_speak", text="<role:nobody>Hi."),
    flash(Parameter.VOICE, "name", name="nobody"),
    flash(Parameter.FORMAT, "response_format", response_format="midi"),
    flash(Parameter.SAMPLE_RATE, "sample_rate", sample_rate=12345),
    flash_form(
        Parameter.CLIP,
        "reference_audio",
        "/clone_voice",
        data={"text": "Hi.", "reference_audio": SILENT_TEXT},
    ),
    flash_form(
        Parameter.CLIP,
        "reference_audio_file",
        "/clone_voice",
        data={"text": "Hi."},
        files={"reference_audio_file": SILENT_FILE},
    ),
    flash_form(
        Parameter.RECORDINGS, "audio", "/add_speaker", data={"name": "anna", "audio": SILENT_TEXT}
    ),
    flash_form(
        Parameter.RECORDINGS,
        "audio_file",
        "/add_speaker",
        data={"name": "anna"},
        files={"audio_file": SILENT_FILE},
    ),
    flash_openai(Parameter.TEXT, "input", input=""),
    flash_openai(Parameter.VOICE, "voice", voice="nobody"),
    flash_openai(Parameter.CLIP, "voice", voice=SILENT_TEXT),
    chattts(Parameter.TEXT, "input", input=""),
    chattts(Parameter.VOICE, "voice", voice="nobody"),
    chattts(Parameter.CLIP, "voice", voice=SILENT_TEXT),
    chattts(Parameter.FORMAT, "response_format", response_format="midi"),
    chattts_batch(Parameter.TEXT, "text[1]", text=["Hi.", "[pause 1h] Hi."]),
    chattts_batch(Parameter.TEXT, "text", text=["x" * 1500, "x" * 1500]),
    chattts_batch(Parameter.LANGUAGE, "lang", lang="nl"),
    chattts_batch(
        Parameter.VOICE, "params_infer_code.spk_emb", params_infer_code={"spk_emb": "nobody"}
    ),
    chattts_batch(
        Parameter.CLIP, "params_infer_code.spk_emb", params_infer_code={"spk_emb": SILENT_TEXT}
    ),
    chattts_batch(
        Parameter.SPEED,
        "params_infer_code.prompt",
        text=[FAST],
        params_infer_code={"prompt": "[speed_9]"},
    ),
    small(Parameter.TEXT, "text", "/tts_to_audio", json={"text": " "}),
    small(Parameter.TEXT, "INPUT_TEXT", "/process", data={"INPUT_TEXT": " "}),
    small(Parameter.VOICE, "VOICE", "/process", data={"INPUT_TEXT": "Hi.", "VOICE": "nobody"}),
    small(Parameter.LANGUAGE, "LOCALE", "/process", data={"INPUT_TEXT": "Hi.", "LOCALE": "nl"}),
    small(
        Parameter.VOICE,
        "speaker_wav",
        "/tts_to_audio",
        json={"text": "Hi.", "speaker_wav": "nobody"},
    ),
    pocket(Parameter.TEXT, "text", data={"text": " "}),
    pocket(Parameter.VOICE, "voice_url", data={"voice_url": "nobody"}),
    pocket(Parameter.CLIP, "voice_wav", files={"voice_wav": SILENT_FILE}),
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with fake_home(tmp_path_factory.mktemp("words"), max_script_chars=2500) as made:
        yield made


@pytest.mark.parametrize(
    "mistake", MISTAKES, ids=lambda each: f"{each.dialect or 'native'}-{each.word}"
)
def test_http(home: Home, mistake: Mistake) -> None:
    """Body and message have the client's word for what was wrong, never this server's own."""
    prefix = f"/{mistake.dialect}" if mistake.dialect else ""
    answer = home.served.client.post(f"{prefix}{mistake.path}", **mistake.sent)
    assert answer.status_code in (400, 404, 413), answer.text
    message, field = told(mistake.dialect, answer)
    assert_worded(message, mistake.parameter, mistake.word)
    assert field in (mistake.word, None)
    assert field is not None or mistake.dialect not in (NATIVE, "openai")


@pytest.mark.parametrize(
    ("parameter", "word", "event"),
    [
        (Parameter.TEXT, "text", Synthesize("[pause 1h] Hi.").event()),
        (Parameter.VOICE, "voice", Synthesize("Hi.", SynthesizeVoice(name="nobody")).event()),
        (Parameter.LANGUAGE, "language", Synthesize("Hi.", SynthesizeVoice(language="nl")).event()),
    ],
)
async def test_wyoming(home: Home, parameter: Parameter, word: str, event: Event) -> None:
    """Home Assistant's users read Wyoming's own words."""
    heard = await home.say(event)
    assert heard.error is not None
    assert_worded(heard.error.text, parameter, word)


def test_every_word_is_tried() -> None:
    """The table has a mistake for each word of each dialect."""
    tried = {(each.dialect, each.parameter, each.word) for each in MISTAKES}
    for front_end in DIALECTS:
        dialect = front_end.DIALECT
        assert dialect.words, dialect.name
        assert {(dialect.name, *pair) for pair in dialect.words.items()} <= tried
    assert {(NATIVE, each, each.value) for each in Parameter} - tried == {
        (NATIVE, Parameter.LABELS, "labels"),
        (NATIVE, Parameter.REPLACE, "replace"),
    }


def told(dialect: str, answer: httpx.Response) -> tuple[str, str | None]:
    """The message of a refusal, and the field where the dialect's shape has one."""
    body = answer.json()
    match dialect:
        case "openai":
            return body["error"]["message"], body["error"]["param"]
        case "fish":
            return body["message"], None
        case "elevenlabs":
            return body["detail"]["message"], None
        case "flash" | "chattts" | "pocket" | "small":
            return body["detail"], None
        case _:
            return body["error"]["message"], body["error"]["field"]


def assert_worded(message: str, parameter: Parameter, word: str) -> None:
    assert has_word(message, word), message
    if parameter.value != word and parameter not in ENGLISH_TOO:
        assert not has_word(message.replace(word, ""), parameter.value), message


def has_word(message: str, word: str) -> bool:
    return re.search(rf"(?<![\w.]){re.escape(word)}(?![\w])", message) is not None
