"""ElevenLabs' text to dialogue, with its SDK."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from elevenlabs import DialogueInput
from elevenlabs.core import ApiError

from tests.api.elevenlabs.sdk import ONCE, detail_of, sdk_for
from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.listening import listen
from tests.serving import Served, serve_fake

LINES = [
    DialogueInput(text="Did you lock the door?", voice_id="alba"),
    DialogueInput(text="I thought you did.", voice_id="marius"),
    DialogueInput(text="[laughs] No!", voice_id="alba"),
]
TEXT = "".join(line.text for line in LINES)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve_fake(tmp_path_factory.mktemp("dialogue")) as served:
        yield served


def spoken(engine: FakeEngine) -> list[tuple[str, str]]:
    """Who says what, chunk by chunk."""
    return [
        (str(getattr(chunk.voice, "name", "")), chunk.text)
        for stream in engine.streams
        for chunk in stream.job.chunks
    ]


def test_real_model(server: Served, ffmpeg: Path, tmp_path: Path) -> None:
    """The tiny model speaks all lines into one file."""
    lines = [
        DialogueInput(text="Hello there.", voice_id="alba"),
        DialogueInput(text="Good evening.", voice_id="bruno"),
    ]
    data = b"".join(sdk_for(server).text_to_dialogue.convert(inputs=lines, model_id="eleven_v3"))
    found = listen(ffmpeg, tmp_path, data, "mp3")
    assert len(found.pcm) > found.sample_rate_hz
    assert np.sqrt(np.mean(found.pcm**2)) > 0.005


def test_voices(fake_server: ServeFake) -> None:
    """Each line has its voice, whole or live; an id that clients ship is one of ours."""
    engine = FakeEngine()
    dialogue = sdk_for(fake_server(engine)).text_to_dialogue
    expected = [
        ("alba", "Did you lock the door?"),
        ("marius", "I thought you did."),
        ("alba", "No!"),
    ]
    for speak in (dialogue.convert, dialogue.stream):
        engine.streams.clear()
        assert b"".join(speak(inputs=LINES, output_format="pcm_24000"))
        assert spoken(engine) == expected
    shipped = DialogueInput(text="Hello.", voice_id="VR6AewLTigWG4xSOukaG")
    assert b"".join(dialogue.convert(inputs=[shipped]))
    assert spoken(engine)[-1] == ("marius", "Hello.")
    nobody = DialogueInput(text="Hello.", voice_id="nobody")
    with pytest.raises(ApiError) as caught:
        b"".join(dialogue.convert(inputs=[nobody], request_options=ONCE))
    assert "available voices: alba, marius" in detail_of(caught, 404)["message"]


def test_times(served: Served) -> None:
    """All characters that were sent have times, and each line is a segment; no markup is seen."""
    dialogue = sdk_for(served).text_to_dialogue
    whole = dialogue.convert_with_timestamps(inputs=LINES, output_format="pcm_24000")
    pieces = [*dialogue.stream_with_timestamps(inputs=LINES, output_format="pcm_24000")]
    assert whole.alignment is not None
    assert "".join(whole.alignment.characters) == TEXT
    joined = [piece.alignment for piece in pieces if piece.alignment is not None]
    assert "".join("".join(each.characters) for each in joined) == TEXT
    starts = whole.alignment.character_start_times_seconds
    assert starts == sorted(starts)
    place = 0
    for number, (segment, line) in enumerate(zip(whole.voice_segments, LINES, strict=True)):
        assert (segment.voice_id, segment.dialogue_input_index) == (line.voice_id, number)
        assert segment.character_start_index == place
        place += len(line.text)
        assert segment.character_end_index == place
        assert segment.start_time_seconds == starts[segment.character_start_index]
        assert segment.start_time_seconds < segment.end_time_seconds
    found: dict[int, str] = {}
    for piece in pieces:
        characters = "" if piece.alignment is None else "".join(piece.alignment.characters)
        for segment in piece.voice_segments:
            part = characters[segment.character_start_index : segment.character_end_index]
            number = segment.dialogue_input_index
            found[number] = found.get(number, "") + part
    assert list(found.values()) == [line.text for line in LINES]
    seconds = len(base64.b64decode(whole.audio_base_64)) / 48000
    assert whole.voice_segments[-1].end_time_seconds == pytest.approx(seconds, abs=0.01)


@pytest.mark.parametrize(
    ("changed", "status", "words"),
    [
        ({"inputs": []}, 400, "inputs"),
        ({"inputs": [{"text": "Hi."}]}, 400, "inputs"),
        ({"inputs": [{"text": "Hi.", "voice_id": "nobody"}]}, 404, "'nobody' does not exist"),
        ({"inputs": [{"text": "Hi.", "voice_id": "x>y"}]}, 404, "does not exist"),
        ({"inputs": [{"text": " ", "voice_id": "alba"}]}, 400, "is empty"),
        ({"inputs": [{"text": "Hi.", "voice_id": f"v{n}"} for n in range(11)]}, 400, "10 are"),
        ({"markup": "off"}, 400, "markup=off"),
        ({"audio_effects": {"pan": 1}}, 400, "audio_effects"),
        ({"seed": "x"}, 400, "seed"),
    ],
)
def test_refusals(served: Served, changed: dict[str, Any], status: int, words: str) -> None:
    """What cannot be spoken is refused in ElevenLabs' own shape."""
    body = {"inputs": [{"text": "Hi there.", "voice_id": "alba"}], **changed}
    answer = served.client.post("/v1/text-to-dialogue", json=body)
    assert answer.status_code == status, answer.text
    assert words in answer.json()["detail"]["message"]


def test_nothing_to_say(served: Served) -> None:
    """Lines without words are a short silence, as everywhere."""
    line = DialogueInput(text="🙂", voice_id="alba")
    data = b"".join(
        sdk_for(served).text_to_dialogue.convert(inputs=[line], output_format="pcm_24000")
    )
    assert len(data) == pytest.approx(0.2 * 48000, abs=100)
