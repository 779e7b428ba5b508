"""The parts of the preview voice's recipe, each by what can be said of it without training."""

from __future__ import annotations

import dataclasses
import random
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from torch import nn

from tests.training.stand_in import heard, utterances
from training.preview import phase, steps, vocoder
from training.preview.analysis import LOUDEST, say
from training.preview.conditioning import BatchMaker, towards_the_mean_voice
from training.preview.corpus import build_corpus
from training.preview.decoder import Decoder, same_pulses
from training.preview.evaluate import following
from training.preview.everyday import everyday_sentence
from training.preview.language_model import guidance_loss
from training.preview.latents import (
    COMPONENTS,
    CONSTANT,
    LATENT_SIZE,
    PITCH,
    patches_of,
    pitch_numbers,
)
from training.preview.lexicon import choose, count_words
from training.preview.listeners import spelled_words
from training.preview.muon import Muon
from training.preview.recogniser import WordError, edit_distance
from training.preview.sentences import (
    LONG,
    LONG_WORDS,
    LONGEST_WORDS,
    long_sentences,
    short_rows,
)
from training.preview.spectral_loss import AudioLoss
from training.preview.symbols import phone_character, phones_of, write_tokenizer
from training.preview.teacher import (
    AFTER_SECONDS,
    BEFORE_SECONDS,
    LATE_SECONDS,
    PITCH_STEP_SECONDS,
    SAMPLE_RATE_HZ,
    Speech,
    Word,
    joined,
    spelled,
)
from training.preview.training_loop import Schedule, Trainer
from training.preview.vocoder import FRAME_SECONDS, Pitch
from training.preview.voices import HEART, SHIPPED, Speaker, speaker_of, warped

PITCHES_HZ = st.lists(
    st.tuples(*(st.floats(60, 400) for _ in range(3))), min_size=1, max_size=4
).map(lambda rows: Pitch(*np.array(rows).T))


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
    """The tokenizer spells what it does not know, and makes possessives as English does."""
    cat, cats = ("k", "ˈæ", "t"), ("k", "ˈæ", "t", "s")
    bus, dog = ("b", "ˈʌ", "s"), ("d", "ˈɔ", "ɡ")
    path = tmp_path / "tokenizer.json"
    write_tokenizer(path, {"cat": cat, "cats": cats, "bus": bus, "dog": dog})
    tokenizer = Tokenizer.from_file(str(path))
    said = {"cats": cats, "cat's": cats, "dog's": (*dog, "z"), "bus's": (*bus, "ᵻ", "z")}
    for text, phones in said.items():
        assert tokenizer.encode(text).tokens == [phone_character(phone) for phone in phones], text
    assert "".join(tokenizer.encode("Cad, cad").tokens) == "cad, cad"


def test_phones_are_a_vowel_with_its_stress_or_a_consonant() -> None:
    """A dictionary's spelling is cut there, and refused where it has another letter."""
    assert phones_of("wˈɛðəɹ") == ("w", "ˈɛ", "ð", "ə", "ɹ")
    assert phones_of("xˈa") is None


def test_the_teacher_reads_words_and_the_punctuation_it_knows() -> None:
    """Each word keeps its place in the text; a text with an unknown word is not read at all."""
    known = {"good": ("ɡ", "ˈʊ", "d"), "bye": ("b", "ˈI")}
    pieces = spelled('"Good" - bye!', known)
    assert pieces is not None
    assert "".join(symbols for symbols, _ in pieces) == "ɡˈʊd bˈI!"
    assert [word[:2] for _, word in pieces if word] == [(1, 5), (9, 12)]
    assert spelled("Good morning", known) is None


def spoken(text: str, start: float, end: float) -> Speech:
    """One word from `start` to `end` in 2 s of audio; the network's durations lag behind it."""
    times = np.arange(2 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    tone = np.sin(800 * times) * ((times > start) & (times < end))
    pitch_hz = np.full(round(2 / PITCH_STEP_SECONDS), 120.0)
    word = Word(0, len(text), [("ʌ", start + LATE_SECONDS, 2.0)])
    return Speech(tone.astype(np.float32), pitch_hz.astype(np.float32), [word])


@given(st.floats(0.1, 0.6), st.floats(0.9, 1.99), st.integers(2, 5))
def test_sentences_are_joined_with_a_pause_between_them(
    start: float, end: float, count: int
) -> None:
    """Each word is where it is heard, and half a second is silent between any two."""
    speech = joined([(spoken("one", start, end), 5 * number) for number in range(count)])
    assert len(speech.audio) == 300 * len(speech.pitch_hz)
    loud = np.flatnonzero(np.abs(speech.audio) > 0.05) / SAMPLE_RATE_HZ
    pauses = np.flatnonzero(np.diff(loud) > 0.1)
    silent = np.minimum(start, BEFORE_SECONDS) + AFTER_SECONDS
    np.testing.assert_allclose(np.diff(loud)[pauses], silent, atol=0.03)
    assert [(word.start, word.end) for word in speech.words] == [
        (5 * number, 5 * number + 3) for number in range(count)
    ]
    begins, ends = loud[np.append(0, pauses + 1)], loud[np.append(pauses, -1)]
    for word, *heard_at in zip(speech.words, begins, ends, strict=True):
        times = np.array(word.phones[0][1:]) - LATE_SECONDS
        np.testing.assert_allclose(times, heard_at, atol=0.02)


def test_short_sentences_come_in_rows_and_none_that_is_held_out() -> None:
    random.seed(0)
    rows = short_rows(set())
    counts = {len(re.findall("[.!?]", row)) for row in rows}
    assert counts == {1, 2, 3, 4, 5}
    assert max(len(sentence.split()) for row in rows for sentence in re.split("[.!?]", row)) <= 5
    random.seed(0)
    assert short_rows(set(rows[:100])) == rows[100:]


def test_words_of_held_out_sentences_alone_are_not_counted() -> None:
    """A word that only a test uses stays out of the lexicon."""
    counts = count_words(["the cat sat", "the supercilious dog"], ["The supercilious dog."])
    assert counts["cat"] == 1
    assert counts["the"] == 1
    assert "supercilious" not in counts
    assert list(choose({"cat": ("k",), "dog": ("d",)}, counts)) == ["cat"]


def test_numbers_are_compared_as_one_says_them() -> None:
    """whisper writes digits where the sentence has words."""
    assert spelled_words("It's 21% at 10:15!") == spelled_words(
        "it's twenty one percent at ten fifteen"
    )


@given(PITCHES_HZ)
def test_every_frame_has_a_whole_number_of_pulses(pitch: Pitch) -> None:
    """However the pitch glides, frames meet between two pulses and keep their ends' pitch."""
    pulses_so_far, hertz = vocoder.glide(pitch)
    sample = 1 / vocoder.SAMPLE_RATE_HZ
    pulses = np.round(pitch.mean_hz * FRAME_SECONDS)
    ends = pulses_so_far[:, -1] + hertz[:, -1] * sample / 2
    np.testing.assert_allclose(ends, pulses, atol=2e-3)

    whole = pulses / FRAME_SECONDS
    low, high = whole / vocoder.FARTHEST_GLIDE, whole * vocoder.FARTHEST_GLIDE
    for found, asked in ((hertz[:, 0], pitch.start_hz), (hertz[:, -1], pitch.end_hz)):
        np.testing.assert_allclose(found, np.clip(asked, low, high), atol=2)


@given(PITCHES_HZ)
def test_pulses_are_as_loud_at_any_pitch(pitch: Pitch) -> None:
    """Each frame's pulse train has unit power, however its pitch glides."""
    train = vocoder.pulse_train(pitch).reshape(-1, vocoder.FRAME)
    decibels = 10 * np.log10((train**2).mean(1))
    assert np.abs(decibels).max() < 1.5


@given(PITCHES_HZ)
def test_pitch_numbers_mean_the_vocoders_phase(pitch: Pitch) -> None:
    """The curves by which the decoder makes phases of them are those of the vocoder."""
    numbers = pitch_numbers(steady(pitch)).astype(float)
    mean, rise, above = numbers.T[..., None]
    curve = {name: shape.double().numpy() for name, shape in phase.curves().items()}
    knot = np.round(mean) - mean
    found = mean * curve["mean"] + rise * curve["rise"] + above * curve["above"]
    found += knot * curve["knot"]
    expected = vocoder.glide(steady(pitch))[0][:, :: vocoder.HOP]
    half_a_sample = pitch.mean_hz.max() / vocoder.SAMPLE_RATE_HZ
    apart = found - expected
    np.testing.assert_allclose(apart, np.round(apart), atol=half_a_sample)


def steady(pitch: Pitch) -> Pitch:
    """With ends that the vocoder leaves as they are."""
    near = [
        np.clip(hertz, pitch.mean_hz * 0.7, pitch.mean_hz * 1.4) for hertz in vars(pitch).values()
    ]
    return Pitch(*near)


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_the_decoder_knows_the_phase_before_any_training(tmp_path: Path, kind: torch.dtype) -> None:
    """In the vocoder's frames, at four places of each step, whatever else the latents say."""
    chance = np.random.default_rng(0)
    mean = np.exp(chance.uniform(np.log(70), np.log(320), 200))
    pulses = mean * FRAME_SECONDS
    mean = mean[np.abs(pulses - np.round(pulses)) < 0.45]  # clear how it is rounded
    pitch = Pitch(mean, *(mean * chance.uniform(0.8, 1.25, len(mean)) for _ in range(2)))
    latents = torch.from_numpy(chance.normal(size=(1, len(mean), LATENT_SIZE))).float()
    latents[0, :, PITCH] = torch.from_numpy(pitch_numbers(pitch))
    latents[..., CONSTANT] = 1
    write_tokenizer(tmp_path / "tokenizer.json", {})
    decoder = Decoder(tmp_path / "tokenizer.json")
    for layer in decoder.model.decoder_transformer.transformer.layers:
        for linear in (layer.linear1, layer.linear2):
            linear.weight.data = linear.weight.data.to(kind).float()
            linear.register_forward_pre_hook(lambda _, given: given[0].to(kind).float())
    with torch.no_grad():
        waves = decoder.hidden(latents)[0, phase.WAVES.start : phase.WAVES.stop].numpy()
    cosines, sines = waves.reshape(2, phase.PLACES, len(mean), -1).transpose(0, 2, 3, 1)
    found = np.arctan2(sines, cosines + 1).reshape(len(mean), -1) / (2 * np.pi)
    every = vocoder.HOP // phase.PLACES
    expected = vocoder.glide(pitch)[0][:, ::every] - mean[:, None] / vocoder.SAMPLE_RATE_HZ / 2
    apart = np.abs((found - expected + 0.5) % 1 - 0.5)
    assert apart.mean() < 0.015
    assert apart.max() < 0.12


def test_trainings_leave_the_phase_alone(tmp_path: Path) -> None:
    """A step of learning changes no weight that was written down."""
    write_tokenizer(tmp_path / "tokenizer.json", {})
    decoder = Decoder(tmp_path / "tokenizer.json")
    latents = torch.randn(2, 3, LATENT_SIZE)
    latents[..., PITCH], latents[..., CONSTANT] = torch.tensor([2.2, 1.0, 0.1]), 1

    def waves() -> torch.Tensor:
        with torch.no_grad():
            return decoder.hidden(latents)[:, phase.WAVES.start : phase.WAVES.stop]

    before = waves()
    optimiser = torch.optim.AdamW(decoder.parameters(), lr=0.01, weight_decay=0)
    hidden = decoder.hidden(latents)
    envelopes = decoder.head.read(hidden[:, phase.CHANNELS :].transpose(1, 2))
    loss = decoder.audio(hidden).square().mean() + envelopes.mean()
    loss.backward()
    optimiser.step()
    np.testing.assert_allclose(waves(), before, atol=0.03)
    assert not torch.allclose(decoder.hidden(latents), hidden, atol=0.1)


def test_another_mean_may_mean_the_same_pulses() -> None:
    """What the decoder is given in training is heard the same: pulses and ends of the frame."""
    numbers = torch.tensor([[2.3, 1.0, -0.2], [-4.6, -1.0, 0.4]])
    other = same_pulses(numbers)
    assert torch.equal(other[:, 0].round(), numbers[:, 0].round())
    assert torch.allclose(other[:, 0] + other[:, 2], numbers[:, 0] + numbers[:, 2])
    assert not torch.equal(other[:, 0], numbers[:, 0])


def test_the_vocoder_repeats_what_its_parameters_repeat() -> None:
    """Audio is a function of the latents: no noise of its own, no phase carried on."""
    count = 6 * vocoder.STEPS_PER_FRAME
    flat, voiced = np.full((count, vocoder.BINS), -6.0), np.full((count, 3), -8.0)
    steady = Pitch(*np.full((3, 6), 200.0))
    audio = vocoder.synthesise(flat, voiced, steady)
    second, third = audio[vocoder.FRAME * 2 :][: vocoder.FRAME], audio[vocoder.FRAME * 3 :]
    np.testing.assert_allclose(second, third[: vocoder.FRAME], atol=1e-9)
    assert second.std() > 1e-3


def test_unvoiced_speech_is_nothing_but_noise() -> None:
    """A level of 0 dB in all bands is noise throughout; a voice is clear at the bottom."""
    share = vocoder.noise_share(np.array([[0.0, 0.0, 0.0], [-10.0, -5.0, -3.0]]))
    assert (share[0] == 1).all()
    assert share[1, 0] < 1e-5
    assert share[1, 128] == pytest.approx(0.1)  # 3 kHz
    assert share[1, -1] == pytest.approx(1)


def test_a_deep_voice_has_lower_resonances_and_a_lower_pitch() -> None:
    """Warping moves spectrum and pitch by their ratios, and leaves the words alone."""
    deep = Speaker("deep", HEART.shares, tract=1.18, pitch=0.55)
    peak = -(((np.arange(vocoder.BINS) - 118) / 10.0) ** 2)[None]
    assert int(deep.warped(peak).argmax()) == 100
    spoken = heard("Good morning, Anna.")
    normal, low = (say(0, "Good morning, Anna.", spoken, voice) for voice in (HEART, deep))
    np.testing.assert_allclose(low.pitch.mean_hz, 0.55 * normal.pitch.mean_hz, rtol=1e-6)
    assert low.words == normal.words


def test_nothing_is_learned_that_is_clipped() -> None:
    """A loud voice is turned down, envelope and audio by as much; a quiet one stays as it is."""
    quiet = heard("Good morning, Anna.")
    loud = dataclasses.replace(quiet, log_power=quiet.log_power + np.log(1e4))
    as_it_is, turned_down = (
        say(0, "Good morning, Anna.", spoken, HEART) for spoken in (quiet, loud)
    )
    audio = vocoder.synthesise(quiet.log_power, quiet.noise_db, quiet.pitch)
    assert np.abs(audio).max() < LOUDEST / 2
    np.testing.assert_array_equal(as_it_is.audio, (audio * 32767).astype(np.int16))
    assert np.abs(turned_down.audio).max() == pytest.approx(32767 * LOUDEST, abs=1)
    louder = np.log(LOUDEST / np.abs(audio).max())
    speech = quiet.log_power.max(1) > np.log(1e-5)
    risen = (turned_down.log_mel - as_it_is.log_mel)[speech]
    assert np.median(risen) == pytest.approx(2 * louder, abs=0.02)


def test_a_voice_can_be_brought_nearer_to_the_mean_of_all() -> None:
    """Its components' mean shrinks; how they move, and the pitch, stay."""
    audio = torch.randn(50, LATENT_SIZE) + 3
    moved = towards_the_mean_voice(audio, 0.75)
    torch.testing.assert_close(moved.mean(0)[:COMPONENTS], 0.25 * audio.mean(0)[:COMPONENTS])
    torch.testing.assert_close(moved - moved.mean(0), audio - audio.mean(0))
    assert torch.equal(moved[:, PITCH], audio[:, PITCH])


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_audio_so_far_may_be_in_a_voice_nearer_to_the_mean(share: float) -> None:
    """In so many of a batch's rows as was asked for; what is to be said is the voice itself."""
    random.seed(0)
    torch.manual_seed(0)
    corpus = build_corpus(utterances())
    for spoken in corpus.utterances:
        spoken.latents = torch.full((200, LATENT_SIZE), 5.0)
        spoken.labels = spoken.labels[:1].expand(200, -1)
    zeros, ones = torch.zeros(LATENT_SIZE), torch.ones(LATENT_SIZE)
    maker = BatchMaker(corpus.utterances, {}, zeros, ones, drifting_share=share)
    kept = []
    for _ in range(20):
        batch = maker.batch(corpus.utterances[:4])
        assert (batch.target[..., :COMPONENTS] == 5).all()
        for row in range(4):
            heard_so_far = batch.audio[row][batch.is_audio[row, :, 0] > 0]
            # A lost frame is noise around 0 in all of its numbers.
            kept.append(float(heard_so_far[:, :COMPONENTS].mean() / heard_so_far[:, PITCH].mean()))
    assert max(kept) < 1.1
    assert (min(kept) > 0.9) == (share == 0)
    assert (np.median(kept) < 0.8) == (share == 1)


def test_shipped_voices_say_half_of_the_sentences_and_others_two_each() -> None:
    """Each of the many others says two sentences, so that each has a prompt."""
    speakers = [speaker_of(index) for index in range(160)]
    assert {speakers.count(voice) for voice in SHIPPED} == {20}
    others = [speaker.name for speaker in speakers if speaker not in SHIPPED]
    assert {others.count(name) for name in others} == {2}
    assert [w.name for w in warped(HEART, 0)] == ["heart-warped-0"]
    assert [w.name for w in warped(HEART, 8)] == ["heart-warped-0"]
    assert [w.name for w in warped(HEART, 16)] == ["heart-warped-1"]


def test_long_sentences_are_made_of_several() -> None:
    """None is longer than a sentence may be; what is said by itself ends in a full stop."""
    assert long_sentences(["What is it?"]) == []
    random.seed(0)
    plain = [everyday_sentence() for _ in range(300)]
    made = long_sentences([*plain, "What is it?", "Stop. Go on."])
    assert LONG / 2 < len(made) <= LONG
    assert all(LONG_WORDS <= len(text.split()) <= LONGEST_WORDS for text in made)
    assert all(text.count(".") == 1 and text.endswith(".") and "?" not in text for text in made)


def test_prompts_are_of_the_voice_that_speaks() -> None:
    """And of another of its sentences, where it has said several."""
    corpus = build_corpus(utterances())
    for spoken in corpus.utterances:
        value = 1.0 + (spoken.index == 8) if spoken.voice == HEART.name else 9.0
        spoken.latents = torch.full_like(spoken.latents, value)
    maker = BatchMaker(corpus.utterances, {}, torch.zeros(LATENT_SIZE), torch.ones(LATENT_SIZE))
    asked = [u for u in corpus.utterances if u.voice == HEART.name and u.index == 8]
    for _ in range(5):
        maker_batch = maker.batch(asked, clean=True)
        prompts = maker_batch.prompt[maker_batch.prompt.abs().sum(-1) > 0]
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


def test_step_targets_are_what_the_patches_hold() -> None:
    """The envelope that the decoder practises is the analysed one, but for what latents lose."""
    spoken = utterances()
    corpus = build_corpus(spoken)
    latents = corpus.utterances[0].latents
    found = steps.StepTargets(corpus.basis).envelope(latents[None])[0].numpy()
    bands = (patches_of(spoken[0]) - corpus.basis.mean)[:, :-48].reshape(len(found), -1) / 3
    assert np.abs(found[:, : vocoder.MEL_BANDS] - bands).mean() < 0.2 * np.abs(bands).mean()
    assert (latents[:, CONSTANT] == 1).all()
    assert torch.equal(latents[:, PITCH], torch.from_numpy(pitch_numbers(spoken[0].pitch)))


def test_following_counts_answers_nearest_to_their_own_prompt() -> None:
    """Two of three here; the third is nearer to the first prompt."""
    prompts = np.eye(3, dtype=np.float32)
    answers = np.array([[1, 0, 0], [0, 1, 0], [0.8, 0, 0.6]], np.float32)
    found = following(prompts, answers)
    assert found.nearest == 2
    assert found.similarities == pytest.approx([1, 1, 0.6])


def a_trainer(path: Path, minutes: float) -> Trainer:
    model = nn.Linear(1, 1)
    return Trainer(model, [model], path, Schedule(0.1, minutes), betas=(0.9, 0.98))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_muon_is_torchs_own_in_any_arithmetic(dtype: torch.dtype) -> None:
    """Three steps move matrices of three shapes as torch's Muon does, which rounds to bfloat16."""
    torch.manual_seed(0)
    start = [torch.randn(shape) / 8 for shape in ((16, 32), (48, 16), (16, 32), (8, 8))]
    ours, theirs = ([nn.Parameter(each.clone()) for each in start] for _ in range(2))
    optimisers = (
        Muon(ours, weight_decay=0.1, dtype=dtype),
        torch.optim.Muon(theirs, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"),
    )
    for _ in range(3):
        for mine, other in zip(ours, theirs, strict=True):
            mine.grad = torch.randn_like(mine)
            other.grad = mine.grad.clone()
        for optimiser in optimisers:
            optimiser.param_groups[0]["lr"] = 0.02
            optimiser.step()
    for before, mine, other in zip(start, ours, theirs, strict=True):
        moved, expected = (after.detach() - before for after in (mine, other))
        assert (moved - expected).norm() < 0.03 * expected.norm()


def test_a_training_that_was_cut_off_goes_on(tmp_path: Path) -> None:
    """It keeps steps, weights and the time it had spent, and asks for the same schedule."""
    path = tmp_path / "part.pt"
    first = a_trainer(path, minutes=1)
    first.schedule.spent_seconds = 30
    first.step(first.model(torch.ones(1, 1)).square().sum(), {})
    first.save(finished=False)
    second = a_trainer(path, minutes=1)
    assert second.steps == 1
    assert second.schedule.progress >= 0.5
    for before, after in zip(first.model.parameters(), second.model.parameters(), strict=True):
        assert torch.equal(before, after)
    with pytest.raises(ValueError, match="--minutes"):
        a_trainer(path, minutes=2)
    second.save(finished=True)
    assert a_trainer(path, minutes=2).steps == 0


def test_the_learning_rate_falls_to_almost_nothing() -> None:
    schedule = Schedule(1.0, minutes=1.0)
    assert schedule.learning_rate(0) < 0.02
    assert schedule.learning_rate(1000) > 0.99
    schedule.spent_seconds = 60
    assert schedule.learning_rate(1000) == pytest.approx(0.02)
