"""Every command of the README and the docs does what it says, as a newcomer would paste it.

A copy of the repository stands for a fresh clone. `make run` starts the server in it, with the
preview voice since there is no network; then each page is followed from top to bottom, in a shell
of its own.
"""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import venv
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from app.audio.ffmpeg import find_ffmpeg
from tests.cli.command import environment

ROOT = Path(__file__).parent.parent
PAGES = ["README.md", "CONTRIBUTING.md", "app/preview/README.md", "training/preview/README.md"]
PAGES += sorted(each.relative_to(ROOT).as_posix() for each in (ROOT / "docs").rglob("*.md"))

START_SECONDS = 120.0
PAGE_SECONDS = 500.0
PLAIN_PORT = 8000
SECOND_PORT = 8001
LANGUAGES = {"sh", "python", "text", "xml", "html", "json"}
SCRIPTS_PAGE = "docs/markup.md"

NOT_RUN = {
    ("README.md", "make test"): "this test would run itself",
    ("CONTRIBUTING.md", "make test"): "this test would run itself",
    ("CONTRIBUTING.md", '"""Acme\'s speech API: POST /speech."""'): "test_contributing.py does",
    (
        "docs/command-line.md",
        'MODEL_LANGUAGE=french python -m app say "Bonjour !" -o bonjour.mp3',
    ): ("needs weights from the model hub"),
    ("docs/operating.md", "python3 -m venv .venv"): "downloads everything",
    ("docs/operating.md", ".venv/bin/python -m pip uninstall"): "downloads gigabytes for a GPU",
    ("docs/scaling.md", "docker compose"): "needs Docker; tests/fleet runs its nginx",
    ("docs/scaling.md", ".venv/bin/python -m pip install"): "downloads Ray; tests/fleet runs it",
    ("docs/scaling.md", "serve deploy"): "needs a cluster; tests/fleet checks the files",
    ("docs/operating.md", ".venv/bin/pip install opentelemetry-sdk"): "downloads the SDK",
    ("training/preview/README.md", "apt-get install wordnet-base fortunes npm"): (
        "trains for hours"
    ),
    ("training/preview/README.md", "python -m training.preview carry-over"): "trains for hours",
}
MAKE_RUN = ("README.md", "make run")
STARTS = {
    MAKE_RUN: "preview",
    ("README.md", "python3 scripts/bootstrap.py setup"): "preview",
    ("docs/operating.md", ".venv/bin/python -m benchmarks.random_model"): "model.yaml",
}
"""Blocks that end in a server, which goes on until it is stopped, and the model that it has"""
SHOWN = {("docs/operating.md", 'pocket_speech_caller_requests_total{caller="shop"')}
"""Blocks of text that show what the commands of their page print"""

pytestmark = pytest.mark.docs


class Block(NamedTuple):
    page: str
    line: int
    language: str
    text: str

    @property
    def name(self) -> tuple[str, str]:
        """The page, and the beginning of the block."""
        return self.page, self.text.split("\n", 1)[0]


def blocks_of(page: str) -> Iterator[Block]:
    text = (ROOT / page).read_text("utf-8")
    for found in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield Block(page, text.count("\n", 0, found.start()) + 1, found[1], found[2])


def is_named(block: Block, names: Collection[tuple[str, str]]) -> bool:
    return any(page == block.page and block.text.startswith(start) for page, start in names)


def place(block: Block) -> str:
    return f"{block.page}:{block.line}"


BLOCKS = [block for page in PAGES for block in blocks_of(page)]
RUN = [
    block
    for block in BLOCKS
    if block.language in ("sh", "python") and not is_named(block, {*NOT_RUN, *STARTS})
]


def test_every_block_is_known() -> None:
    """A block says what it is written in, and what is not run has a reason that still applies."""
    for block in BLOCKS:
        assert block.language in LANGUAGES, (block.page, block.line)
        assert block.language != "json" or json.loads(block.text)
    for page, start in {*NOT_RUN, *STARTS, *SHOWN}:
        of_page = [block for block in BLOCKS if block.page == page]
        assert [block.text.startswith(start) for block in of_page].count(True) == 1, (page, start)
    assert len(RUN) > 25


@pytest.mark.parametrize("page", PAGES)
def test_no_other_commands(page: str) -> None:
    """Commands stand in fenced blocks, where this test finds them."""
    prose = re.sub(
        r"^```.*?^```$", "", (ROOT / page).read_text("utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    assert not re.search(r"`curl |^    (curl|pip|python|make) ", prose, re.MULTILINE)


@pytest.mark.parametrize("block", [each for each in BLOCKS if "curl" in each.text], ids=place)
def test_curl(block: Block) -> None:
    """Whoever is refused sees why: it does not end in silence, or unseen in a file of sound."""
    for line in block.text.splitlines():
        if line.startswith("curl"):
            assert " --fail-with-body " in line, line
            assert not re.search(r" (-f|--json) ", line), "older curls do not have --json"
            into = re.search(r" -o (\S+)", line)
            assert into is None or line.endswith(f" || cat {into[1]}"), line


@pytest.mark.parametrize("block", [each for each in RUN if each.language == "python"], ids=place)
def test_packages_of_examples(block: Block) -> None:
    """An example in Python says first how to get the package that it is about."""
    imported = {
        (node.module or "").partition(".")[0]
        for node in ast.walk(ast.parse(block.text))
        if isinstance(node, ast.ImportFrom)
    } - sys.stdlib_module_names
    (module,) = imported
    package = re.match(r"# pip install (\S+)\n", block.text)
    assert package is not None
    assert package[1] in importlib.metadata.packages_distributions()[module]


@dataclass(frozen=True)
class Clone:
    """A fresh clone in which everything is installed, and the port that is free for it."""

    folder: Path
    programs: Path
    port: int

    @property
    def environment(self) -> dict[str, str]:
        known = environment(PATH=f"{self.programs}{os.pathsep}{os.environ['PATH']}")
        del known["PYTHONPATH"]
        return known if self.port == PLAIN_PORT else {**known, "PORT": str(self.port)}

    def at_port(self, text: str) -> str:
        """What the docs say, where something else has their ports."""
        text = text.replace(f"localhost:{PLAIN_PORT}", f"localhost:{self.port}")
        return text.replace(str(SECOND_PORT), str(free_port(SECOND_PORT)))

    def shell(self, script: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-e", "-c", self.at_port(script)],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PAGE_SECONDS,
            check=False,
        )

    @contextmanager
    def serving(self, name: tuple[str, str]) -> Iterator[Path]:
        """Run a block of STARTS until its model is there; yields the file of what it prints."""
        (block,) = (each for each in BLOCKS if is_named(each, {name}))
        printed = self.folder / "printed.txt"
        with printed.open("w") as file:
            process = subprocess.Popen(
                ["bash", "-e", "-c", block.text],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            deadline = time.monotonic() + START_SECONDS
            while self._model() != STARTS[name]:
                assert process.poll() is None, printed.read_text()
                assert time.monotonic() < deadline, printed.read_text()
                time.sleep(0.2)
            yield printed
        finally:
            os.killpg(process.pid, signal.SIGINT)
            process.wait(30)

    def _model(self) -> str | None:
        """The model that speaks; None while nobody does."""
        try:
            answer = httpx.get(f"http://localhost:{self.port}/ready", trust_env=False, timeout=30)
        except httpx.TransportError:
            return None
        model: str | None = answer.json().get("model")
        return model


def free_port(of_docs: int = PLAIN_PORT) -> int:
    """The port of the docs, unless something else listens there."""
    with socket.socket() as probe:
        try:
            probe.bind(("0.0.0.0", of_docs))
        except OSError:
            probe.bind(("0.0.0.0", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    folder = tmp_path_factory.mktemp("newcomer") / "pocket-speech"
    work = shutil.ignore_patterns(
        ".git", ".venv", ".env", "__pycache__", "models", "voice", ".*_cache"
    )
    shutil.copytree(ROOT, folder, ignore=work)
    (folder / "models" / "voices").mkdir(parents=True)
    _pretend_installed(folder)
    _provide_files(folder)
    programs = folder.parent / "programs"
    programs.mkdir()
    _write_program(programs / "python3", f'exec "{sys.executable}" "$@"')
    # Takes the sound and is silent: tests have no loudspeaker.
    _write_program(programs / "ffplay", "cat >/dev/null")
    return Clone(folder, programs, free_port())


def _write_program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def _pretend_installed(folder: Path) -> None:
    """What `make run` would download is there already: the packages that this test runs with."""
    venv.create(folder / ".venv", symlinks=True)
    libraries = [each for each in sys.path if each.endswith("site-packages")]
    (mine,) = (folder / ".venv" / "lib").glob("python*/site-packages")
    (mine / "packages.pth").write_text("\n".join(libraries))
    spec = importlib.util.spec_from_file_location("bootstrap", folder / "scripts" / "bootstrap.py")
    assert spec is not None
    assert spec.loader is not None
    bootstrap = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bootstrap)
    bootstrap.STAMP.write_text(bootstrap._fingerprint(["requirements.txt"]))


def _provide_files(folder: Path) -> None:
    """The recordings and texts that the docs speak of."""
    voice = folder / "app" / "preview" / "voices" / "sarah.wav"
    for name in ("recording.wav", "one.wav", "yes.wav"):
        shutil.copy(voice, folder / name)
    two = folder / "two.mp3"
    subprocess.run([find_ffmpeg(), "-v", "error", "-i", voice, two], check=True)
    (folder / "chapters").mkdir()
    for number in (1, 2):
        (folder / "chapters" / f"{number}.txt").write_text(f"Chapter {number}.")


@pytest.fixture(scope="module")
def started(clone: Clone) -> Iterator[str]:
    """What `make run` has printed."""
    with clone.serving(MAKE_RUN) as printed:
        yield printed.read_text()


def first_words() -> str:
    """The block of the README that lets a server that was just started speak."""
    (found,) = (each for each in RUN if each.page == "README.md" and "--retry" in each.text)
    return found.text


def refusals(said: str) -> list[str]:
    """What curl or the server complained about."""
    return re.findall(r'curl: \(.*|.*"error".*|Traceback.*', said)


def test_what_make_run_prints(clone: Clone, started: str) -> None:
    """The line that the server prints speaks, as it stands."""
    (line,) = re.findall(r"^ +(curl .*)$", started, re.MULTILINE)
    ended = clone.shell(line)
    assert ended.returncode == 0, ended.stdout
    assert not refusals(ended.stdout), ended.stdout
    assert (clone.folder / "hello.mp3").stat().st_size > 1000


def test_a_wrong_key_is_shown(clone: Clone, started: str) -> None:
    """The line of the README says why it was refused."""
    line = first_words().splitlines()[-1]
    ended = clone.shell(f"API_KEY=wrong\n{line}")
    assert "the API key is wrong" in ended.stdout


@pytest.mark.parametrize("page", sorted({block.page for block in RUN}))
def test_page(clone: Clone, started: str, page: str) -> None:
    """Its blocks work, one after the other, in one shell."""
    commands = []
    for block in RUN:
        if block.page != page:
            continue
        commands.append(f"echo '### {page}:{block.line}'")
        if block.language == "sh":
            commands.append(block.text)
        else:
            program = clone.folder / f"example_{block.line}.py"
            program.write_text(clone.at_port(block.text))
            commands.append(f".venv/bin/python {program}")
    ended = clone.shell("\n".join(commands))
    assert ended.returncode == 0, ended.stdout
    assert not refusals(ended.stdout), ended.stdout
    for block in BLOCKS:
        if block.page == page and is_named(block, SHOWN):
            assert set(block.text.splitlines()) <= set(ended.stdout.splitlines()), ended.stdout


@pytest.mark.parametrize(
    "block",
    [each for each in BLOCKS if each.page == SCRIPTS_PAGE and each.language in ("text", "xml")],
    ids=place,
)
def test_scripts(clone: Clone, started: str, block: Block) -> None:
    """The examples of scripts are spoken."""
    key = re.search(r"(?m)^API_KEY=(.*)$", (clone.folder / ".env").read_text())
    assert key is not None
    answer = httpx.post(
        f"http://localhost:{clone.port}/tts",
        headers={"API_KEY": key[1]},
        json={"script": block.text},
        trust_env=False,
        timeout=60,
    )
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("name", sorted(STARTS.keys() - {MAKE_RUN}), ids=str)
def test_other_starts(clone: Clone, name: tuple[str, str]) -> None:
    """The other ways to start a server lead to one that speaks."""
    elsewhere = Clone(clone.folder, clone.programs, free_port())
    with elsewhere.serving(name):
        ended = elsewhere.shell(first_words())
    assert ended.returncode == 0, ended.stdout
    assert not refusals(ended.stdout), ended.stdout
