"""`say` without a server: the model speaks in the command's own process."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.cli.command import Here, files_in, interrupt, run_command, start_command
from tests.listening import listen

pytestmark = pytest.mark.long

LONG = "This sentence is spoken over and over again, for many minutes. " * 300


def test_files(tmp_path: Path, local: dict[str, str], ffmpeg: Path) -> None:
    """Texts and files are spoken side by side, each whole, without a key; nothing else is left."""
    (tmp_path / "page.md").write_text("# A page\n\nWith *two* paragraphs.\n", "utf-8")
    (tmp_path / "out").mkdir()
    ended = run_command(
        *(tmp_path, "say", "Hello there.", "page.md", "-", "-o", "out/"),
        *("-f", "flac", "--seed", "3"),
        stdin=b"From a pipe.",
        variables=local,
    )
    assert (ended.returncode, ended.stderr) == (0, b"")
    names = ["speech_1.flac", "page.flac", "speech_3.flac"]
    assert ended.stdout.decode().split() == [f"out/{name}" for name in names]
    assert files_in(tmp_path / "out") == sorted(names)
    assert files_in(tmp_path) == ["out", "page.md"]
    for name in names:
        heard = listen(ffmpeg, tmp_path, (tmp_path / "out" / name).read_bytes(), "flac")
        assert len(heard.pcm) > 24000 * 0.3


def test_interrupted(tmp_path: Path, local: dict[str, str]) -> None:
    """Ctrl-C ends it with 130, one word, and no half file."""
    (tmp_path / "out.wav").write_bytes(b"old")
    process = start_command(tmp_path, "say", LONG, "-o", "out.wav", "--stream", variables=local)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".out.wav.*.partial")):
        assert process.poll() is None, process.stderr
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.3)
    interrupt(process)
    assert files_in(tmp_path) == ["out.wav"]
    assert (tmp_path / "out.wav").read_bytes() == b"old"


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="shows what is being imported")
def test_interrupted_while_loading(tmp_path: Path, local: dict[str, str]) -> None:
    """SIGTERM is heard as well, and at once, while the libraries of the model are imported."""
    process = start_command(tmp_path, "say", "Hi.", variables=local)
    deadline = time.monotonic() + 60
    while "torch" not in Path(f"/proc/{process.pid}/maps").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    interrupt(process, signal.SIGTERM)


def test_live_and_whole(
    command: Here, local: dict[str, str], ffmpeg: Path, recording: bytes
) -> None:
    """In a recording's voice, --stream or not: the same speech."""
    _use(command, local)
    (command.folder / "me.wav").write_bytes(recording)
    for name, options in (("whole.wav", []), ("live.wav", ["--stream"])):
        spoken = ("say", "Hello there.", "-v", "me.wav", "--seed", "5", "-o", name, *options)
        assert command(*spoken) == (0, f"{name}\n", "")
    whole, live = (
        listen(ffmpeg, command.folder, (command.folder / name).read_bytes(), "wav")
        for name in ("whole.wav", "live.wav")
    )
    assert len(whole.pcm) > 24000 * 0.3
    assert len(whole.pcm) == len(live.pcm)


def test_refused(command: Here, local: dict[str, str]) -> None:
    """What is wrong is told in the words of the command line, with the code it has at a server."""
    _use(command, local)
    ended = command("say", "Hi.", "-v", "nobody")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "error: --voice 'nobody' does not exist; available voices: alba, bruno"
    command.patch.setenv("MAX_SCRIPT_CHARS", "2")
    ended = command("say", "Hello.")
    assert ended.code == 2
    assert ended.err.startswith("error: TEXT has 6 characters")
    assert "MAX_SCRIPT_CHARS" in ended.err
    assert files_in(command.folder) == []


def test_no_model(command: Here, local: dict[str, str]) -> None:
    """A model that cannot be had ends it with 1 and the reason, once."""
    _use(command, local)
    (command.folder / "broken.yaml").write_text("mimi: 1\n")
    command.patch.setenv("MODEL_CONFIG", "broken.yaml")
    ended = command("say", "Hi.", "Ho.", "-o", "out/")
    assert ended.code == 1
    assert ended.err.startswith("error: the model is not available: ")
    assert "\n" not in ended.err
    assert files_in(command.folder / "out") == []


def test_stand_in(command: Here, local: dict[str, str]) -> None:
    """Where the preview model may fill in, it speaks, and a line says so."""
    _use(command, local)
    (command.folder / "broken.yaml").write_text("mimi: 1\n")
    command.patch.setenv("MODEL_CONFIG", "broken.yaml")
    command.patch.setenv("MODEL_FALLBACK", "preview")
    ended = command("say", "Hi.", "-o", "hi.wav", "--quiet")
    assert (ended.code, ended.out) == (0, "hi.wav\n")
    assert ended.err.startswith("warning: the model is not available: ")
    assert ended.err.endswith("; the preview model speaks instead\n")


def _use(command: Here, local: dict[str, str]) -> None:
    for name, value in local.items():
        command.patch.setenv(name, value)
