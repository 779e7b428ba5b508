"""The preview voice that comes with the repository: small enough, whole, and it speaks."""

from __future__ import annotations

import json
import logging
import wave

import pytest
import yaml
from pocket_tts import TTSModel
from tokenizers import Tokenizer

from training.preview.evaluate import UnfinishedSentences
from training.preview.export import CONFIG, SHIPPED_FOLDER, load_exported
from training.preview.sentences import held_out_sentences
from training.preview.symbols import FIRST_PHONE

MAX_BYTES = 16_000_000


@pytest.fixture(scope="module")
def shipped() -> TTSModel:
    return load_exported(SHIPPED_FOLDER / CONFIG)


def test_it_is_small_enough_for_the_repository() -> None:
    assert sum(f.stat().st_size for f in SHIPPED_FOLDER.rglob("*") if f.is_file()) <= MAX_BYTES


def test_its_paths_are_relative_to_itself() -> None:
    config = yaml.safe_load((SHIPPED_FOLDER / CONFIG).read_text("utf-8"))
    for name in (config["weights_path"], config["flow_lm"]["lookup_table"]["tokenizer_path"]):
        assert "/" not in name
        assert (SHIPPED_FOLDER / name).is_file()


def test_every_voice_has_a_sex_and_a_short_prompt() -> None:
    voices = json.loads((SHIPPED_FOLDER / "voices.json").read_text("utf-8"))
    prompts = {path.stem: path for path in (SHIPPED_FOLDER / "voices").glob("*.wav")}
    assert voices.keys() == prompts.keys()
    assert {voice["sex"] for voice in voices.values()} <= {"female", "male"}
    for path in prompts.values():
        with wave.open(str(path)) as file:
            assert (file.getframerate(), file.getnchannels()) == (24000, 1)
            assert file.getnframes() <= 5 * 24000


def test_common_words_are_spoken_by_their_phones() -> None:
    tokenizer = Tokenizer.from_file(str(SHIPPED_FOLDER / "tokenizer.json"))
    letters = [
        t for t in tokenizer.encode("Hello, the weather is cold today!").tokens if t.isalpha()
    ]
    assert all(ord(token) >= FIRST_PHONE for token in letters)


def test_everyday_sentences_end_by_themselves(
    shipped: TTSModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    unfinished = UnfinishedSentences()
    logger = logging.getLogger("pocket_tts.models.tts_model")
    monkeypatch.setattr(logger, "handlers", [*logger.handlers, unfinished])
    state = shipped.get_state_for_audio_prompt(SHIPPED_FOLDER / "voices" / "sarah.wav")
    for sentence in held_out_sentences()["everyday"][:5]:
        audio = shipped.generate_audio(state, sentence)
        seconds_a_word = len(audio) / 24000 / len(sentence.split())
        assert 0.15 < seconds_a_word < 0.8, sentence
        assert 0.02 < float(audio.std()) < 0.3, sentence
    assert unfinished.count == 0
