"""`narrate` makes a recording of a book, here or at a server, and goes on where it was stopped."""

from __future__ import annotations

import signal
import sqlite3
import time
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from mutagen.mp4 import MP4

from app.main import create_app
from tests.cli.command import Here, interrupt, run_command, start_command
from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.serving import KEY, make_settings, running, serve_fake

pytestmark = pytest.mark.long

BOOK = "# One\n\nHello there.\n\n# Two\n\nGood bye, my friends."


def test_here(tmp_path: Path) -> None:
    """The model is loaded, and the file appears whole; the path is printed."""
    (tmp_path / "book.md").write_text(BOOK)
    variables = {"MODEL_LANGUAGE": "preview"}
    ended = run_command(tmp_path, "narrate", "no.md", "-o", "book.mp3", "-q", variables=variables)
    assert (ended.returncode, b"cannot be read" in ended.stderr) == (2, True)
    ended = run_command(tmp_path, "narrate", "book.md", "-o", "book.mp3", "-q", variables=variables)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip() == b"book.mp3"
    assert (tmp_path / "book.mp3").read_bytes()[:3] == b"ID3"


def test_at_a_server_and_on_after_an_interruption(fake_server: ServeFake, tmp_path: Path) -> None:
    """Ctrl-C pauses the job at the server; the same command finishes that very job."""
    engine = FakeEngine(hold_after=2)
    served = fake_server(engine)
    (tmp_path / "book.md").write_text(BOOK)
    command = ("narrate", "book.md", "-o", "book.m4b", "--server", served.url, "--seed", "3")
    process = start_command(tmp_path, *command, variables={"API_KEY": KEY})
    deadline = time.monotonic() + 30
    while not engine.streams:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.7)  # the command has looked at its job
    interrupt(process, signal.SIGINT)
    (job,) = served.client.get("/jobs").json()["jobs"]
    assert job["state"] == "paused"
    assert not (tmp_path / "book.m4b").exists()
    engine.let_go.set()
    ended = run_command(tmp_path, *command, variables={"API_KEY": KEY})
    assert ended.returncode == 0, ended.stderr
    (again,) = served.client.get("/jobs").json()["jobs"]
    assert (again["id"], again["state"]) == (job["id"], "done")
    assert (tmp_path / "book.m4b").read_bytes()[4:8] == b"ftyp"


LONG_BOOK = "\n\n".join(
    f"# Part {number}\n\nIt was a dark night, and nobody was out." for number in range(1, 11)
)


def test_here_and_on_after_an_interruption(tmp_path: Path) -> None:
    """Ctrl-C parks the job; the same command goes on, and speaks nothing again that was spoken."""
    (tmp_path / "book.md").write_text(LONG_BOOK)
    # Two segments are spoken at once.
    variables = {"MODEL_LANGUAGE": "preview", "JOBS_DIR": "jobs", "MAX_RUNNING_ROWS": "4"}
    command = ("narrate", "book.md", "-o", "book.m4b", "-q", "--captions", "srt", "--seed", "3")
    process = start_command(tmp_path, *command, variables=variables)
    deadline = time.monotonic() + 120
    while not (spoken := list(tmp_path.glob("jobs/*/takes/[0-9]*.wav"))):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    interrupt(process)
    assert not (tmp_path / "book.m4b").exists()
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("jobs/*/takes/*.wav")}
    with closing(sqlite3.connect(tmp_path / "jobs" / "jobs.sqlite3")) as connection:
        assert connection.execute("SELECT state FROM jobs").fetchall() == [("paused",)]
    ended = run_command(tmp_path, *command, variables=variables)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split() == [b"book.m4b", b"book.srt"]
    assert set(spoken) <= kept.keys()
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert (tmp_path / "book.srt").read_text().startswith("1\n00:00:00,")
    tags: Any = MP4(tmp_path / "book.m4b")  # type: ignore[no-untyped-call]
    assert [each.title for each in tags.chapters] == [f"Part {number}" for number in range(1, 11)]


def test_a_server_that_is_started_again(tmp_path: Path) -> None:
    """The command waits for it, and the job goes on."""
    engine = FakeEngine(hold_after=2)
    (tmp_path / "book.md").write_text(BOOK)
    with serve_fake(tmp_path, engine) as served:
        port = served.address[1]
        command = ("narrate", "book.md", "-o", "book.m4b", "--server", served.url)
        process = start_command(tmp_path, *command, variables={"API_KEY": KEY})
        deadline = time.monotonic() + 30
        while not engine.streams:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        time.sleep(0.7)
    time.sleep(1)
    assert process.poll() is None
    with running(create_app(make_settings(tmp_path), FakeEngine), port):
        _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (0, b"")
    assert (tmp_path / "book.m4b").read_bytes()[4:8] == b"ftyp"


def test_options(fake_server: ServeFake, tmp_path: Path) -> None:
    """What `POST /jobs` and `say` can be told, the command can be told."""
    engine = FakeEngine()
    served = fake_server(engine)
    (tmp_path / "book.md").write_text(
        "# One\n\nHello Nginx, it is 5 km.[^1]\n\n| a | b |\n|---|---|\n| c | d |\n\n"
        "[^1]: A note.\n\n# Two\n\n[Ann] Good bye."
    )
    command = ["narrate", "book.md", "-o", "book.zip", "--format", "mp3", "--server", served.url]
    command += ["--footnotes", "--tables", "--no-normalize", "--markup", "--captions", "lrc"]
    command += ["--pronounce", "Nginx=engine X", "--speaker", "Ann=marius", "--code", "read"]
    command += ["--chapter-voice", "1=alba", "--title", "Mine", "--author", "Me", "--pitch", "2"]
    command += ["--loudness", "off", "--chapter-pause", "0.5", "--temperature", "0.5", "-q"]
    ended = run_command(tmp_path, *command, variables={"API_KEY": KEY})
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split() == [b"book.zip"]
    with zipfile.ZipFile(tmp_path / "book.zip") as archive:
        assert archive.namelist() == ["001 One.mp3", "001 One.lrc", "002 Two.mp3", "002 Two.lrc"]
    said = " ".join(chunk.text for stream in engine.streams for chunk in stream.job.chunks)
    for words in ("engine X", "5 km", "A note", "c", "Good bye"):
        assert words in said
    assert "Ann" not in said
    (job,) = served.client.get("/jobs").json()["jobs"]
    assert (job["title"], job["author"]) == ("Mine", "Me")
    voices = {stream.voice.name for stream in engine.streams}  # type: ignore[attr-defined]
    assert voices == {"alba", "marius"}
    assert {stream.job.sampling.temperature for stream in engine.streams} == {0.5}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("-o", "book.txt"), "-o must end in"),
        (("-o", "book.mp3", "--format", "flac"), "--format is for the files in a .zip"),
        (("-o", "book.zip", "--format", "ogg"), "--format must be one of"),
        (("-o", "book.mp3", "--captions", "txt"), "--captions takes srt, vtt"),
        (("-o", "book.mp3", "--speaker", "Ann"), "--speaker is like NAME=VOICE"),
        (("-o", "book.mp3", "--chapter-voice", "1=a", "--chapter-voice", "1=b"), "'1' is there tw"),
        (("-o", "book.mp3", "--pronounce", "x"), "--pronounce: "),
    ],
)
def test_wrong_options(command: Here, options: tuple[str, ...], words: str) -> None:
    """They are refused before anything is loaded."""
    (command.folder / "book.md").write_text(BOOK)
    ended = command("narrate", "book.md", *options)
    assert (ended.code, words in ended.err) == (2, True), ended.err


def test_a_job_that_waits_says_why(
    fake_server: ServeFake, tmp_path: Path, recording: bytes
) -> None:
    """The command prints it once, and goes on when the job does."""
    engine = FakeEngine(hold_after=1)
    served = fake_server(engine)

    def add_voice() -> None:
        sent = {"files": ("a.wav", recording)}
        assert served.client.post("/voices", data={"name": "tess"}, files=sent).status_code == 201

    add_voice()
    (tmp_path / "book.md").write_text(BOOK)
    command = ("narrate", "book.md", "-o", "book.m4b", "--server", served.url, "-v", "tess")
    process = start_command(tmp_path, *command, variables={"API_KEY": KEY})
    deadline = time.monotonic() + 30
    while not engine.streams:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    (job,) = served.client.get("/jobs").json()["jobs"]
    served.client.post(f"/jobs/{job['id']}/pause")
    assert served.client.delete("/voices/tess").status_code == 200
    engine.let_go.set()
    served.client.post(f"/jobs/{job['id']}/resume")
    while served.client.get(f"/jobs/{job['id']}").json()["state"] != "waiting":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(1.5)
    add_voice()
    assert process.wait(30) == 0
    assert process.stderr is not None
    said = process.stderr.read().decode()
    process.stderr.close()
    assert said.count("waiting: ") == 1
    assert "goes on by itself once the voice is there" in said
