"""The preview voice says the words: through HTTP, MP3 and a recogniser."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from app.engine.preview import PREVIEW_CONFIG, stand_ins
from tests.api.elevenlabs.sdk import sdk_for
from tests.listening import listen
from tests.serving import Served, make_settings, serve
from training.preview.recogniser import Recogniser, edit_distance, words_of

pytest.importorskip("pocketsphinx", reason="no recogniser for this Python")

pytestmark = pytest.mark.long

EVERYDAY = (
    "The weather is nice today.",
    "Please close the window before you go to sleep.",
    "We will meet at the station in the morning.",
    "My brother works in a small office.",
    "There is a letter for you on the table.",
    "I would like a cup of coffee with milk.",
    "The train to the city leaves in ten minutes.",
    "She has lived in this house for many years.",
    "Can you tell me where the hospital is?",
    "Thank you very much for your help.",
)
MOST_WORD_ERRORS = 0.25


@pytest.fixture(scope="module")
def preview(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that was told to speak with the preview voice."""
    settings = make_settings(tmp_path_factory.mktemp("preview"), model_language="preview")
    with serve(settings) as served:
        served.wait_until(lambda health: health["model"]["state"] == "ready", seconds=60)
        yield served


@pytest.fixture
def client(preview: Served) -> httpx.Client:
    return preview.client


def spoken(
    client: httpx.Client, ffmpeg: Path, folder: Path, script: str, voice: str = "alba"
) -> NDArray[np.floating[Any]]:
    answer = client.post("/tts", json={"script": script, "seed": 1, "voice": voice})
    assert answer.status_code == 200
    return listen(ffmpeg, folder, answer.content, "mp3").pcm


def heard(client: httpx.Client, ffmpeg: Path, folder: Path, script: str) -> list[str]:
    return recognised(spoken(client, ffmpeg, folder, script))


def recognised(pcm: NDArray[np.floating[Any]]) -> list[str]:
    return words_of(_recogniser().words(pcm, 24_000))


@cache
def _recogniser() -> Recogniser:
    """One for all, since it takes long to make."""
    return Recogniser()


def usual_pitch_hz(pcm: NDArray[np.floating[Any]]) -> float:
    """By the autocorrelation of pieces of 80 ms, all of one weight."""
    pieces = pcm[: len(pcm) // 1920 * 1920].reshape(-1, 1920)
    repeated = np.fft.irfft(np.abs(np.fft.rfft(pieces, 3840)) ** 2)
    repeated = (repeated / (repeated[:, :1] + 1e-3)).mean(0)
    shortest, longest = 24_000 // 320, 24_000 // 60
    return 24_000 / (shortest + int(repeated[shortest:longest].argmax()))


@pytest.mark.parametrize("voice", ["alba", "marius"])
def test_everyday_sentences(client: httpx.Client, ffmpeg: Path, tmp_path: Path, voice: str) -> None:
    """Ten sentences, spoken, encoded, decoded and recognised, have most of their words."""
    wrong = total = 0
    for sentence in EVERYDAY:
        said = words_of(sentence)
        words = recognised(spoken(client, ffmpeg, tmp_path, sentence, voice))
        wrong += edit_distance(said, words)
        total += len(said)
    assert wrong / total < MOST_WORD_ERRORS


def test_another_seed_is_another_melody_of_the_same_words(
    client: httpx.Client, ffmpeg: Path, tmp_path: Path
) -> None:
    """At a temperature; the same seed is the same melody, and at 0 all seeds are."""

    def take(seed: int, temperature: float) -> NDArray[np.floating[Any]]:
        body = {"script": script, "seed": seed, "temperature": temperature, "format": "wav"}
        answer = client.post("/tts", json=body)
        assert answer.status_code == 200
        return listen(ffmpeg, tmp_path, answer.content, "wav").pcm

    wrong = total = 0
    moved, still = [], []
    for script in EVERYDAY[:5]:
        one, other = take(1, 0.7), take(2, 0.7)
        moved += semitones(one, other)
        still += semitones(one, take(1, 0.7)) + semitones(take(1, 0.0), take(2, 0.0))
        assert len(other) == pytest.approx(len(one), rel=0.1)
        for words in map(recognised, (one, other)):
            wrong += edit_distance(words_of(script), words)
            total += len(words_of(script))
    assert wrong / total < MOST_WORD_ERRORS
    assert 0.3 < np.quantile(moved, 0.75) < 4
    assert np.quantile(still, 0.75) < 0.05


def semitones(one: NDArray[np.floating[Any]], other: NDArray[np.floating[Any]]) -> list[float]:
    """How far apart their pitches are in each half of a second that both have."""
    together = min(len(one), len(other)) // 12_000 * 12_000
    pitches = (
        [usual_pitch_hz(pcm[start : start + 12_000]) for start in range(0, together, 12_000)]
        for pcm in (one, other)
    )
    return [abs(12 * np.log2(a / b)) for a, b in zip(*pitches, strict=True)]


def test_a_man_is_spoken_for_by_a_deeper_voice(
    client: httpx.Client, ffmpeg: Path, tmp_path: Path
) -> None:
    """The prompt changes the voice."""
    script = " ".join(EVERYDAY[:3])
    high, deep = (
        usual_pitch_hz(spoken(client, ffmpeg, tmp_path, script, voice))
        for voice in ("alba", "marius")
    )
    assert 140 < high < 260
    assert 70 < deep < 135


def test_order_of_a_long_script(client: httpx.Client, ffmpeg: Path, tmp_path: Path) -> None:
    """A script of many chunks keeps its sentences in order: most of its words, in their places."""
    said = words_of(" ".join(EVERYDAY))
    words = heard(client, ffmpeg, tmp_path, " ".join(EVERYDAY))
    backwards = words_of(" ".join(reversed(EVERYDAY)))
    assert edit_distance(said, words) / len(said) < MOST_WORD_ERRORS
    assert edit_distance(backwards, words) > 1.5 * edit_distance(said, words)


def test_requests_do_not_mix(client: httpx.Client, ffmpeg: Path, tmp_path: Path) -> None:
    """Two requests at the same time each say their own words, and what they say alone."""
    scripts = (" ".join(EVERYDAY[:3]), " ".join(EVERYDAY[3:6]))
    for folder in ("0", "1"):
        (tmp_path / folder).mkdir()
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(
            lambda each: spoken(client, ffmpeg, tmp_path / str(each[0]), each[1]),
            enumerate(scripts),
        )
    for own, other, words in ((0, 1, recognised(first)), (1, 0, recognised(second))):
        mine, theirs = words_of(scripts[own]), words_of(scripts[other])
        assert edit_distance(mine, words) / len(mine) < MOST_WORD_ERRORS
        assert edit_distance(theirs, words) / len(theirs) > 0.7


def test_says_what_it_is(client: httpx.Client) -> None:
    """Chosen on purpose it is no stand-in, and still names itself and the voice that is heard."""
    for voice in ("alba", "marius"):
        answer = client.post("/tts", json={"script": "Hello.", "voice": voice})
        assert answer.headers["x-tts-model"] == "preview"
        assert answer.headers["x-tts-voice"] == stand_ins()[voice] != voice
    assert client.get("/ready").json() == {"ready": True, "model": "preview"}


def test_cloning(client: httpx.Client, ffmpeg: Path, tmp_path: Path) -> None:
    """A recording decides how deep it speaks, and is not given another voice's name."""
    recording = PREVIEW_CONFIG.with_name("voices") / "adam.wav"
    answer = client.post(
        "/tts/clone",
        data={"script": EVERYDAY[1]},
        files={"voice_file": ("v.wav", recording.read_bytes())},
    )
    assert answer.status_code == 200
    assert "x-tts-voice" not in answer.headers
    assert 70 < usual_pitch_hz(listen(ffmpeg, tmp_path, answer.content, "mp3").pcm) < 135


def test_times_of_characters(preview: Served) -> None:
    """ElevenLabs' times fit the sound: words are loud, and a pause tag stands in silence."""
    text = f"{EVERYDAY[0]} [pause 1s] It costs $3.50 today.\n"
    answer = sdk_for(preview).text_to_speech.convert_with_timestamps(
        "alba", text=text, seed=1, output_format="pcm_24000"
    )
    assert answer.alignment is not None
    starts, ends = (
        np.array(answer.alignment.character_start_times_seconds),
        np.array(answer.alignment.character_end_times_seconds),
    )
    assert "".join(answer.alignment.characters) == text
    pcm = np.frombuffer(base64.b64decode(answer.audio_base_64), np.int16) / 32768
    assert ends[-1] <= len(pcm) / 24_000
    tag = slice(text.index(" ["), text.index("It"))
    silence = (starts[tag][0], ends[tag][-1])
    assert 1.0 <= silence[1] - silence[0] < 1.7  # the pause, and what sentences end and begin with
    before = (starts[0], silence[0])
    price = text.index("$")
    after = (starts[price], ends[price + 4])
    quiet, loud, cost = (
        (pcm[int(24_000 * start) : int(24_000 * end)] ** 2).mean()
        for start, end in (silence, before, after)
    )
    assert quiet < 0.02 * min(loud, cost)
    # "Three dollars and fifty cents" takes its time.
    assert 1.0 < after[1] - after[0] < 3.0
