"""What can be understood in one way only is understood, and what comes close is named."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from app.api.chattts.speech import ChatSpeechBody
from app.api.elevenlabs.controls import VoiceSettings
from app.api.elevenlabs.speech import ElevenSpeechBody
from app.api.fish.controls import FishSpeech
from app.api.flash.speech import FlashSpeakBody
from app.api.native.speech import TtsBody
from app.api.openai.speech import SpeechBody
from tests.audio.probe import voice_like
from tests.conftest import ServeFake, write_wav
from tests.fakes import FakeEngine, FakeStream, FakeVoice
from tests.serving import Served, error_of, serve_fake


@dataclass(frozen=True)
class Heard:
    """A server, and the engine that shows what it was asked for."""

    served: Served
    engine: FakeEngine

    def ask(self, path: str, **fields: Any) -> FakeStream:
        """What was spoken for a good request."""
        body = {_TEXT[path]: "Hello there.", **fields}
        form = path in ("/tts/clone", "/pocket/tts")
        sent: dict[str, Any] = {"data": body} if form else {"json": body}
        answer = self.served.client.post(path, **sent)
        assert answer.status_code == 200, answer.text
        return self.engine.streams[-1]


_TEXT = {
    "/tts": "script",
    "/v1/audio/speech": "input",
    "/v1/tts": "text",
    "/speak": "text",
    "/chattts/v1/audio/speech": "input",
    "/v1/text-to-speech/alba": "text",
    "/pocket/tts": "text",
}


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Heard]:
    folder = tmp_path_factory.mktemp("forgiving")
    voices = folder / "voices"
    voices.mkdir()
    write_wav(voices / "Emily.wav", voice_like(1.5))
    (voices / "Max.m4a").write_bytes((voices / "Emily.wav").read_bytes())
    engine = FakeEngine()
    with serve_fake(folder, engine) as served:
        yield Heard(served, engine)


@pytest.mark.parametrize(
    ("path", "fields", "kind"),
    [
        ("/tts", {"format": "MP3"}, "audio/mpeg"),
        ("/tts", {"format": ".Flac "}, "audio/flac"),
        ("/tts", {"format": "OGG", "bitrate": 64}, "audio/ogg"),
        ("/v1/audio/speech", {"response_format": "WAV"}, "audio/wav"),
        ("/v1/audio/speech", {"stream_format": "SSE"}, "text/event-stream"),
        ("/v1/tts", {"format": "Opus"}, "audio/ogg"),
        ("/v1/tts", {"latency": "Balanced"}, "audio/mpeg"),
        ("/speak", {"response_format": "Pcm", "pitch": "HIGH"}, "audio/pcm"),
        ("/chattts/v1/audio/speech", {"response_format": "WAV"}, "audio/wav"),
        ("/v1/text-to-speech/alba", {"apply_text_normalization": "OFF"}, "audio/mpeg"),
        ("/tts", {"type": "URL"}, "application/json"),
    ],
)
def test_words_in_capitals(heard: Heard, path: str, fields: dict[str, Any], kind: str) -> None:
    """Whether a word of a list comes in small or capital letters makes no difference."""
    body = {_TEXT[path]: "Hello there.", **fields}
    answer = heard.served.client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith(kind)


def test_output_format_in_capitals(heard: Heard) -> None:
    """ElevenLabs' names of formats as well, and those of previews."""
    client = heard.served.client
    path = "/v1/text-to-speech/alba?output_format=MP3_44100_64"
    assert client.post(path, json={"text": "Hi there."}).status_code == 200
    assert client.get("/voices/alba/preview?format=WAV").status_code == 200


@pytest.mark.parametrize("code", ["en-US", "EN", "en_GB", "English", "eng", "en-Latn-US", ""])
@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/tts", "language"),
        ("/v1/audio/speech", "language"),
        ("/v1/text-to-speech/alba", "language_code"),
    ],
)
def test_languages(heard: Heard, path: str, field: str, code: str) -> None:
    """A language may be written as clients write it."""
    heard.ask(path, **{field: code})


def test_a_language_that_nobody_speaks(heard: Heard) -> None:
    """What is no language here is refused with those that are."""
    answer = heard.served.client.post("/tts", json={"script": "Hi", "language": "xx-US"})
    error = error_of(answer, 400)
    assert error["field"] == "language"
    assert "'en', 'fr'" in error["message"]


@pytest.mark.parametrize("name", ["Emily.wav", "emily.WAV", "Emily.mp3", "Emily", " emily "])
@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/tts", "voice"),
        ("/tts", "model"),
        ("/v1/audio/speech", "voice"),
        ("/v1/tts", "reference_id"),
        ("/speak", "name"),
        ("/pocket/tts", "voice_url"),
    ],
)
def test_voices_by_the_names_of_their_files(heard: Heard, path: str, field: str, name: str) -> None:
    """A voice goes by the name of its file as well."""
    assert heard.ask(path, **{field: name}).voice == heard.ask("/tts", voice="Emily").voice


def test_a_voice_that_is_really_called_so(heard: Heard, tmp_path: Any) -> None:
    """A name that a voice has comes before the name of a file."""
    folder = heard.served.settings.voices_dir
    path = folder / "Emily.wav.wav"
    write_wav(path, voice_like(1.5)[::-1])
    assert heard.ask("/tts", voice="Emily.wav").voice != heard.ask("/tts", voice="Emily").voice
    path.unlink()


def test_voices_in_other_containers(heard: Heard) -> None:
    """A recording in VOICES_DIR is a voice in every format that is read."""
    assert "Max" in [each["name"] for each in heard.served.client.get("/voices").json()["voices"]]


@pytest.mark.parametrize("name", ["echo", "Echo", "ECHO "])
def test_openai_names_everywhere(heard: Heard, name: str) -> None:
    """OpenAI's names of voices mean the same on this server's own endpoint, and inside SSML."""
    meant = heard.ask("/tts", voice="marius").voice
    assert heard.ask("/tts", voice=name).voice == meant
    script = f'<speak><voice name="{name}">Hello.</voice></speak>'
    assert heard.ask("/tts", script=script).voice == meant


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/tts", "seed"),
        ("/v1/audio/speech", "seed"),
        ("/v1/tts", "seed"),
        ("/v1/text-to-speech/alba", "seed"),
    ],
)
def test_no_seed(heard: Heard, path: str, field: str) -> None:
    """-1 is how many programs say that there is no seed; other negative ones are refused."""
    for value in (-1, None, "-1"):
        assert heard.ask(path, **{field: value}).job.sampling.seed is None
    body = {_TEXT[path]: "Hello.", field: -2}
    assert heard.served.client.post(path, json=body).status_code == 400


def test_no_seed_for_many_texts(heard: Heard) -> None:
    """Both seeds of ChatTTS may be -1."""
    body = {"text": ["Hello."], "audio_seed": -1, "params_infer_code": {"manual_seed": -1}}
    assert heard.served.client.post("/generate_voice", json=body).status_code == 200
    assert heard.engine.streams[-1].job.sampling.seed is None


@pytest.mark.parametrize("prefix", ["", "data:audio/wav;base64,", "data:;base64,"])
def test_fish_references(heard: Heard, recording: bytes, prefix: str) -> None:
    """A reference in JSON is base64 or a data URL."""
    audio = prefix + base64.b64encode(recording).decode()
    heard.ask("/v1/tts", references=[{"audio": audio, "text": ""}])
    client = heard.served.client
    added = client.post("/v1/references/add", json={"id": "fresh", "audio": audio})
    assert added.status_code == 200, added.text
    assert client.delete("/voices/fresh").status_code == 200


@pytest.mark.parametrize("field", ["text", "input", "prompt", "Text"])
def test_the_script_by_another_name(heard: Heard, field: str) -> None:
    """What other services call the script is not taken, but the right name is told."""
    error = error_of(heard.served.client.post("/tts", json={field: "Hi"}), 400)
    assert error["field"] == field
    assert "did you mean 'script'?" in error["message"]


@pytest.mark.parametrize(
    ("field", "meant"),
    [
        ("response_format", "format"),
        ("output_format", "format"),
        ("voice_id", "voice"),
        ("reference_id", "voice"),
        ("language_code", "language"),
        ("streaming", "stream"),
    ],
)
def test_other_fields_by_other_names(heard: Heard, field: str, meant: str) -> None:
    """The same holds for the other fields that services call differently."""
    error = error_of(heard.served.client.post("/tts", json={"script": "Hi", field: "x"}), 400)
    assert f"did you mean {meant!r}?" in error["message"]


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/v1/audio/speech", "script"),
        ("/v1/audio/speech", "text"),
        ("/v1/tts", "input"),
        ("/v1/text-to-speech/alba", "script"),
        ("/speak", "input"),
    ],
)
def test_the_text_by_another_name(heard: Heard, path: str, sent: str) -> None:
    """Where unknown fields are ignored, the one that is missing is said to be called otherwise."""
    answer = heard.served.client.post(path, json={sent: "Hi"})
    assert answer.status_code == 400
    wanted = _TEXT[path]
    said = json.dumps(answer.json())
    assert f"{wanted} is required; did you mean it by {sent!r}?" in said


def test_a_form_by_another_name(client: httpx.Client, recording: bytes) -> None:
    """Fields of a form are named like those of JSON."""
    answer = client.post("/tts/clone", data={"text": "Hi"}, files={"voice_file": recording})
    assert "did you mean 'script'?" in error_of(answer, 400)["message"]


MARKED = "[alba] One. <break/> Two. [pause soon]"


@pytest.mark.parametrize("path", [*_TEXT, "/flash/v1/audio/speech", "/multi_speak"])
@pytest.mark.parametrize("off", ["off", "OFF", False])
def test_markup_is_switched_off(heard: Heard, path: str, off: object) -> None:
    """With `markup: "off"` every call speaks tags as they are written."""
    field = _TEXT.get(path, "text" if path == "/multi_speak" else "input")
    body = {field: MARKED, "markup": off}
    sent: dict[str, Any] = {"data": body} if path == "/pocket/tts" else {"json": body}
    answer = heard.served.client.post(path, **sent)
    assert answer.status_code == 200, answer.text
    spoken = " ".join(chunk.text for chunk in heard.engine.streams[-1].job.chunks)
    assert spoken.startswith("(alba) One.")
    assert "break" in spoken


def test_markup_is_switched_off_in_forms_and_batches(heard: Heard, recording: bytes) -> None:
    """The form of a clone and ChatTTS's many texts have it as well."""
    client = heard.served.client
    data = {"script": MARKED, "markup": "off"}
    answer = client.post("/tts/clone", data=data, files={"voice_file": recording})
    assert answer.status_code == 200, answer.text
    batch = client.post("/generate_voice", json={"text": [MARKED], "markup": "off"})
    assert batch.status_code == 200, batch.text


NGINX = {"Nginx": "engine X"}


@pytest.mark.parametrize("path", [*_TEXT, "/flash/v1/audio/speech", "/multi_speak"])
def test_pronunciations(heard: Heard, path: str) -> None:
    """Every call that takes this server's own fields takes pronunciations."""
    field = _TEXT.get(path, "text" if path == "/multi_speak" else "input")
    text = "<role:alba>Nginx is here." if path == "/multi_speak" else "Nginx is here."
    sent: dict[str, Any] = {"json": {field: text, "pronunciations": NGINX}}
    if path == "/pocket/tts":
        sent = {"data": {field: text, "pronunciations": json.dumps(NGINX)}}
    answer = heard.served.client.post(path, **sent)
    assert answer.status_code == 200, answer.text
    assert heard.engine.streams[-1].job.chunks[0].text == "engine X is here."


def test_pronunciations_in_forms_and_batches(heard: Heard, recording: bytes) -> None:
    """The form of a clone has them as JSON, empty if nothing was filled in."""
    client = heard.served.client
    for sent, spoken in ((json.dumps(NGINX), "engine X"), ("", "Nginx")):
        data = {"script": "Nginx", "pronunciations": sent}
        answer = client.post("/tts/clone", data=data, files={"voice_file": recording})
        assert answer.status_code == 200, answer.text
        assert heard.engine.streams[-1].job.chunks[0].text == spoken
    body = {"text": ["Nginx"], "pronunciations": NGINX}
    assert client.post("/generate_voice", json=body).status_code == 200
    assert heard.engine.streams[-1].job.chunks[0].text == "engine X"


def test_markup_stays_on(heard: Heard) -> None:
    """Nobody who says nothing gets their tags read aloud, and other words are refused."""
    client = heard.served.client
    assert client.post("/tts", json={"script": MARKED}).status_code == 400
    error = error_of(client.post("/tts", json={"script": "Hi", "markup": "some"}), 400)
    assert error["field"] == "markup"


@pytest.mark.parametrize(
    "script",
    [
        "[echo] hello there.\n[alba] Yes.",
        "[Echo]: hello there.\n[alba] Yes.",
        "<role:Echo>Hello there. <role:alba>Yes.",
        '<speak><voice name="echo">Hello there.</voice> <voice name="alba">Yes.</voice></speak>',
    ],
)
def test_openais_names_in_markup(fake_app: ServeFake, script: str) -> None:
    """OpenAI's names of voices are as good in a script as in a request."""
    engine = FakeEngine()
    assert fake_app(engine).client.post("/tts", json={"script": script}).is_success
    voices = [chunk.voice for chunk in engine.streams[0].job.chunks]
    assert voices == [FakeVoice("marius"), FakeVoice("alba")]


def test_ones_own_voice_comes_before_openais(fake_app: ServeFake) -> None:
    """A voice called Echo is meant by its name in any case, whatever OPENAI_VOICES says."""
    engine = FakeEngine(predefined_voices=("alba", "marius", "Echo"))
    served = fake_app(engine)
    for body in (
        {"script": "Hi.", "voice": "echo"},
        {"script": "[echo] Hi."},
        {"script": "[Echo] so there."},
    ):
        assert served.client.post("/tts", json=body).is_success
    voices = [stream.job.chunks[0].voice for stream in engine.streams]
    assert voices == [FakeVoice("Echo")] * 3


BODIES: dict[str, tuple[type[BaseModel], ...]] = {
    "/tts": (TtsBody,),
    "/v1/audio/speech": (SpeechBody,),
    "/v1/tts": (FishSpeech,),
    "/speak": (FlashSpeakBody,),
    "/chattts/v1/audio/speech": (ChatSpeechBody,),
    "/v1/text-to-speech/alba": (ElevenSpeechBody, VoiceSettings),
}


@pytest.mark.parametrize("path", BODIES)
def test_null_is_unset(heard: Heard, path: str) -> None:
    """Clients in typed languages send null for what they leave out; the text has to be there."""
    body, *inner = BODIES[path]
    nulls: dict[str, Any] = dict.fromkeys(body.model_fields)
    heard.ask(path, **nulls | {_TEXT[path]: "Hello there."})
    for each in inner:
        heard.ask(path, voice_settings=dict.fromkeys(each.model_fields))
    answer = heard.served.client.post(path, json={_TEXT[path]: None})
    assert answer.status_code == 400
    assert f"{_TEXT[path]} is required" in answer.text


@pytest.mark.parametrize("path", ["/tts", "/v1/audio/speech"])
def test_a_voice_that_the_script_names(heard: Heard, path: str) -> None:
    """An error about a voice in the markup is about the text, whatever else was sent."""
    script = '<speak><voice name="nobody">Hi.</voice></speak>'
    answer = heard.served.client.post(path, json={_TEXT[path]: script})
    assert answer.status_code == 404
    error = answer.json()["error"]
    assert error.get("field", error.get("param")) == _TEXT[path]
    said = f"the voice in {_TEXT[path]} 'nobody' does not exist; available voices: "
    assert error["message"].startswith(said)
