"""`narrate` makes a recording of a book, here or at a server, and goes on where it was stopped."""

from __future__ import annotations

import signal
import time
from pathlib import Path

from tests.cli.command import interrupt, run_command, start_command
from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.serving import KEY

BOOK = "# One\n\nHello there.\n\n# Two\n\nGood bye, my friends."


def test_here(tmp_path: Path) -> None:
    """The model is loaded, and the file appears whole; the path is printed."""
    (tmp_path / "book.md").write_text(BOOK)
    variables = {"MODEL_LANGUAGE": "preview"}
    ended = run_command(tmp_path, "narrate", "book.md", "-o", "book.txt", "-q", variables=variables)
    assert (ended.returncode, b"-o must end in" in ended.stderr) == (2, True)
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
