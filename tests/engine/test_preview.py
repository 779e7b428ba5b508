"""The preview voice that ships with the server."""

from __future__ import annotations

import threading
import time
import wave

import pytest
from pocket_tts.utils.utils import _ORIGINS_OF_PREDEFINED_VOICES

from app.engine.languages import PREDEFINED_SEXES
from app.engine.loader import load_model
from app.engine.preview import PREVIEW_CONFIG, preview_voices, stand_ins, voice_prompts
from app.engine.prompt import token_counter
from app.engine.weights import fetch_model
from app.text.normalise import normalise

MOST_BYTES = 16_000_000
LONGEST_PROMPT_SECONDS = 6.0


def test_size() -> None:
    """All of it is at most 12 MB."""
    files = [path for path in PREVIEW_CONFIG.parent.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= MOST_BYTES


def test_every_released_voice_has_a_stand_in() -> None:
    """Whatever voice pocket-tts knows is spoken, by a voice of the same sex where there is one."""
    assert set(PREDEFINED_SEXES) == set(_ORIGINS_OF_PREDEFINED_VOICES)
    voices = preview_voices()
    for name, sex in PREDEFINED_SEXES.items():
        stand_in = stand_ins()[name]
        assert voices[stand_in] == sex or sex not in voices.values()


@pytest.mark.parametrize("name", sorted(preview_voices()))
def test_prompts(name: str) -> None:
    """Each voice has a short recording, in the form that the engine reads."""
    with wave.open(str(voice_prompts()[name]), "rb") as file:
        assert file.getparams()[:3] == (1, 2, 24_000)
        assert 0.5 < file.getnframes() / 24_000 <= LONGEST_PROMPT_SECONDS


def test_own_voices_are_listed() -> None:
    """The voices it really has can be asked for by their own names too."""
    assert set(voice_prompts()) == set(PREDEFINED_SEXES) | set(preview_voices())


@pytest.mark.parametrize("text", ["$3.50 " * 1500, "1" * 8000])
def test_reading_a_long_script_keeps_nobody_waiting(text: str) -> None:
    """The tokenizer has rules for 50,000 words: other threads run while it works."""
    model = load_model(fetch_model(language="", config=str(PREVIEW_CONFIG)))
    longest_seconds = 0.0
    words = normalise(text, language="en").text
    reading = threading.Thread(target=token_counter, args=(model, words))
    before = time.process_time()
    reading.start()
    while reading.is_alive():
        time.sleep(0.001)
        now = time.process_time()
        longest_seconds = max(longest_seconds, now - before)
        before = now
    assert longest_seconds < 0.4
