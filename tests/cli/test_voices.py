"""`voices`: the same in this process and at a server."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.command import Ended, Here, files_in, run_command, start_command
from tests.listening import listen
from tests.serving import KEY, Served


@pytest.fixture(params=["here", "server"])
def voices(
    request: pytest.FixtureRequest, command: Here, local: dict[str, str], server: Served
) -> Iterator[Library]:
    """A command that has a library of voices; what a test leaves there is taken away."""
    if request.param == "here":
        for name, value in local.items():
            command.patch.setenv(name, value)
        at: tuple[str, ...] = ()
        folder = Path(local["VOICES_DIR"])
    else:
        command.patch.setenv("API_KEY", KEY)
        at = ("--server", server.url)
        folder = server.settings.voices_dir
    yield Library(command, at)
    for path in folder.glob("anna.*"):
        path.unlink()


@dataclass
class Library:
    """Runs `voices …` where there is a library."""

    command: Here
    at: tuple[str, ...]

    @property
    def folder(self) -> Path:
        return self.command.folder

    def __call__(self, *arguments: str) -> Ended:
        return self.command("voices", *arguments, *self.at)


def test_life_of_a_voice(voices: Library, recording: bytes, ffmpeg: Path) -> None:
    """A voice is made, listed, heard, carried away, taken in again, and removed."""
    (voices.folder / "me.wav").write_bytes(recording)
    described = ("--description", "Warm\nand calm", "--tag", "low", "--language", "en")
    assert voices("add", "anna", "me.wav", *described) == (0, "anna\n", "")

    (anna,) = [each for each in json.loads(voices("list", "--json").out) if each["name"] == "anna"]
    assert anna["description"] == "Warm\nand calm"
    assert (anna["tags"], anna["language"], anna["kind"]) == (["low"], "en", "custom")
    assert anna["reference_seconds"] > 1
    lines = voices("list").out.splitlines()
    assert lines[0].split("\t")[:2] == ["alba", "custom"]
    assert "anna\tcustom\ten\tWarm and calm" in lines

    assert voices("preview", "anna", "-o", "hear.wav") == (0, "hear.wav\n", "")
    heard = listen(ffmpeg, voices.folder, (voices.folder / "hear.wav").read_bytes(), "wav")
    assert len(heard.pcm) > 24000 * 0.3

    assert voices("export", "Anna", "-o", "kept.safetensors") == (0, "kept.safetensors\n", "")
    ended = voices("add", "anna", "kept.safetensors")
    assert ended.code == 2
    assert "there is a voice 'anna' already; " in ended.err
    assert "--replace" in ended.err
    assert voices("add", "anna", "kept.safetensors", "--replace") == (0, "anna\n", "")
    assert voices("remove", "ANNA") == (0, "anna\n", "")
    assert "anna" not in voices("list").out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("remove", "nobody"), "voice 'nobody' does not exist; available voices: alba"),
        (("preview", "nobody"), "voice 'nobody' does not exist"),
        (("add", "a b", "me.wav"), "NAME"),
        (("add", "anna", "silent.wav"), "FILE"),
        (("add", "anna", "me.wav", "--tag", "x" * 65), "a tag has at most 64 characters"),
    ],
)
def test_refused(voices: Library, recording: bytes, arguments: tuple[str, ...], words: str) -> None:
    """What is wrong is named by its argument, with code 2, and leaves no file."""
    (voices.folder / "me.wav").write_bytes(recording)
    (voices.folder / "silent.wav").write_bytes(b"RIFF nothing")
    ended = voices(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: ")
    assert words in ended.err
    assert files_in(voices.folder) == ["me.wav", "silent.wav"]


def test_export_into_a_pipe(tmp_path: Path, server: Served) -> None:
    """`-o -` writes nothing but the file."""
    ended = run_command(
        *(tmp_path, "voices", "export", "alba", "-o", "-", "--server", server.url),
        variables={"API_KEY": KEY},
    )
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert ended.stdout == server.client.get("/voices/alba/export").content


def test_table_on_a_terminal(tmp_path: Path, server: Served) -> None:
    """People see a table, with the names of its columns."""
    terminal, stdout = pty.openpty()
    process = start_command(
        *(tmp_path, "voices", "list", "--server", server.url),
        variables={"API_KEY": KEY, "TERM": "dumb"},
        stdout=stdout,
        stderr=subprocess.DEVNULL,
    )
    assert process.wait(20) == 0
    shown = os.read(terminal, 65536).decode().splitlines()
    os.close(stdout)
    os.close(terminal)
    assert shown[0].split() == ["name", "kind", "language", "description"]
    assert shown[1].split() == ["alba", "custom"]


def test_not_replaced_unasked(voices: Library) -> None:
    """A file that -o does not name is not replaced."""
    (voices.folder / "alba.safetensors").write_bytes(b"dear")
    ended = voices("export", "alba")
    assert ended.code == 2
    assert "alba.safetensors exists already" in ended.err
    assert (voices.folder / "alba.safetensors").read_bytes() == b"dear"
