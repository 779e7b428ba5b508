"""Answers tell when words are heard, and captions fit the audio they belong to."""

from __future__ import annotations

import base64
import io
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pysubs2
import pytest
import webvtt

from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.serving import Served, error_of, in_process, make_settings

SCRIPT = "It costs $3.50 — really!\n\nThat is all."
WORDS = ["It", "costs", "$3.50 —", "really!", "That", "is", "all."]
SENTENCES = ["It costs $3.50 — really!", "That is all."]


@pytest.fixture(scope="module")
def client(server: Served) -> httpx.Client:
    return server.client


def told(client: httpx.Client, **fields: Any) -> dict[str, Any]:
    answer = client.post("/tts", json={"script": SCRIPT, "format": "wav", **fields})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    content: dict[str, Any] = answer.json()
    return content


def check_times(content: dict[str, Any]) -> None:
    """Times go forwards, and end with the audio."""
    for kind in ("sentences", "words"):
        at = 0.0
        for mark in content[kind]:
            assert at <= mark["start"] < mark["end"] <= content["duration_seconds"] + 1e-3
            assert SCRIPT[mark["script_start"] : mark["script_end"]].split() == mark["text"].split()
            at = mark["end"] if kind == "words" else mark["start"]


def test_words_and_sentences(client: httpx.Client) -> None:
    """A file with times is JSON: the audio in base64, and every word as it was written."""
    content = told(client, timestamps="word")
    assert [mark["text"] for mark in content["words"]] == WORDS
    assert [mark["text"] for mark in content["sentences"]] == SENTENCES
    assert content["content_type"] == "audio/wav"
    assert content["method"] == "estimated"
    check_times(content)
    with wave.open(io.BytesIO(base64.b64decode(content["audio"]))) as clip:
        seconds = clip.getnframes() / clip.getframerate()
    assert content["duration_seconds"] == pytest.approx(seconds, abs=0.002)


def test_sentences_alone(client: httpx.Client) -> None:
    """Who asks for sentences is told of no words."""
    content = told(client, timestamps="SENTENCE")
    assert [mark["text"] for mark in content["sentences"]] == SENTENCES
    assert "words" not in content


@pytest.mark.parametrize("captions", [["srt", "vtt"], "srt, VTT", ["srt,vtt"]])
def test_captions_in_the_answer(client: httpx.Client, captions: object, tmp_path: Path) -> None:
    """Captions come beside the audio, however their names are listed, and others can read them."""
    content = told(client, captions=captions)
    assert set(content["captions"]) == {"srt", "vtt"}
    srt, vtt = tmp_path / "a.srt", tmp_path / "a.vtt"
    srt.write_text(content["captions"]["srt"], "utf-8")
    vtt.write_text(content["captions"]["vtt"], "utf-8")
    shown = " ".join(event.plaintext for event in pysubs2.load(str(srt)))
    assert shown.split() == SCRIPT.split()
    assert " ".join(cue.text for cue in webvtt.read(str(vtt)).captions).split() == SCRIPT.split()


def test_saved_captions(client: httpx.Client) -> None:
    """With type=url the captions have addresses of their own, beside the audio's."""
    content = told(client, type="url", captions=["vtt", "srt", "json", "lrc"])
    assert set(content) == {"url", "filename", "captions"}
    types = {"vtt": "text/vtt", "srt": "application/x-subrip", "json": "application/json"}
    for name, url in content["captions"].items():
        answer = client.get(url)
        assert answer.status_code == 200
        assert answer.headers["content-type"].split(";")[0] == types.get(name, "text/plain")
        assert Path(httpx.URL(url).path).stem == Path(content["filename"]).stem
        assert "really!" in answer.text
    assert client.delete(httpx.URL(content["url"]).path).status_code == 204
    assert client.get(content["captions"]["srt"]).status_code == 404


def test_saved_times(client: httpx.Client) -> None:
    """With type=url and timestamps the times stand in the answer."""
    content = told(client, type="url", timestamps="word")
    assert "audio" not in content
    check_times(content)


def test_limits_of_captions(client: httpx.Client) -> None:
    """Lines are as long as they are asked to be."""
    content = told(client, captions="srt", caption_line_chars=12, caption_lines=1)
    lines = content["captions"]["srt"].splitlines()
    assert max(map(len, lines[2::4])) <= 12


def test_speech_is_shaped_with_its_times(client: httpx.Client) -> None:
    """Slower speech has later words, and the end of the last one stays within the audio."""
    same = {"timestamps": "word", "seed": 5}
    plain, slow = told(client, **same), told(client, **same, speed=0.5)
    assert slow["duration_seconds"] == pytest.approx(2 * plain["duration_seconds"], rel=0.2)
    assert slow["words"][-1]["start"] > 1.5 * plain["words"][-1]["start"]
    check_times(slow)


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"timestamps": "letter"}, "timestamps", "'none', 'sentence' or 'word'"),
        ({"captions": ["ass"]}, "captions", "'srt', 'vtt', 'json' or 'lrc'"),
        ({"captions": 3}, "captions", "list"),
        ({"captions": "srt", "stream": True}, "stream", "timestamps tell times live"),
        ({"captions": "srt", "caption_lines": 0}, "caption_lines", "greater than or equal to 1"),
    ],
)
def test_what_is_refused(
    client: httpx.Client, fields: dict[str, Any], field: str, words: str
) -> None:
    """What cannot be done says so and names what is allowed."""
    error = error_of(client.post("/tts", json={"script": SCRIPT, **fields}), 400)
    assert error["field"].startswith(field)
    assert words in error["message"]


def test_captions_of_a_clone(client: httpx.Client, recording: bytes) -> None:
    """The form of /tts/clone has the same fields, where a list may be repeated or have commas."""
    for captions in (["srt", "lrc"], ["srt,lrc"]):
        answer = client.post(
            "/tts/clone",
            data={"script": SCRIPT, "captions": captions},
            files={"voice_file": ("a.wav", recording)},
        )
        assert answer.status_code == 200, answer.text
        assert set(answer.json()["captions"]) == {"srt", "lrc"}


def test_nobody_is_timed_who_does_not_ask(fake_app: ServeFake) -> None:
    """The engine times words for those only who want to know."""
    engine = FakeEngine()
    client = fake_app(engine).client
    client.post("/tts", json={"script": SCRIPT})
    client.post("/tts", json={"script": SCRIPT, "timestamps": "word"})
    assert [stream.job.timed for stream in engine.streams] == [False, True]


@pytest.fixture(scope="module")
def preview(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    settings = make_settings(tmp_path_factory.mktemp("preview"), model_language="preview")
    with in_process(settings) as served:
        served.wait_until(lambda health: health["model"]["state"] == "ready", seconds=60)
        yield served.client


def test_real_speech(preview: httpx.Client) -> None:
    """The preview voice's words are measured: a pause in the script is a gap between two."""
    script = "Good morning everybody. [pause 1.5s] This costs $20 today."
    answer = preview.post(
        "/tts", json={"script": script, "format": "wav", "timestamps": "word", "temperature": 0}
    )
    content = answer.json()
    assert content["method"] == "attention"
    words = {mark["text"]: mark for mark in content["words"]}
    assert list(words) == ["Good", "morning", "everybody.", "This", "costs", "$20", "today."]
    gap_seconds = words["This"]["start"] - words["everybody."]["end"]
    assert 1.4 < gap_seconds < 2.2
    assert 0.3 < words["$20"]["end"] - words["$20"]["start"] < 1.2
    assert words["today."]["end"] <= content["duration_seconds"]
