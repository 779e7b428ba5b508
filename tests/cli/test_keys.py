"""Keys are made, shown and revoked on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.callers.caller import LIMIT_NAMES, SCOPES
from app.callers.keys_file import hash_of, read_keys
from app.cli.exits import ExitCode
from app.cli.main import outcome


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("API_KEYS_FILE", "keys.toml")
    return tmp_path / "keys.toml"


def test_making_a_key(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The key is alone on the standard output, so that a script can take it."""
    arguments = ["--scopes", "speech,voices,speech", "--limit", "concurrent-streams=3"]
    assert outcome(["keys", "add", "shop", *arguments]) == (ExitCode.OK, "")
    key = capsys.readouterr().out.strip()
    caller = read_keys(path)[hash_of(key)]
    assert (caller.name, sorted(caller.scopes)) == ("shop", ["speech", "voices"])
    assert caller.limits.concurrent_streams == 3
    assert outcome(["keys", "list"]) == (ExitCode.OK, "")
    shown = capsys.readouterr().out
    assert shown == "shop\tspeech,voices\tconcurrent_streams=3\n"
    assert outcome(["keys", "revoke", "shop"]) == (ExitCode.OK, "")
    assert read_keys(path) == {}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["add", "a b"], "'a b' cannot be a name"),
        (
            ["add", "shop", "--scopes", "all"],
            "scopes must be some of speech, voices, jobs, metrics, admin",
        ),
        (["add", "shop", "--scopes", ""], "scopes must be some of"),
        (["add", "shop", "--limit", "streams"], "--limit must be NAME=NUMBER; it is 'streams'"),
        (["add", "shop", "--limit", "sounds=1"], "sounds is not known; there are hash, scopes"),
        (
            ["add", "shop", "--limit", "stored_voices=1", "--limit", "stored-voices=2"],
            "--limit stored_voices is given twice",
        ),
        (["revoke", "shop"], "there is no keys.toml yet"),
    ],
)
def test_what_is_refused(path: Path, arguments: list[str], words: str) -> None:
    """Wrong usage ends with a line that says what is allowed, and makes no file."""
    code, line = outcome(["keys", *arguments])
    assert code == ExitCode.USAGE
    assert words in line
    assert not path.exists()


def test_without_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no file of keys is set, the line says how to set one."""
    monkeypatch.chdir(tmp_path)
    for command in (["add", "shop"], ["list"], ["revoke", "shop"]):
        code, line = outcome(["keys", *command])
        assert code == ExitCode.USAGE
        assert "API_KEYS_FILE is not set: name a file in .env" in line


def test_help_names_all_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Every scope and every limit stands in the help."""
    assert outcome(["keys", "add", "--help"]) == (ExitCode.OK, "")
    shown = capsys.readouterr().out
    for name in (*SCOPES, *LIMIT_NAMES):
        assert name in shown
