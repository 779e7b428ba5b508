"""Putting the app together: what can be known to be wrong stops the start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.assembly.parts import make_services
from app.main import create_app
from app.settings import SettingsError
from tests.serving import make_settings


def test_unknown_language(tmp_path: Path) -> None:
    """A language that pocket-tts does not ship is refused with those it does."""
    with pytest.raises(SettingsError, match=r"MODEL_LANGUAGE: 'klingon' .*choose one of .*english"):
        create_app(make_settings(tmp_path, model_language="klingon"))


@pytest.mark.parametrize(
    ("dialects", "words"),
    [
        (",", "it names no dialect; allowed: all, or some of "),
        ("all,fish", "'all' stands alone; allowed: all, or some of "),
        ("all,fihs", "there is no dialect 'fihs'; allowed: all, or some of "),
    ],
)
def test_dialects(tmp_path: Path, dialects: str, words: str) -> None:
    """DIALECTS names all of them or some of them, and not nothing."""
    with pytest.raises(SettingsError) as caught:
        create_app(make_settings(tmp_path, dialects=dialects))
    assert str(caught.value).startswith(f"DIALECTS: {words}")


def test_missing_config(tmp_path: Path) -> None:
    """A MODEL_CONFIG path where nothing is stops the start."""
    with pytest.raises(SettingsError, match=r"MODEL_CONFIG: there is no file nowhere\.yaml"):
        create_app(make_settings(tmp_path, MODEL_CONFIG="nowhere.yaml"))


def test_remote_config(tmp_path: Path) -> None:
    """Whether an address answers is found out while loading, not at the start."""
    create_app(make_settings(tmp_path, MODEL_CONFIG="hf://owner/name/model.yaml"))


def test_folder_for_saved_audio(tmp_path: Path) -> None:
    """A VOICE_OUTPUT_DIR that cannot be made stops the start with one line."""
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(SettingsError, match=r"VOICE_OUTPUT_DIR: .* cannot be used"):
        create_app(make_settings(tmp_path, voice_output_dir=tmp_path / "file" / "saved"))


def test_saved_audio_is_of_the_server(tmp_path: Path) -> None:
    """What commands and Wyoming are made of leaves the folder for saved audio alone."""
    settings = make_settings(tmp_path)
    make_services(settings)
    assert not settings.voice_output_dir.exists()
    create_app(settings)
    assert settings.voice_output_dir.is_dir()


def test_hub_cache_lies_in_the_models_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights are downloaded into MODELS_DIR, unless a variable of the hub says where."""
    monkeypatch.delenv("HF_HUB_CACHE")
    create_app(make_settings(tmp_path))
    assert os.environ["HF_HUB_CACHE"] == str(tmp_path / "models" / "hub")
    monkeypatch.setenv("HF_HUB_CACHE", "my-own")
    create_app(make_settings(tmp_path))
    assert os.environ["HF_HUB_CACHE"] == "my-own"
    monkeypatch.delenv("HF_HUB_CACHE")
    monkeypatch.setenv("HUGGINGFACE_HUB_CACHE", "my-own")
    create_app(make_settings(tmp_path))
    assert "HF_HUB_CACHE" not in os.environ


def test_the_server_answers_before_torch_is_imported() -> None:
    """Putting the app together does not import torch."""
    code = "import sys, app.main; sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=False, timeout=60)
    assert done.returncode == 0
