"""The parts of the preview voice's recipe, each by what can be said of it without training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

from tests.training.stand_in import heard, utterances
from training.preview import vocoder
from training.preview.analysis import say
from training.preview.change_of_basis import maps_between
from training.preview.conditioning import BatchMaker
from training.preview.corpus import build_corpus
from training.preview.language_model import guidance_loss
from training.preview.latents import COMPONENTS, find_basis, patches_of, words_with_phones
from training.preview.lexicon import choose, count_words
from training.preview.recogniser import WordError, edit_distance
from training.preview.spectral_loss import AudioLoss
from training.preview.symbols import phone_character, write_tokenizer
from training.preview.training_loop import Schedule
from training.preview.voices import DEEP, TEACHER


@pytest.mark.parametrize(
    ("said", "heard", "edits"),
    [("a b c", "a b c", 0), ("a b c", "a c", 1), ("a b", "a x b y", 2), ("", "a", 1), ("a", "", 1)],
)
def test_edit_distance(said: str, heard: str, edits: int) -> None:
    assert edit_distance(said.split(), heard.split()) == edits


def test_word_error_counts_over_sentences() -> None:
    error = WordError()
    error.count("Good morning, Anna.", "good morning and a")
    error.count("Hello!", "hello")
    assert (error.edits, error.words) == (2, 4)
    assert error.percent == 50.0


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("Dr. Smith", "doctor smith"),
        ("21st", "twenty first"),
        ("in 1995", "in nineteen ninety five"),
        ("5%", "five percent"),
        ("3.5", "three point five"),
        ("8,080", "eight thousand eighty"),
        ("Café — now", "cafe, now"),
    ],
)
def test_the_tokenizer_reads_numbers_and_signs(tmp_path: Path, text: str, letters: str) -> None:
    write_tokenizer(tmp_path / "tokenizer.json", {})
    tokens = Tokenizer.from_file(str(tmp_path / "tokenizer.json")).encode(text).tokens
    assert " ".join("".join(tokens).split()) == letters


def test_known_words_become_phones_and_others_letters(tmp_path: Path) -> None:
    write_tokenizer(
        tmp_path / "tokenizer.json", {"cat": ("k", "ae", "t"), "cats": ("k", "ae", "t", "s")}
    )
    tokens = Tokenizer.from_file(str(tmp_path / "tokenizer.json")).encode("Cats, cat's cad").tokens
    spelled = "".join(phone_character(phone) for phone in ("k", "ae", "t"))
    s, z = phone_character("s"), phone_character("z")
    assert "".join(tokens) == f"{spelled}{s}, {spelled}{z} cad"


def test_words_of_held_out_sentences_alone_are_not_counted() -> None:
    counts = count_words(["the cat sat", "the supercilious dog"], ["The supercilious dog."])
    assert counts["cat"] == 1
    assert counts["the"] == 1
    assert "supercilious" not in counts
    assert list(choose({"cat": ("k",), "'tis": ("t",)}, counts)) == ["cat"]


def test_the_vocoder_repeats_what_its_parameters_repeat() -> None:
    steps = 6 * vocoder.STEPS_PER_FRAME
    flat = np.full((steps, vocoder.BINS), -6.0)
    audio = vocoder.synthesise(flat, np.ones(steps), np.full(6, 16))
    second, third = audio[vocoder.FRAME * 2 :][: vocoder.FRAME], audio[vocoder.FRAME * 3 :]
    np.testing.assert_allclose(second, third[: vocoder.FRAME], atol=1e-9)
    assert second.std() > 1e-3


def test_pitch_becomes_an_allowed_number_of_pulses() -> None:
    pulses = vocoder.pulses_for(np.array([60.0, 151.0, 188.0, 199.0, 400.0]))
    assert pulses.tolist() == [12, 12, 16, 16, 20]
    deep = vocoder.pulses_for(np.array([60.0, 99.0, 160.0]), DEEP.pitch)
    assert deep.tolist() == [6, 8, 12]


def test_a_deep_voice_has_lower_resonances_and_a_lower_pitch() -> None:
    bins = np.arange(vocoder.BINS)
    peak = -(((bins - 118) / 10.0) ** 2)[None]
    assert int(DEEP.log_power(peak).argmax()) == 100
    np.testing.assert_allclose(TEACHER.log_power(peak), peak)
    spoken = heard("Good morning, Anna.")
    normal, deep = (say(0, "Good morning, Anna.", spoken, voice) for voice in (TEACHER, DEEP))
    np.testing.assert_allclose(deep.pitch_hz, DEEP.pitch * normal.pitch_hz, rtol=1e-6)
    assert deep.segments == normal.segments


def test_prompts_are_of_the_voice_that_speaks() -> None:
    corpus = build_corpus(utterances())
    for spoken in corpus.utterances:
        spoken.latents = torch.full_like(spoken.latents, 1.0 if spoken.voice == DEEP.name else 9.0)
    maker = BatchMaker(corpus.utterances, {}, torch.zeros(64), torch.ones(64))
    deep = [u for u in corpus.utterances if u.voice == DEEP.name][:2]
    for _ in range(5):
        batch = maker.batch(deep)
        prompts = batch.prompt[batch.prompt.abs().sum(-1) > 0]
        assert float(prompts.mean()) == pytest.approx(1.0, abs=0.1)


def test_the_loss_of_true_audio_is_nothing_and_of_silence_much() -> None:
    audio = torch.randn(2, 4800)
    assert all(
        float(value) == pytest.approx(0, abs=1e-6) for value in AudioLoss()(audio, audio).values()
    )
    silence = AudioLoss()(torch.zeros_like(audio), audio)
    assert all(float(value) > 0.9 for value in silence.values())


def test_guidance_is_nothing_where_attention_is_on_the_token() -> None:
    key = torch.eye(4)[None] * 100
    places = torch.tensor([[3]])
    aligned = torch.zeros(1, 1, 4, dtype=torch.bool)
    aligned[0, 0, 1] = True
    right = guidance_loss(key[:, [0, 0, 0, 1]], key, places, aligned)
    wrong = guidance_loss(key[:, [0, 0, 0, 2]], key, places, aligned)
    assert float(right) == pytest.approx(0, abs=1e-4)
    assert float(wrong) > 10


def test_a_basis_maps_to_itself_unchanged() -> None:
    spoken = utterances()
    basis = find_basis(spoken)
    old_from_new, new_from_old = maps_between(basis, basis, spoken)
    patches = np.concatenate([patches_of(utterance) for utterance in spoken])
    latents = torch.from_numpy(basis.encode(patches, np.ones(len(patches), np.float32)))
    for whole in (old_from_new, new_from_old):
        torch.testing.assert_close(latents @ whole.T, latents, atol=0.02, rtol=0.02)
    assert latents.shape[1] == COMPONENTS + 1


def test_a_text_that_was_read_otherwise_is_left_out() -> None:
    spoken = utterances()[0]
    assert words_with_phones(spoken) is not None
    spoken.text = "Good evening, Anna."
    assert words_with_phones(spoken) is None


def test_the_learning_rate_falls_to_almost_nothing() -> None:
    schedule = Schedule(1.0, minutes=1.0)
    assert schedule.learning_rate(0) < 0.02
    assert schedule.learning_rate(1000) > 0.99
    schedule.started -= 60
    assert schedule.learning_rate(1000) == pytest.approx(0.02)
