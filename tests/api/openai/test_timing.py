"""OpenAI's and Kokoro-FastAPI's clients are told when words are heard."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from openai import OpenAI

from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.serving import KEY, Served

TEXT = "It costs $3.50.\n\nThat is all."
WORDS = ["It", "costs", "$3.50.", "That", "is", "all."]
SENTENCES = ["It costs $3.50.", "That is all."]


@pytest.fixture(scope="module")
def client(server: Served) -> httpx.Client:
    return server.client


@pytest.fixture(scope="module")
def sdk(server: Served) -> Iterator[OpenAI]:
    with OpenAI(api_key=KEY, base_url=f"{server.url}/v1") as client:
        yield client


def events_of(sdk: OpenAI, **extra: Any) -> list[dict[str, Any]]:
    """Every event in order, read with the SDK as its users do, and taken apart by hand."""
    with sdk.audio.speech.with_streaming_response.create(
        model="tts-1", voice="alba", input=TEXT, stream_format="sse", extra_body=extra
    ) as answer:
        lines = list(answer.iter_lines())
    return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]


def test_marks_between_the_audio(sdk: OpenAI) -> None:
    """The words come while the audio does, each once and in order, before the stream is done."""
    events = events_of(sdk, timestamps="word")
    kinds = [event["type"] for event in events]
    assert kinds[0] == "speech.audio.delta"
    assert kinds[-1] == "speech.audio.done"
    first_mark = kinds.index("speech.audio.marks")
    assert "speech.audio.delta" in kinds[first_mark:]
    marks = [event for event in events if event["type"] == "speech.audio.marks"]
    words = [word for event in marks for word in event.get("words", [])]
    sentences = [mark for event in marks for mark in event.get("sentences", [])]
    assert [word["text"] for word in words] == WORDS
    assert [mark["text"] for mark in sentences] == SENTENCES
    assert {event["method"] for event in marks} == {"estimated"}
    at = 0.0
    for word in words:
        assert at <= word["start"] < word["end"]
        assert TEXT[word["script_start"] : word["script_end"]] == word["text"]
        at = word["end"]


def test_sentences_alone(sdk: OpenAI) -> None:
    """Who asks for sentences hears of no words."""
    marks = [event for event in events_of(sdk, timestamps="sentence") if "sentences" in event]
    assert [mark["text"] for event in marks for mark in event["sentences"]] == SENTENCES
    assert not any("words" in event for event in marks)


def test_no_marks_unasked(sdk: OpenAI) -> None:
    """Without timestamps the stream has the events that OpenAI's has."""
    kinds = {event["type"] for event in events_of(sdk)}
    assert kinds == {"speech.audio.delta", "speech.audio.done"}


def check_captioned(words: list[dict[str, Any]]) -> None:
    assert [word["word"] for word in words] == WORDS
    assert all(set(word) == {"word", "start_time", "end_time"} for word in words)
    times = [time for word in words for time in (word["start_time"], word["end_time"])]
    assert times == sorted(times)


def test_json(client: httpx.Client) -> None:
    """As JSON the answer has the audio as MP3 and the words, in Kokoro-FastAPI's shape."""
    body = {"input": TEXT, "response_format": "json", "timestamps": "word"}
    content = client.post("/v1/audio/speech", json=body).json()
    assert content["audio_format"] == "audio/mpeg"
    assert base64.b64decode(content["audio"])[:2] in (b"\xff\xfb", b"ID")
    check_captioned(content["timestamps"])
    plain = client.post("/v1/audio/speech", json={"input": TEXT, "response_format": "JSON"})
    assert plain.json()["timestamps"] is None


@pytest.mark.parametrize("path", ["/dev/captioned_speech", "/openai/dev/captioned_speech"])
def test_captioned_speech(client: httpx.Client, path: str) -> None:
    """Kokoro-FastAPI's clients get what they know, as one document."""
    body = {"model": "kokoro", "input": TEXT, "voice": "alba", "response_format": "wav"}
    content = client.post(path, json={**body, "stream": False, "speed": 1.5}).json()
    assert base64.b64decode(content["audio"]).startswith(b"RIFF")
    assert content["audio_format"] == "audio/wav"
    check_captioned(content["timestamps"])


def test_captioned_stream(client: httpx.Client) -> None:
    """Streamed, which is the default, each line is a document with some audio and new words."""
    body = {
        "model": "kokoro",
        "input": TEXT,
        "voice": "alba",
        "response_format": "pcm",
        "seed": "5",
    }
    with client.stream("POST", "/dev/captioned_speech", json=body) as answer:
        assert answer.headers["content-type"] == "application/json"
        lines = [json.loads(line) for line in answer.iter_lines()]
    assert len(lines) > 2
    check_captioned([word for line in lines for word in line["timestamps"]])
    pcm = b"".join(base64.b64decode(line["audio"]) for line in lines)
    complete = client.post("/dev/captioned_speech", json={**body, "stream": False}).json()
    assert len(pcm) == len(base64.b64decode(complete["audio"]))


def test_no_timestamps_asked_for(fake_app: ServeFake) -> None:
    """Nobody's words are timed in vain."""
    engine = FakeEngine()
    client = fake_app(engine).client
    body = {"input": TEXT, "return_timestamps": False, "stream": False}
    assert client.post("/dev/captioned_speech", json=body).json()["timestamps"] is None
    client.post("/v1/audio/speech", json={"input": TEXT, "stream_format": "sse"})
    assert [stream.job.timed for stream in engine.streams] == [False, False]


@pytest.mark.parametrize(
    ("fields", "param", "words"),
    [
        ({"timestamps": "word"}, "timestamps", "stream_format=sse or response_format=json"),
        ({"timestamps": "letter"}, "timestamps", "'none', 'sentence' or 'word'"),
        (
            {"response_format": "json", "stream_format": "sse"},
            "response_format",
            "cannot be combined",
        ),
    ],
)
def test_what_is_refused(
    client: httpx.Client, fields: dict[str, Any], param: str, words: str
) -> None:
    """What cannot be told says how it could."""
    answer = client.post("/v1/audio/speech", json={"input": TEXT, **fields})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param
    assert words in answer.json()["error"]["message"]
