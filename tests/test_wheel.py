"""`pip install .` gives a `pocket-speech` command that needs nothing of the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import wave
import zipfile
from pathlib import Path

import pytest

from app import __version__
from tests.cli.command import LIMIT_SECONDS, environment

# They share what takes long to build.
pytestmark = [pytest.mark.xdist_group("wheel"), pytest.mark.long]

ROOT = Path(__file__).parent.parent
SOURCES = ("app", "benchmarks", "pyproject.toml", "README.md", "LICENSE", "NOTICE.md")
NO_BYTECODE = shutil.ignore_patterns("__pycache__", "out")


def pip(*arguments: str) -> None:
    """Run pip without the network."""
    command = [sys.executable, "-m", "pip", "--quiet", *arguments]
    subprocess.run(command, check=True, env={**os.environ, "PIP_NO_INDEX": "1"})


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, since setuptools leaves its work beside the sources."""
    folder = tmp_path_factory.mktemp("wheel")
    copy = folder / "repository"
    copy.mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=NO_BYTECODE)
        else:
            shutil.copy(ROOT / name, copy)
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(copy))
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    pip("install", "--no-deps", "--target", str(folder), str(wheel))
    return folder


def run(installed: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """`pocket-speech …` in `folder`, with the package from `installed`."""
    scripts = installed / ("Scripts" if os.name == "nt" else "bin")
    program = shutil.which("pocket-speech", path=str(scripts))
    assert program is not None
    return subprocess.run(
        [program, *arguments],
        cwd=folder,
        env=environment(PYTHONPATH=str(installed), MODEL_LANGUAGE="preview"),
        capture_output=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )


def test_contents(wheel: Path) -> None:
    """It holds every file of app/, the model included, the benchmarks, the licences, no more."""
    assert wheel.name == f"pocket_speech-{__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    files = [*(ROOT / "app").rglob("*"), *(ROOT / "benchmarks").glob("*.py")]
    wanted = {
        path.relative_to(ROOT).as_posix()
        for path in files
        if path.is_file() and path.parent.name != "__pycache__"
    }
    about = f"pocket_speech-{__version__}.dist-info/"
    assert {each for each in names if not each.startswith(about)} == wanted
    assert {f"{about}licenses/LICENSE", f"{about}licenses/NOTICE.md"} <= names


def test_the_command(installed: Path, tmp_path: Path) -> None:
    """It goes by its own name, in what it says of itself as well."""
    ended = run(installed, tmp_path, "--version")
    assert (ended.stdout.decode().strip(), ended.stderr) == (__version__, b"")
    ended = run(installed, tmp_path, "say", "--help")
    assert b"Usage: pocket-speech say" in ended.stdout
    assert b"python -m app" not in ended.stdout


def test_it_speaks(installed: Path, tmp_path: Path) -> None:
    """The model that comes with it is heard, far from the repository."""
    ended = run(installed, tmp_path, "say", "Good evening.", "-o", "evening.wav")
    assert (ended.returncode, ended.stdout.decode().strip()) == (0, "evening.wav"), ended.stderr
    with wave.open(str(tmp_path / "evening.wav")) as audio:
        assert audio.getnframes() > audio.getframerate() / 2


def test_it_serves(installed: Path, tmp_path: Path) -> None:
    """`serve` is in the package as well: without a key it refuses, as server.py does."""
    ended = run(installed, tmp_path, "serve")
    assert ended.returncode == 2
    assert b"API_KEY" in ended.stderr


@pytest.mark.parametrize("name", [[], ["effects_cost", "--", "-h"], ["startup", "--", "-h"]])
def test_it_measures(installed: Path, tmp_path: Path, name: list[str]) -> None:
    """The benchmarks are there as well, and write where they are run, not into the package."""
    ended = run(installed, tmp_path, "bench", *(name or ["--help"]))
    assert ended.returncode == 0, ended.stderr
    assert b"usage: " in ended.stdout
    if name:
        assert (tmp_path / "benchmarks-out").is_dir()
    assert not (installed / "benchmarks" / "out").exists()
