"""Commands work where TENANTS=separate is set and no file of keys has been made yet."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.callers.keys_file import read_keys
from app.cli.exits import ExitCode
from tests.cli.command import Here


@pytest.fixture(autouse=True)
def _separate(command: Here, local: dict[str, str]) -> None:
    for name, value in local.items():
        command.patch.setenv(name, value)
    command.patch.setenv("TENANTS", "separate")
    command.patch.setenv("API_KEYS_FILE", "keys.toml")
    command.patch.delenv("API_KEY", raising=False)


def test_the_first_key(command: Here) -> None:
    """That is where a key is most of use."""
    assert command("keys", "add", "shop").code == ExitCode.OK
    (caller,) = read_keys(command.folder / "keys.toml").values()
    assert caller.name == "shop"


def test_voices_are_the_operators(command: Here, local: dict[str, str], recording: bytes) -> None:
    """What a command makes here is everybody's, and it sees what callers have."""
    folder = Path(local["VOICES_DIR"])
    hers = folder / "hers@alice.wav"
    hers.write_bytes((folder / "alba.wav").read_bytes())
    (command.folder / "anna.wav").write_bytes(recording)
    try:
        added = command("voices", "add", "anna", "anna.wav")
        assert added.code == ExitCode.OK, added.err
        assert [path.stem for path in folder.glob("anna*.wav")] == ["anna"]
        assert "hers" in command("voices", "list").out
    finally:
        for path in (hers, *folder.glob("anna*")):
            path.unlink()


def test_pronunciations(command: Here) -> None:
    """They belong to nobody."""
    command.patch.setenv("PRONUNCIATIONS_FILE", "own.txt")
    assert command("pronunciations", "add", "Nginx=engine X").code == ExitCode.OK
    assert command("pronunciations", "list").out == "Nginx = engine X\n"


def test_at_a_server(command: Here) -> None:
    """A server that is not there is all that is wrong."""
    ended = command("voices", "list", "--server", "http://localhost:9")
    assert ended.code == ExitCode.UNREACHABLE, ended.err
