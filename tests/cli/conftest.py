"""Commands in this process, and a folder with all that speaking in this process needs."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.audio.probe import voice_like
from tests.cli.command import Here, here
from tests.conftest import write_wav
from tests.serving import KEY, Served


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c_is_heard() -> Iterator[None]:
    """Commands inherit it where a shell runs the tests in the background and ignores Ctrl-C."""
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, handler)


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Here]:
    folder = tmp_path / "here"
    folder.mkdir()
    yield from here(folder, monkeypatch, capsys)


@pytest.fixture
def at_server(command: Here, server: Served) -> Here:
    """Has the key of `server`."""
    command.patch.setenv("API_KEY", KEY)
    return command


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> dict[str, str]:
    """The environment in which a command speaks by itself, in two voices that are files."""
    folder = tmp_path_factory.mktemp("local")
    voices = folder / "voices"
    voices.mkdir()
    write_wav(voices / "alba.wav", voice_like(1.5))
    write_wav(voices / "bruno.wav", voice_like(1.2)[::-1])
    return {
        "MODEL_CONFIG": str(tiny_model),
        "MODEL_FALLBACK": "none",
        "MODELS_DIR": str(folder / "models"),
        "VOICES_DIR": str(voices),
        "MAX_REF_DURATION": "3",
    }
