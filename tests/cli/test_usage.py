"""What the command line says before it does anything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from rich.text import Text
from typer.core import TyperGroup
from typer.main import get_command

from app.cli.main import app, outcome
from app.cli.voice_commands import voices
from tests.cli.command import ROOT, Here, environment, run_command

COMMANDS = (
    ("say",),
    ("serve",),
    ("wyoming",),
    ("voices",),
    *(("voices", name) for name in ("list", "add", "remove", "export", "preview")),
)
HEAVY = ("torch", "fastapi", "httpx", "numpy", "uvicorn", "pydantic_settings", "asyncio")


def test_help_is_fast(tmp_path: Path) -> None:
    """`--help` names every command and exit code, and imports nothing that takes its time."""
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "app", "--help"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        check=True,
    )
    shown = ended.stdout.decode()
    assert all(command[0] in shown for command in COMMANDS)
    assert all(str(code) in shown for code in (0, 1, 2, 3, 4, 130, 141))
    imported = {line.split("|")[-1].strip() for line in ended.stderr.decode().splitlines()}
    assert "app.cli.main" in imported
    assert not imported & set(HEAVY)


@pytest.mark.parametrize("command", COMMANDS)
def test_help(command: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """Every command explains itself, with an example, and no option takes a key."""
    assert outcome([*command, "--help"]) == (0, "")
    shown = capsys.readouterr().out
    assert f"Usage: python -m app {' '.join(command)}" in shown
    assert "Example" in shown or "Exit codes" in shown
    assert "--key" not in shown
    assert "--api-key" not in shown


def test_nothing_of_the_help_is_taken_for_markup() -> None:
    """What stands in square brackets would be taken for a colour, and not be shown."""
    for group in (app, voices):
        command = get_command(group)
        assert isinstance(command, TyperGroup)
        for each in command.commands.values():
            for parameter in each.params:
                said = getattr(parameter, "help", None) or ""
                shown = said.replace(r"\[", "[")
                assert Text.from_markup(said).plain == shown, parameter.name


def test_version(tmp_path: Path) -> None:
    """`--version` prints nothing but the version."""
    ended = run_command(tmp_path, "--version")
    assert ended.returncode == 0
    assert ended.stdout.decode().strip().count(".") == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Missing command"),
        (("sey", "hi"), "'sey'"),
        (("say",), "TEXT"),
        (("say", "hi", "--speed", "9"), "--speed"),
        (("say", "hi", "--pitch", "-13"), "--pitch"),
        (("say", "hi", "--seed", "-2"), "--seed"),
        (("say", "hi", "--language", "xx"), "--language"),
        (("say", "hi", "--api-key", "x"), "--api-key"),
        (("say", "hi", "--format", "mp4"), "--format must be one of mp3, wav"),
        (("say", "hi", "--bitrate", "1000"), "--bitrate must be 8 to 160"),
        (("say", "hi", "--sample-rate", "7"), "--sample-rate must be one of 8000"),
        (("say", "hi", "-o", "hello.doc"), "-o hello.doc: no format has the extension .doc"),
        (("say", "hi", "-o", "none/hello.mp3"), "there is no folder none"),
        (("say", "hi", "ho", "-o", "-"), "-o - takes one text; there are 2"),
        (("say", "hi", "--play", "-o", "-"), "-o - and --play"),
        (("say", "hi", "--play", "--format", "pcm"), "--play needs a format with a header"),
        (("say", " "), "TEXT is empty"),
        (("say", "@none"), "there is no file 'none'"),
        (("say", "hi", "-v", "none.wav"), "--voice: none.wav cannot be read"),
        (("say", "hi", "-v", " "), "--voice must not be empty"),
        (("say", "hi", "-v", "anna.safetensors"), "voices add"),
        (("say", "hi", "--server", "localhost:8000"), "--server must be an http://"),
        (("say", "hi", "--server", "http://localhost:8000/?a=b"), "without a query"),
        (("say", "hi", "-o", ""), "'--output' / '-o': it is empty"),
        (("say", "hi", "-o", "x" * 300 + ".mp3"), "File name too long"),
        (("say", "hi", "ho", "-o", "a{q}.mp3"), "-o a{q}.mp3: {q} is none of {n}"),
        (("say", "hi", "-v", "\udcff"), "cannot be the name of a voice"),
        (("voices", "add", "anna"), "FILE"),
        (("voices", "add", "anna", "none.wav"), "FILE: none.wav cannot be read"),
        (("voices", "preview", "anna", "-o", "x.ogg"), "previews are .mp3 or .wav"),
        (("voices", "preview", ""), "'' cannot be the name of a voice"),
        (("voices", "export", "../anna"), "'../anna' cannot be the name of a voice"),
        (("voices", "export", "anna", "-o", "x.mp3"), "a voice is exported as .safetensors"),
        (("voices", "remove", "anna", ".."), "'..' cannot be the name of a voice"),
        (("serve", "--port", "70000"), "--port"),
        (("wyoming", "--port", "70000"), "--port"),
    ],
)
def test_wrong_usage(command: Here, arguments: tuple[str, ...], words: str) -> None:
    """It ends with 2 and one line that names the option, before any model is loaded."""
    ended = command(*arguments)
    assert ended.code == 2
    assert ended.out == ""
    assert ended.err.startswith("error: ")
    assert words in ended.err
    assert "\n" not in ended.err
    assert not list(command.folder.iterdir())


@pytest.mark.parametrize(
    "arguments", [("say", "hi"), ("say", "hi", "--server", "http://localhost:9"), ("wyoming",)]
)
def test_wrong_settings(command: Here, arguments: tuple[str, ...]) -> None:
    """A setting that cannot be is named, as by the server."""
    (command.folder / ".env").write_text("MAX_REF_DURATION=long\n")
    ended = command(*arguments)
    assert ended.code == 2
    assert ended.err.startswith("error: MAX_REF_DURATION: input should be a valid number")


def test_bench(tmp_path: Path) -> None:
    """`bench` passes its options on, and the exit code back; without benchmarks it says so."""
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "__init__.py").touch()
    program = "import sys\nprint(sys.argv[1:])\nsys.exit(5)\n"
    (tmp_path / "benchmarks" / "__main__.py").write_text(program)
    found = run_command(tmp_path, "bench", "--quick", "--help", "x")
    assert (found.returncode, found.stdout) == (5, b"['--quick', '--help', 'x']\n")
    one = run_command(tmp_path, "bench", "serve_load", "--", "--streams", "1", "4")
    assert one.stdout == b"['serve_load', '--', '--streams', '1', '4']\n"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "app").symlink_to(ROOT / "app", target_is_directory=True)
    missing = run_command(elsewhere, "bench", variables={"PYTHONPATH": ""})
    assert missing.returncode == 1
    assert missing.stderr.startswith(b"error: there is no benchmarks package here")
