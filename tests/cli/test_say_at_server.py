"""`say --server`: a running server does the work."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from app.cli.backend import TextToSpeak
from app.cli.progress import ProgressLine
from app.cli.remote import RemoteBackend
from app.errors import Overloaded
from app.speech_engine import SpeechJob
from tests.cli.command import Here, environment, files_in, interrupt, run_command, start_command
from tests.conftest import ServeFake
from tests.fakes import FRAME_SAMPLES, RATE_HZ, FakeEngine, FakeStream
from tests.listening import assert_speech, listen
from tests.serving import KEY, Served

pytestmark = pytest.mark.long

FRAME_SECONDS = FRAME_SAMPLES / RATE_HZ


def test_file(tmp_path: Path, server: Served, ffmpeg: Path) -> None:
    """The audio lies in the file, its path is the one result, and the controls were heard."""
    options = ("-v", "BRUNO", "--seed", "7", "--speed", "0.5", "--sample-rate", "16000")
    ended = run_command(
        *(tmp_path, "say", "Hello there.", "-o", "hello.wav", *options),
        *("--server", server.url),
        variables={"API_KEY": KEY},
    )
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert ended.stdout == b"hello.wav\n"
    assert files_in(tmp_path) == ["hello.wav"]
    heard = listen(ffmpeg, tmp_path, (tmp_path / "hello.wav").read_bytes(), "wav")
    assert heard.sample_rate_hz == 16000
    body = {"script": "Hello there.", "voice": "bruno", "seed": 7, "speed": 0.5, "format": "wav"}
    same = server.client.post("/tts", json={**body, "sample_rate": 16000})
    assert abs(len(same.content) - (tmp_path / "hello.wav").stat().st_size) < 8000


@pytest.mark.parametrize("stream", [True, False])
def test_pipe(tmp_path: Path, server: Served, ffmpeg: Path, stream: bool) -> None:
    """From pipe to pipe, nothing but audio comes out; the key is read from .env."""
    (tmp_path / ".env").write_text(f"API_KEY={KEY}\n")
    options = ("-", "-o", "-", "-f", "ogg", *(["--stream"] if stream else []))
    ended = run_command(
        tmp_path, "say", *options, "--server", server.url, stdin="Größe zählt.".encode()
    )
    assert (ended.returncode, ended.stderr) == (0, b"")
    heard = listen(ffmpeg, tmp_path, ended.stdout, "ogg")
    assert_speech(heard, "ogg", len(heard.pcm) / 24000)
    assert len(heard.pcm) > 24000 * 0.3


def test_many(at_server: Here, server: Served, ffmpeg: Path) -> None:
    """Many texts become numbered files, told in their order; what was there is replaced."""
    (at_server.folder / "out_2.mp3").write_bytes(b"old")
    ended = at_server("say", "One.", "Two.", "Three.", "-o", "out.mp3", "--server", server.url)
    assert (ended.code, ended.err) == (0, "")
    names = ["out_1.mp3", "out_2.mp3", "out_3.mp3"]
    assert ended.out.split() == names == files_in(at_server.folder)
    for name in names:
        heard = listen(ffmpeg, at_server.folder, (at_server.folder / name).read_bytes(), "mp3")
        assert len(heard.pcm) > 24000 * 0.2


def test_some_fail(at_server: Here, server: Served) -> None:
    """What cannot be spoken does not keep the rest from it, and is told by its place."""
    ended = at_server("say", "One.", "…", "Three.", "-o", "out/", "--server", server.url)
    assert ended.code == 2
    assert ended.err.startswith("error: text 2: TEXT: script ")
    assert files_in(at_server.folder / "out") == ["speech_1.mp3", "speech_3.mp3"]


def test_recording(fake_server: ServeFake, command: Here, recording: bytes, ffmpeg: Path) -> None:
    """--voice FILE sends the recording, and every control with it."""
    engine = FakeEngine()
    served = fake_server(engine)
    command.patch.setenv("API_KEY", KEY)
    (command.folder / "me.wav").write_bytes(recording)
    controls = ("--volume", "-3", "--seed", "4", "--temperature", "0.2", "--normalize-loudness")
    ended = command(
        *("say", "Hello.", "-v", "me.wav", "-o", "a.wav", *controls, "--language", "english"),
        *("--server", served.url),
    )
    assert (ended.code, ended.err) == (0, "")
    assert len(engine.encoded) == 1
    assert (engine.streams[0].job.sampling.seed, engine.streams[0].job.sampling.temperature) == (
        4,
        0.2,
    )
    heard = listen(ffmpeg, command.folder, (command.folder / "a.wav").read_bytes(), "wav")
    assert_speech(heard, "wav", 5 * FRAME_SECONDS)


def test_pronunciations(fake_server: ServeFake, command: Here, recording: bytes) -> None:
    """`--pronounce` says how words are spoken, also in the voice of a recording."""
    engine = FakeEngine()
    server = fake_server(engine).url
    command.patch.setenv("API_KEY", KEY)
    (command.folder / "me.wav").write_bytes(recording)
    told = ("--pronounce", "Nginx=engine X", "--pronounce", "[en, case] US = U S")
    for voice in ("alba", "me.wav"):
        ended = command(
            *("say", "Nginx, US, us.", "-v", voice, "-o", "a.wav", *told, "--server", server)
        )
        assert (ended.code, ended.err) == (0, "")
        assert engine.streams[-1].job.chunks[0].text == "engine X, U S, us."
    for wrong, words in (("Nginx", "is not of the form"), ("[xx] a=b", "'xx' cannot stand")):
        ended = command("say", "Hi.", "-o", "a.wav", "--pronounce", wrong, "--server", server)
        assert ended.code == 2
        assert ended.err.startswith("error: --pronounce: ")
        assert words in ended.err


def test_pauses(fake_server: ServeFake, command: Here) -> None:
    """Pauses are stretched as a request has them stretched: each sentence is spoken for itself."""
    engine = FakeEngine()
    command.patch.setenv("API_KEY", KEY)
    ended = command(
        *("say", "One. Two.", "--pause-scale", "2", "--no-markup", "-o", "a.wav"),
        *("--server", fake_server(engine).url),
    )
    assert (ended.code, ended.err) == (0, "")
    assert [chunk.text for chunk in engine.streams[0].job.chunks] == ["One.", "Two."]


def test_letters_that_no_model_reads(command: Here, server: Served) -> None:
    """A text of them is refused with the first stretch, and nothing is written."""
    command.patch.setenv("API_KEY", KEY)
    ended = command("say", "你好世界", "--server", server.url)
    assert (ended.code, ended.out) == (2, "")
    assert "letters that the model cannot read, first in '你好世界'" in ended.err
    assert files_in(command.folder) == []


@pytest.mark.parametrize(
    ("arguments", "key", "code", "words"),
    [
        (("-v", "nobody"), KEY, 2, "--voice: voice 'nobody' does not exist; available voices: "),
        (("-v", "nobody", "--stream"), KEY, 2, "--voice: voice 'nobody' does not exist"),
        (("--language", "fr"), KEY, 2, "--language: language must be one of en"),
        ((), "", 4, "the server wants an API key: set API_KEY in the environment or .env"),
        ((), "wrong", 4, "the API key is wrong: set API_KEY in the environment or .env"),
        ((), "schlüssel", 2, "API_KEY must be printable ASCII"),
    ],
)
def test_refused(
    command: Here, server: Served, arguments: tuple[str, ...], key: str, code: int, words: str
) -> None:
    """A refusal is one line in the words of the command line, with a code of its own."""
    command.patch.setenv("API_KEY", key)
    ended = command("say", "Hello.", *arguments, "--server", server.url)
    assert (ended.code, ended.out) == (code, "")
    assert ended.err.startswith("error: ")
    assert words in ended.err
    assert "\n" not in ended.err
    assert files_in(command.folder) == []


def test_no_server(tmp_path: Path) -> None:
    """A server that is not there ends it with 3."""
    ended = run_command(tmp_path, "say", "Hi.", "Ho.", "--server", "http://127.0.0.1:9")
    assert ended.returncode == 3
    assert ended.stderr.startswith(b"error: text 1: the server http://127.0.0.1:9 cannot be reach")
    assert ended.stderr.count(b"\n") == 1
    assert files_in(tmp_path) == []


def test_server_hangs_up(command: Here) -> None:
    """A server that ends the connection without a word is told as such."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            connection, _ = listener.accept()
            connection.recv(65536)
            connection.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        ended = command("say", "Hi.", "--server", url)
        thread.join()
    assert ended.code == 1
    assert ended.err.startswith("error: the server broke off its answer")
    assert not ended.err.endswith((":", ": "))


@pytest.mark.parametrize("arguments", [("voices", "list"), ("say", "Hi.", "-o", "a.mp3")])
def test_nobody_reads_results(tmp_path: Path, server: Served, arguments: tuple[str, ...]) -> None:
    """Whoever stops reading the results ends it, without a word."""
    reader, writer = os.pipe()
    os.close(reader)
    arguments = (*arguments, "--server", server.url)
    process = start_command(tmp_path, *arguments, variables={"API_KEY": KEY}, stdout=writer)
    os.close(writer)
    assert process.communicate(timeout=30)[1] == b""
    assert process.returncode == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_results_on_a_full_disk(tmp_path: Path, server: Served) -> None:
    """What cannot be told is an error, like what cannot be kept."""
    arguments = ("voices", "list", "--server", server.url)
    with Path("/dev/full").open("wb") as full:
        process = start_command(tmp_path, *arguments, variables={"API_KEY": KEY}, stdout=full)
    said = process.communicate(timeout=30)[1]
    assert said == b"error: the standard output cannot be written: No space left on device\n"
    assert process.returncode == 1


def test_closed_output(tmp_path: Path, server: Served) -> None:
    """`-o - >&-` has nowhere to go."""
    ended = subprocess.run(
        [
            *("sh", "-c", 'exec "$@" >&-', "sh", sys.executable, "-m", "app"),
            "say",
            "Hi.",
            "-o",
            "-",
        ],
        cwd=tmp_path,
        env=environment(API_KEY=KEY),
        stderr=subprocess.PIPE,
        timeout=30,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (2, b"error: -o -: the standard output is closed\n")


def test_other_server(at_server: Here, server: Served) -> None:
    """An address where something else answers is told as such."""
    ended = at_server("say", "Hi.", "--server", f"{server.url}/docs")
    assert ended.code == 2
    assert ended.err == "error: there is nothing at /docs/tts; did you mean /tts? See /docs"


@pytest.mark.parametrize("stream", [True, False])
def test_broken_off(fake_server: ServeFake, command: Here, stream: bool) -> None:
    """Speech that breaks off leaves no file, and ends with 1."""
    served = fake_server(FakeEngine(fail_after=3))
    command.patch.setenv("API_KEY", KEY)
    (command.folder / "a.wav").write_bytes(b"old")
    options = ["--stream"] if stream else []
    ended = command("say", "Hi.", "-o", "a.wav", *options, "--server", served.url)
    assert (ended.code, ended.out) == (1, "")
    words = "the server broke off its answer" if stream else "the speech could not be made"
    assert words in ended.err
    assert files_in(command.folder) == ["a.wav"]
    assert (command.folder / "a.wav").read_bytes() == b"old"


class BusyAtFirst(FakeEngine):
    refused = 0

    def submit(self, job: SpeechJob) -> FakeStream:
        if self.refused < 1:
            self.refused += 1
            raise Overloaded("too many requests are waiting", retry_after_seconds=1)
        return super().submit(job)


def test_busy_server(fake_server: ServeFake, command: Here) -> None:
    """A server that is busy is asked again when it said."""
    engine = BusyAtFirst()
    served = fake_server(engine)
    command.patch.setenv("API_KEY", KEY)
    started = time.monotonic()
    assert command("say", "Hi.", "-o", "a.mp3", "--server", served.url).code == 0
    assert engine.refused == 1
    assert time.monotonic() - started >= 1


def test_live(fake_server: ServeFake, tmp_path: Path) -> None:
    """With --stream the first bytes are there while the speech is still being made.

    Whoever stops reading ends it, without a word.
    """
    engine = FakeEngine(hold_after=3, frames_per_chunk=400)
    served = fake_server(engine)
    command = ("say", "Hi.", "-o", "-", "-f", "wav", "--stream", "--server", served.url)
    process = start_command(tmp_path, *command, variables={"API_KEY": KEY}, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert os.read(process.stdout.fileno(), 4096)[:4] == b"RIFF"
    assert process.poll() is None
    process.stdout.close()
    engine.let_go.set()
    assert process.wait(20) == 141
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()


def test_interrupted_in_a_full_pipe(fake_server: ServeFake, tmp_path: Path) -> None:
    """Ctrl-C ends it at once, also while nobody reads what it writes."""
    served = fake_server(FakeEngine(frames_per_chunk=2000))
    command = ("say", "Hi.", "-o", "-", "-f", "wav", "--stream", "--server", served.url)
    process = start_command(tmp_path, *command, variables={"API_KEY": KEY}, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert os.read(process.stdout.fileno(), 4) == b"RIFF"
    time.sleep(0.3)
    interrupt(process)
    process.stdout.close()


def test_progress_on_a_terminal(fake_server: ServeFake, tmp_path: Path) -> None:
    """On a terminal there is a bar with the time left, on standard error alone."""
    served = fake_server(FakeEngine(frame_seconds=0.1))
    terminal, stderr = pty.openpty()
    command = ("say", "One.", "Two.", "-o", "a.wav", "--server", served.url)
    variables = {"API_KEY": KEY, "TERM": "xterm"}
    process = start_command(
        tmp_path, *command, variables=variables, stdout=subprocess.PIPE, stderr=stderr
    )
    out, _ = process.communicate(timeout=20)
    os.close(stderr)
    drawn = b""
    # Linux says EIO where the other end is closed, others that there is nothing.
    with contextlib.suppress(OSError):
        while select.select([terminal], [], [], 0.5)[0] and (piece := os.read(terminal, 65536)):
            drawn += piece
    os.close(terminal)
    assert process.returncode == 0
    assert out == b"a_1.wav\na_2.wav\n"
    assert b"speaking 2 texts" in drawn
    assert b"left" in drawn


@pytest.mark.parametrize(
    ("path", "base", "rest"),
    [
        ("/v1", "", "v1"),
        ("/v1/", "", "v1"),
        ("/openai/v1", "", "openai/v1"),
        ("/v1/audio/speech", "", "v1/audio/speech"),
        ("/speech/v1", "/speech", "v1"),
    ],
)
def test_an_address_that_goes_too_far(command: Here, path: str, base: str, rest: str) -> None:
    """The base URL of another client is told to be one, and what to write instead."""
    ended = command("say", "Hi.", "--server", f"http://localhost:8000{path}")
    assert ended.code == 2
    assert f"without /{rest}: http://localhost:8000{base};" in ended.err


def test_names(at_server: Here, server: Served) -> None:
    """Each line of a table goes into the file that it names, in the format that is asked for."""
    (at_server.folder / "named.tsv").write_text("intro\tGood evening.\nend.wav\tGood night.\n")
    say = ("say", "--lines", "--names", "named.tsv", "--server", server.url)
    ended = at_server(*say, "-o", "audio/", "-f", "wav")
    assert (ended.code, ended.out.split()) == (0, ["audio/intro.wav", "audio/end.wav"])
    refused = at_server(*say, "-o", "audio/")
    assert "named.tsv line 2: end.wav is no mp3; write --format wav" in refused.err
    refused = at_server(*say, "-o", "out.wav")
    assert "-o out.wav: --names names the files" in refused.err


def test_a_text_in_another_encoding(at_server: Here, server: Served) -> None:
    """A file of Windows is read, with a note; --encoding and --quiet make it silent."""
    (at_server.folder / "old.txt").write_bytes("Grüße.".encode("cp1252"))
    say = ("say", "old.txt", "--server", server.url, "-o", "old.mp3")
    assert at_server(*say).err.startswith("note: old.txt is not UTF-8 and is read as Windows-1252")
    assert at_server(*say, "--encoding", "cp1252").err == ""
    assert at_server(*say, "--quiet").err == ""
    assert "'klingon' is no encoding" in at_server(*say, "--encoding", "klingon").err


def test_markup_is_read_aloud(command: Here, fake_server: ServeFake) -> None:
    """--no-markup speaks tags as they are written."""
    engine = FakeEngine()
    command.patch.setenv("API_KEY", KEY)
    say = ("say", "[alba] One. [pause: soon]", "--server", fake_server(engine).url)
    assert command(*say, "-o", "one.mp3").code == 2
    assert command(*say, "-o", "one.mp3", "--no-markup").code == 0
    assert engine.streams[0].job.chunks[0].text.startswith("(alba) One.")


async def test_progress(fake_server: ServeFake, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a server works, the bar goes on at the pace that the server has shown."""
    monkeypatch.setenv("API_KEY", KEY)
    monkeypatch.setattr("app.cli.remote.DRAW_SECONDS", 0.02)
    engine = FakeEngine(frame_seconds=0.05, frames_per_chunk=10)
    backend = RemoteBackend(fake_server(engine).url, ProgressLine(quiet=True))
    order = TextToSpeak("Hello.", None, "wav", {}, stream=False)
    guesses: list[list[float]] = []
    async with backend.opened():
        for _ in range(2):
            heard: list[float] = []
            async for _piece in backend.speak(order, heard.append):
                pass
            guesses.append(heard)
    for heard in guesses:
        assert len(heard) > 3
        assert heard == sorted(heard)
    assert guesses[1][-1] == pytest.approx(0.8, rel=0.5)
