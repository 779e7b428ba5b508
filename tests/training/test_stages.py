"""Every stage of the preview voice's recipe runs, on ten sentences and for a moment each."""

from __future__ import annotations

import importlib.util
import json
import logging
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.stand_in import TEXTS, heard, utterances, workspace_in
from training.preview import (
    analysis,
    carry_over,
    corpus,
    decoder,
    encoder,
    evaluate,
    export,
    language_model,
    predict,
    prompts,
    sentences,
    teacher,
)
from training.preview.architecture import WIDTH
from training.preview.corpus import Spoken
from training.preview.decoder import Decoder
from training.preview.evaluate import Samples, Saying, Score
from training.preview.latents import PITCH
from training.preview.pronunciations import dictionary, pronounce
from training.preview.recogniser import WordError
from training.preview.sentences import held_out_sentences
from training.preview.training_loop import averaged
from training.preview.voices import ADAM, HEART, SHIPPED, Speaker, speaker_of
from training.preview.wav_files import read_wav, write_wav
from training.preview.workspace import Workspace

# They share what takes long to train.
pytestmark = [pytest.mark.xdist_group("stages"), pytest.mark.long]

MOMENT = 0.01  # minutes

needs_dictionary = pytest.mark.skipif(
    importlib.util.find_spec("misaki") is None, reason="needs misaki"
)
needs_teacher = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in teacher.PACKAGES)
    or not teacher.npm_is_there(),
    reason="needs Kokoro's packages and npm",
)
needs_pyworld = pytest.mark.skipif(
    importlib.util.find_spec("pyworld") is None, reason="needs pyworld"
)
needs_texts = pytest.mark.skipif(
    not (sentences.WORDNET / "data.noun").exists() or not sentences.FORTUNES.exists(),
    reason="needs Debian's wordnet-base and fortunes",
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace in which all stages have run on the stand-in for a teacher."""
    workspace = workspace_in(tmp_path_factory.mktemp("preview"))
    with workspace.utterances.open("wb") as file:
        pickle.dump(utterances(), file)
    corpus.run(workspace)
    decoder.run(workspace, minutes=MOMENT)
    language_model.run(workspace, minutes=MOMENT)
    predict.run(workspace)
    tuned_from = workspace.checkpoint("decoder")
    decoder.run(workspace, minutes=MOMENT, continue_from=tuned_from)
    encoder.run(workspace, minutes=MOMENT)
    pronunciations = corpus.Corpus.load(workspace.corpus).pronunciations
    workspace.lexicon.write_text(json.dumps(pronunciations), "utf-8")
    export.run(workspace)
    return workspace


def test_all_sentences_are_in_the_corpus_with_their_words(trained: Workspace) -> None:
    """Every text is there in its speaker's voice, cut into words, frames and audio alike."""
    loaded = corpus.Corpus.load(trained.corpus)
    own = [u for u in loaded.utterances if u.voice == speaker_of(u.index).name]
    assert [spoken.text for spoken in own] == [text.lower() for text in TEXTS]
    first = loaded.utterances[0]
    words = [first.text[word.start : word.end] for word in first.words]
    assert words == ["good", "morning", "anna"]
    assert len(first.latents) == len(first.labels) == len(first.audio) // 1920


def test_latents_keep_their_meaning_when_more_is_said(trained: Workspace, tmp_path: Path) -> None:
    """The basis is found once; a later corpus, here of other sentences, is in the same one."""
    workspace = workspace_in(tmp_path)
    workspace.basis.write_bytes(trained.basis.read_bytes())
    with workspace.utterances.open("wb") as file:
        pickle.dump(utterances()[5:], file)
    corpus.run(workspace)
    before, after = (corpus.Corpus.load(w.corpus).utterances for w in (trained, workspace))
    torch.testing.assert_close(before[5].latents, after[0].latents)


def test_predicted_latents_keep_the_true_pitch(trained: Workspace) -> None:
    """What the decoder is tuned on differs from the truth in all but the place of the pulses."""
    loaded = corpus.Corpus.load(trained.corpus)
    predicted = torch.load(trained.predicted)
    for spoken in loaded.utterances:
        assert predicted[spoken.key].shape == spoken.latents.shape
        assert torch.equal(predicted[spoken.key][:, PITCH], spoken.latents[:, PITCH])
        assert not torch.equal(predicted[spoken.key], spoken.latents)


def test_the_exported_model_speaks_and_hears(trained: Workspace) -> None:
    """Upstream's own loader makes finite audio of it in each of its voices."""
    model = export.load_exported(trained.model / export.CONFIG)
    voices = json.loads((trained.model / "voices.json").read_text("utf-8"))
    assert voices == {speaker.name: {"sex": sex} for speaker, sex in SHIPPED.items()}
    for name in voices:
        state = model.get_state_for_audio_prompt(trained.model / "voices" / f"{name}.wav")
        audio = model.generate_audio(state, "Good morning.", max_tokens=50)
        assert len(audio) > 1920
        assert torch.isfinite(audio).all()


def test_a_chosen_prompt_is_in_the_next_export(
    trained: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The voice's chosen sentence, and the first of those that have none chosen."""
    workspace = workspace_in(tmp_path)
    workspace.corpus.symlink_to(trained.corpus)
    workspace.model.mkdir()
    monkeypatch.setattr(export, "PROMPT_FRAMES", 4)
    loaded = corpus.Corpus.load(trained.corpus)
    _, second = (u for u in loaded.utterances if u.voice == HEART.name)
    adams = next(u for u in loaded.utterances if u.voice == ADAM.name)
    prompts.keep(workspace, {HEART.name: second.text})
    for name, spoken in ((HEART.name, second), (ADAM.name, adams)):
        samples, rate = read_wav(workspace.model / "voices" / f"{name}.wav")
        assert rate == 24000
        expected = spoken.audio[: 4 * 1920].numpy() / 32768
        np.testing.assert_allclose(samples, expected, atol=1e-4)


def test_a_chosen_prompt_that_the_corpus_lacks_is_told(trained: Workspace, tmp_path: Path) -> None:
    """Before anything of the model that is there already is replaced."""
    workspace = workspace_in(tmp_path)
    workspace.corpus.symlink_to(trained.corpus)
    workspace.chosen_prompts.write_text(json.dumps({HEART.name: "said before."}), "utf-8")
    with pytest.raises(ValueError, match=r"heart does not say 'said before\.'"):
        export.export(workspace, workspace.model)
    assert not workspace.model.exists()


def test_the_prompt_that_is_heard_best_is_chosen(
    trained: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a voice's candidates, that with which both recognisers mishear fewest words."""
    loaded = corpus.Corpus.load(trained.corpus)
    first, second = (u for u in loaded.utterances if u.voice == HEART.name)
    misheard = {len(first.audio[: 4 * 1920]): (2, 9), len(second.audio[: 5 * 1920]): (3, 7)}
    asked: list[str] = []

    class Listener:
        """Mishears so much as belongs to a prompt, which here is what is said."""

        def score(self, texts: list[str], saying: Saying) -> Score:
            asked.extend(texts)
            samples, _ = saying(0, texts[0])
            whisper, sphinx = misheard[len(samples)]
            return Score(WordError(whisper, 9), WordError(sphinx, 9), dnsmos=[3.0])

    def frames_of(spoken: Spoken, path: Path) -> None:
        frames = 4 if spoken.index == first.index else 5
        write_wav(path, spoken.audio[: frames * 1920].numpy() / 32768, 24000)

    monkeypatch.setattr(prompts, "Panel", Listener)
    monkeypatch.setattr(prompts, "write_prompt", frames_of)
    monkeypatch.setattr(prompts, "model_saying", lambda _, prompt: lambda *_: read_wav(prompt))
    monkeypatch.setattr(export, "PROMPT_FRAMES", 4)
    assert prompts.choose(trained, HEART) == second.text
    figures = {text for texts in held_out_sentences().values() for text in texts[:25]}
    assert asked
    assert not figures & set(asked)


def test_what_the_teacher_cannot_say_only_the_model_is_asked(
    trained: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each way of speaking says what it can of each share; what has no end is counted."""
    taught = {text: analysis.say(0, text, heard(text), HEART) for text in TEXTS[:2]}
    asked: list[list[str]] = []
    sounds: list[Samples] = []

    class Known:
        """A teacher of two sentences."""

        def __init__(self, _styles: Path) -> None: ...

        def can_say(self, text: str) -> bool:
            return text in taught

        def speak(self, text: str, _speaker: Speaker) -> teacher.Speech:
            audio = (taught[text].audio / 65536).astype(np.float32)
            return teacher.Speech(audio, np.zeros(1, np.float32), taught[text].words)

    class Listener:
        def score(self, texts: list[str], saying: Saying) -> Score:
            asked.append(texts)
            sounds.append(saying(0, texts[0])[0])
            if len(asked) == 4:
                logging.getLogger("pocket_tts.models.tts_model").warning(
                    "Maximum generation length reached"
                )
            return Score(WordError(0, len(texts)), dnsmos=[3.0])

    monkeypatch.setattr(evaluate, "Teacher", Known)
    monkeypatch.setattr(evaluate, "Panel", Listener)
    monkeypatch.setattr(evaluate, "hear", lambda _speech: heard(TEXTS[0]))
    monkeypatch.setattr(evaluate, "model_saying", lambda *_: lambda *_: (np.zeros(9), 24000))
    shares = {"known": TEXTS[:2], "some": [TEXTS[1], TEXTS[2]]}
    config = trained.model / export.CONFIG
    assert evaluate.report_voice(config, trained.styles, shares, HEART) == 1
    assert asked == [*[TEXTS[:2]] * 4, *[TEXTS[1:2]] * 3, TEXTS[1:3]]
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    ways = ["teacher", "vocoder", "codec", "model"]
    told = [line[:3] for line in lines if line[0] == HEART.name]
    assert told == [[HEART.name, share, way] for share in shares for way in ways]
    own, vocoded, decoded, modelled = sounds[:4]
    np.testing.assert_allclose(own, taught[TEXTS[0]].audio / 65536, atol=1e-6)
    np.testing.assert_allclose(vocoded, taught[TEXTS[0]].audio / 32768, atol=1e-6)
    assert len(decoded) == len(vocoded)
    assert np.abs(decoded - vocoded).max() > 0
    assert len(modelled) == 9


def test_the_exported_decoder_is_the_trained_one(trained: Workspace) -> None:
    """Half precision aside, audio from the export is audio from the checkpoint."""
    model = export.load_exported(trained.model / export.CONFIG)
    latents = corpus.Corpus.load(trained.corpus).utterances[0].latents[None]
    trained_decoder = Decoder(trained.tokenizer())
    with averaged(trained_decoder, trained.checkpoint("decoder")):
        expected = trained_decoder.model.decode_from_latent(latents, None)
    actual = model.mimi.decode_from_latent(latents, None)
    torch.testing.assert_close(actual, expected, atol=5e-3, rtol=0.05)


def test_the_exported_weights_read_raw_prompts_as_the_trained_ones_read_normal_ones(
    trained: Workspace,
) -> None:
    """Normalising is inside the exported weights, and the latents' 1 carries its bias."""
    loaded = corpus.Corpus.load(trained.corpus)
    raw = loaded.utterances[0].latents
    learner = language_model.Learner(trained.tokenizer())
    with averaged(learner, trained.checkpoint("language_model")):
        maker = language_model.batch_maker(loaded, learner)
        expected = maker.normal(raw) @ learner.model.speaker_proj_weight.T
    exported = export.load_exported(trained.model / export.CONFIG).flow_lm.speaker_proj_weight
    torch.testing.assert_close(raw @ exported.T, expected, atol=2e-2, rtol=2e-2)


@pytest.mark.parametrize("packed", [False, True])
def test_a_model_can_be_gone_on_with(trained: Workspace, tmp_path: Path, packed: bool) -> None:
    """Exported or packed: latents keep their meaning, the decoder its sound, training goes on."""
    workspace, folder = workspace_in(tmp_path / "second"), trained.model
    if packed:
        folder = tmp_path / "packed"
        carry_over.pack(trained, folder)
    carry_over.run(workspace, folder)
    with workspace.utterances.open("wb") as file:
        pickle.dump(utterances(), file)
    corpus.run(workspace)
    before, after = (
        corpus.Corpus.load(w.corpus).utterances[0].latents for w in (trained, workspace)
    )
    torch.testing.assert_close(before, after, atol=0.02, rtol=0.02)
    audio = []
    for place in (trained, workspace):
        codec = Decoder(place.tokenizer())
        with averaged(codec, place.checkpoint("decoder")):
            audio.append(codec.model.decode_from_latent(before[None], None))
    assert (audio[1] - audio[0]).norm() < 0.05 * audio[0].norm()
    start = workspace.checkpoint("language_model")
    language_model.run(workspace, minutes=MOMENT, continue_from=start)


def test_the_mean_is_between_two_language_models(trained: Workspace, tmp_path: Path) -> None:
    """So much of the other as was asked for; what only training has stays as it was."""
    workspace = workspace_in(tmp_path)
    learner = language_model.Learner(trained.tokenizer())
    other = {name: torch.randn_like(value) for name, value in learner.state_dict().items()}
    torch.save({"average": other}, workspace.checkpoint("language_model"))
    carry_over.mean(workspace, trained.model, 0.75)
    mixed = torch.load(workspace.checkpoint("language_model"))["average"]
    known = torch.load(trained.checkpoint("language_model"))["average"]
    for name in ("model.input_linear.weight", "model.bos_emb", "model.out_eos.weight"):
        expected = 0.25 * other[name] + 0.75 * known[name]
        torch.testing.assert_close(mixed[name], expected, atol=2e-3, rtol=2e-3)
    assert torch.equal(mixed["phones.weight"], other["phones.weight"])
    with pytest.raises(ValueError, match="from 0 to 1"):
        carry_over.mean(workspace, trained.model, 1.5)
    torch.save({"average": other, "optimisers": []}, workspace.checkpoint("language_model"))
    with pytest.raises(ValueError, match="cut off"):
        carry_over.mean(workspace, trained.model, 0.75)


def test_processes_learn_as_one(trained: Workspace, tmp_path: Path) -> None:
    """Two processes share a training, and one of them keeps it; it goes on with any number."""
    workspace = workspace_in(tmp_path)
    workspace.corpus.write_bytes(trained.corpus.read_bytes())
    language_model.run(workspace, minutes=MOMENT, processes=2)
    state = torch.load(workspace.checkpoint("language_model"))
    assert state["steps"] >= 1
    assert all(torch.isfinite(value).all() for value in state["model"].values())
    language_model.run(
        workspace, minutes=MOMENT, continue_from=workspace.checkpoint("language_model")
    )


def test_the_transformer_is_pocket_ttss_own(trained: Workspace) -> None:
    """What is rearranged for speed gives the same as upstream's transformer."""
    learner = language_model.Learner(trained.tokenizer()).eval()
    loaded = corpus.Corpus.load(trained.corpus)
    batch = language_model.batch_maker(loaded, learner).batch(loaded.utterances[:3])
    inputs = torch.randn(*batch.tokens.shape, WIDTH)
    with torch.no_grad():
        actual, _ = language_model.backbone(learner.model, inputs, batch)
        expected = learner.model.out_norm(learner.model.transformer(inputs, None))
    torch.testing.assert_close(actual, expected, atol=2e-3, rtol=2e-3)


def test_noise_tells_how_far_the_pitch_is_from_its_mean(trained: Workspace) -> None:
    """In some rows of a batch, in units of how far it usually is; the others are without noise."""
    learner = language_model.Learner(trained.tokenizer()).eval()
    loaded = corpus.Corpus.load(trained.corpus)
    batch = language_model.batch_maker(loaded, learner).batch(loaded.utterances)
    with torch.no_grad():
        hidden, _ = learner.hidden(batch)
        noise, _ = learner.noise(hidden, batch)
        mean = learner.predict(batch, torch.zeros_like(batch.target))
        spread = learner.log_spread(hidden)[..., 0].exp()
    noisy = noise.abs().amax((1, 2)) > 0
    assert 0 < noisy.sum() < len(noisy)
    chance = language_model.CHANCE
    distance = (batch.target - mean)[..., chance] / spread
    torch.testing.assert_close(noise[noisy][..., chance], distance[noisy].clamp(-3, 3))


@needs_teacher
@pytest.mark.skipif(importlib.util.find_spec("openvino") is None, reason="needs openvino")
def test_the_teacher_in_bfloat16_says_the_same(tmp_path: Path) -> None:
    """It is as long, as high and as loud at each moment as the float network that it is made of.

    The network as it ships rounds differently, and may hold a phone for a moment more or less.
    """
    from training.preview.bfloat16_network import (  # noqa: PLC0415  # needs onnx
        Bfloat16Network,
        with_float_weights,
    )

    teacher.fetch_styles(tmp_path)
    speaking = teacher.Teacher(tmp_path)
    said = []
    for network in (
        teacher.float_session(teacher._network()),
        teacher.float_session(with_float_weights(teacher._network()).network),
        Bfloat16Network(teacher._network(), teacher.OUTPUTS),
    ):
        speaking._network = network
        said.append(speaking.speak(TEXTS[1], HEART))
    shipped, exact, fast = said
    assert fast.words == exact.words
    assert len(fast.audio) == pytest.approx(len(shipped.audio), rel=0.05)
    np.testing.assert_allclose(fast.pitch_hz, exact.pitch_hz, atol=0.1)
    pieces = [speech.audio.reshape(-1, 600) for speech in (exact, fast)]
    levels = [np.sqrt((each**2).mean(1)) for each in pieces]
    assert np.corrcoef(*levels)[0, 1] > 0.95


@needs_teacher
@needs_pyworld
@needs_dictionary
def test_the_teacher_speaks_and_is_analysed(tmp_path: Path) -> None:
    """Kokoro says two sentences whose words, phones and pitch are where the audio has them."""
    workspace = workspace_in(tmp_path)
    teacher.fetch_styles(workspace.styles)
    speaking = teacher.Teacher(workspace.styles)
    workspace.teacher.mkdir()
    said = {index: TEXTS[index] for index in (0, 2)}
    for index, text in said.items():
        speaker = speaker_of(index)
        speaking.speak(text, speaker).save(workspace.spoken(index, speaker.name))
    analysis.run(workspace, processes=1)
    with workspace.utterances.open("rb") as file:
        found = pickle.load(file)
    assert {u.text for u in found} == set(said.values())
    woman, man = (next(u for u in found if u.voice == name) for name in ("heart", "adam"))
    assert 150 < np.median(woman.pitch.mean_hz) < 260
    assert 70 < np.median(man.pitch.mean_hz) < 150
    for utterance in found:
        loud = np.flatnonzero(np.abs(utterance.audio.astype(float)).reshape(-1, 120).mean(1) > 300)
        assert loud[0] * 0.005 == pytest.approx(utterance.words[0].phones[0][1], abs=0.1)
        assert loud[-1] * 0.005 == pytest.approx(utterance.speech_frames * 0.08, abs=0.25)


def test_what_was_analysed_is_kept(tmp_path: Path) -> None:
    """A sentence that is there already is not even read again."""
    workspace = workspace_in(tmp_path)
    workspace.teacher.mkdir()
    workspace.spoken(0, HEART.name).write_bytes(b"no speech")
    with workspace.utterances.open("wb") as file:
        pickle.dump(utterances()[:3], file)
    analysis.run(workspace, processes=1)
    with workspace.utterances.open("rb") as file:
        assert [u.text for u in pickle.load(file)] == [u.text for u in utterances()[:3]]


@needs_dictionary
def test_pronunciations_come_from_the_dictionary_and_its_stems() -> None:
    """Common words are looked up, inflected ones made of their stems, and others unknown."""
    known = dictionary()
    assert known["speech"] == ("s", "p", "ˈi", "ʧ")
    assert pronounce("wanted", known) == (*known["want"], "ᵻ", "d")
    assert pronounce("abilities", known) == (*known["ability"], "z")
    assert pronounce("stopping", known) == (*known["stop"], "ɪ", "ŋ")
    assert pronounce("zylph", known) is None


@needs_texts
def test_no_held_out_sentence_is_trained_on() -> None:
    shares = sentences.build()
    training = set(shares.pop("train"))
    assert len(training) > 9000
    for name, held_out in shares.items():
        assert held_out, name
        assert not training & set(held_out), name
