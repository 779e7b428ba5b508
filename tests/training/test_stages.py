"""Every stage of the preview voice's recipe runs, on ten sentences and for a moment each."""

from __future__ import annotations

import importlib.util
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.stand_in import TEXTS, utterances, workspace_in
from training.preview import (
    analysis,
    change_of_basis,
    corpus,
    decoder,
    encoder,
    export,
    language_model,
    lexicon,
    predict,
    sentences,
    teacher,
)
from training.preview.architecture import new_codec
from training.preview.training_loop import averaged
from training.preview.voices import DEEP, TEACHER
from training.preview.workspace import Workspace

# They share what takes long to train.
pytestmark = pytest.mark.xdist_group("stages")

MOMENT = 0.01  # minutes

needs_teacher = pytest.mark.skipif(
    not teacher.is_installed(), reason="needs Debian's festival and festvox-us-slt-hts"
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
    loaded = corpus.Corpus.load(trained.corpus)
    by_teacher = [spoken for spoken in loaded.utterances if spoken.voice == TEACHER.name]
    assert [spoken.text for spoken in by_teacher] == [text.lower() for text in TEXTS]
    first = loaded.utterances[0]
    assert [first.text[word.start : word.end] for word in first.words] == [
        "good",
        "morning",
        "anna",
    ]
    assert len(first.latents) == len(first.labels) == len(first.audio) // 1920


def test_predicted_latents_keep_the_true_pitch(trained: Workspace) -> None:
    loaded = corpus.Corpus.load(trained.corpus)
    predicted = torch.load(trained.predicted)
    for spoken in loaded.utterances:
        assert predicted[spoken.key].shape == spoken.latents.shape
        assert torch.equal(predicted[spoken.key][:, -1], spoken.latents[:, -1])
        assert not torch.equal(predicted[spoken.key], spoken.latents)


def test_the_exported_model_speaks_and_hears(trained: Workspace) -> None:
    model = export.load_exported(trained.model / export.CONFIG)
    voices = json.loads((trained.model / "voices.json").read_text("utf-8"))
    assert voices == {"slt": {"sex": "female"}, "slt-deep": {"sex": "male"}}
    for name in voices:
        state = model.get_state_for_audio_prompt(trained.model / "voices" / f"{name}.wav")
        audio = model.generate_audio(state, "Good morning.", max_tokens=50)
        assert len(audio) > 1920
        assert torch.isfinite(audio).all()


def test_the_exported_decoder_is_the_trained_one(trained: Workspace) -> None:
    model = export.load_exported(trained.model / export.CONFIG)
    latents = corpus.Corpus.load(trained.corpus).utterances[0].latents[None]
    codec = new_codec(str(trained.tokenizer()))
    with averaged(codec, trained.checkpoint("decoder")):
        expected = codec.decode_from_latent(latents, None)
        actual = model.mimi.decode_from_latent(latents, None)
    torch.testing.assert_close(actual, expected, atol=5e-3, rtol=0.05)


def test_an_exported_model_can_be_gone_on_with(trained: Workspace, tmp_path: Path) -> None:
    workspace = workspace_in(tmp_path / "second")
    workspace.corpus.symlink_to(trained.corpus)
    change_of_basis.run(workspace, trained.model, utterances())
    latents = corpus.Corpus.load(trained.corpus).utterances[0].latents[None]
    codec = new_codec(str(trained.tokenizer()))
    with averaged(codec, trained.checkpoint("decoder")):
        expected = codec.decode_from_latent(latents, None)
    with averaged(codec, workspace.checkpoint("decoder")):
        carried = codec.decode_from_latent(latents, None)
    assert (carried - expected).norm() < 0.05 * expected.norm()
    start = workspace.checkpoint("language_model")
    language_model.run(workspace, minutes=MOMENT, continue_from=start)


@needs_teacher
@needs_pyworld
def test_the_teacher_speaks_and_is_analysed(tmp_path: Path) -> None:
    workspace = workspace_in(tmp_path)
    teacher.run(workspace)
    analysis.run(workspace, processes=1)
    with workspace.utterances.open("rb") as file:
        found = pickle.load(file)
    assert [u.text for u in found if u.voice == TEACHER.name] == TEXTS
    assert sum(u.voice == DEEP.name for u in found) == len(TEXTS) / 2
    assert all(np.abs(utterance.audio).max() > 3000 for utterance in found)
    assert found[0].segments[0].word == "Good"


@needs_teacher
def test_pronunciations_come_from_the_teacher() -> None:
    assert lexicon.look_up(["speech", "zylph"])["speech"] == ("s", "p", "iy", "ch")


@needs_texts
def test_no_held_out_sentence_is_trained_on() -> None:
    shares = sentences.build()
    training = set(shares.pop("train"))
    assert len(training) > 9000
    for name, held_out in shares.items():
        assert held_out, name
        assert not training & set(held_out), name
