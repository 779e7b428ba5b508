"""The operator's pronunciations are shown and changed on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.cli.exits import ExitCode
from app.cli.main import outcome


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PRONUNCIATIONS_FILE", "own.txt")
    return tmp_path / "own.txt"


def run(*arguments: str) -> None:
    assert outcome(["pronunciations", *arguments]) == (ExitCode.OK, "")


def test_changes(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is added is in the file, beside what people wrote there; so is what is taken out."""
    path.write_text("# ours\nGIF = jif\n")
    run("add", "Nginx=engine X", "[en, case] US = U S")
    run("add", "nginx = engine ten", "--replace")
    run("remove", "gif")
    assert path.read_text() == "# ours\nnginx = engine ten\n[en, case] US = U S\n"
    run("list")
    assert capsys.readouterr().out == "nginx = engine ten\n[en, case] US = U S\n"
    run("remove", "US", "--language", "english")
    assert path.read_text() == "# ours\nnginx = engine ten\n"


@pytest.mark.parametrize("kind", ["pls", "csv", "txt"])
def test_files(path: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What is written into a file can be taken in again."""
    path.write_text("Nginx = engine X\n[de, part] Auto = Outo\n")
    run("export", f"words.{kind}")
    assert capsys.readouterr().out == f"words.{kind}\n"
    before = path.read_text()
    path.unlink()
    run("import", f"words.{kind}")
    assert path.read_text().endswith(before)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["add", "Nginx"], "'Nginx' is not of the form: word = what is spoken"),
        (["add", "GIF=gift"], "already; use --replace to replace it"),
        (["remove", "Nginx"], "there is no pronunciation of 'Nginx'"),
        (["remove", "GIF", "--language", "xx"], "must be one of en, fr"),
        (["import", "none.pls"], "FILE: none.pls cannot be read: No such file"),
        (["import", "wrong.txt"], "FILE cannot be read as txt: line 1: 'x' is not of the form"),
        (["import", "long.txt"], "has more than the 2000000 bytes allowed"),
        (["export", "words.doc"], "must end in .pls, .csv, .txt"),
    ],
)
def test_refused(path: Path, arguments: list[str], words: str) -> None:
    """A line says what is wrong, and the file stays as it was."""
    path.write_text("GIF = jif\n")
    (path.parent / "wrong.txt").write_text("x\n")
    (path.parent / "long.txt").write_text("#" * 2_000_001)
    code, message = outcome(["pronunciations", *arguments])
    assert code == ExitCode.USAGE
    assert words in message
    assert path.read_text() == "GIF = jif\n"


def test_a_wrong_file(path: Path) -> None:
    """It is named by its lines."""
    path.write_text("GIF = jif\nNginx\n")
    for arguments in (["list"], ["add", "a=b"], ["export", "a.pls"]):
        code, message = outcome(["pronunciations", *arguments])
        assert code == ExitCode.USAGE
        assert "own.txt, line 2: 'Nginx' is not of the form" in message


def test_a_file_that_cannot_be_written(path: Path) -> None:
    """That is a failure and no wrong usage."""
    path.write_text("GIF = jif\n")
    code, message = outcome(["pronunciations", "export", "none/a.pls"])
    assert (code, message) == (
        ExitCode.FAILED,
        "error: none/a.pls cannot be written: No such file or directory",
    )
