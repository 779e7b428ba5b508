"""The server does what its OpenAPI document says, and nothing else, whatever it is asked."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.network import wrong_keys
from tests.audio.probe import voice_like
from tests.conftest import write_wav
from tests.fakes import FakeEngine
from tests.serving import KEY, Served, serve_fake

CONFIG = Path(__file__).with_name("schemathesis.toml")
HOOKS = Path(__file__).with_name("hooks.py")


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A server that does not mind wrong keys, of which Schemathesis sends thousands."""
    monkeypatch.setattr(wrong_keys, "WRONG_KEYS_AT_ONCE", 10**9)
    (tmp_path / "voices").mkdir()
    for name in ("anna", "bruno"):
        write_wav(tmp_path / "voices" / f"{name}.wav", voice_like(1.5))
    with serve_fake(tmp_path, FakeEngine(frames_per_chunk=1)) as served:
        yield served


def check(served: Served, *options: str, seconds: float) -> str:
    """Run Schemathesis, and return what it says; whatever differs from the document fails."""
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run"]
    command += [f"{served.url}/openapi.json", "--header", f"API_KEY: {KEY}"]
    command += ["--no-color", "--continue-on-failure", *options]
    done = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        timeout=seconds,
        cwd=served.settings.voices_dir.parent,
        env={**os.environ, "SCHEMATHESIS_HOOKS": str(HOOKS)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.long
def test_document(served: Served) -> None:
    """Each call with a few requests that are allowed, and the same in every run."""
    check(
        served,
        "--phases",
        "fuzzing",
        "--max-examples",
        "2",
        "--seed",
        "1",
        "--no-shrink",
        "--generation-deterministic",
        seconds=120,
    )


@pytest.mark.soak
def test_whole_document(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    """Each value of each field at its bounds and beyond, requests in sequence, and fuzzed ones."""
    seed = os.environ.get("FUZZ_SEED", str(time.time_ns() % 1_000_000))
    said = check(served, "--max-examples", "20", "--seed", seed, seconds=3600)
    with capsys.disabled():
        print(f"\nFUZZ_SEED={seed}", *re.findall(r"^ *\d+ generated.*$", said, re.MULTILINE))


def test_unsupported_methods(served: Served) -> None:
    """Every method that a path does not document is refused with a list of exactly those that work.

    A path may be that of a template too, as /voices/import is of /voices/{name}. HEAD, which is no
    more than the head of a GET, is not documented.
    """
    paths = served.client.get("/openapi.json").json()["paths"]
    for path in paths:
        asked = path.replace("{", "").replace("}", "")
        works = {method.upper() for each in paths if is_like(asked, each) for method in paths[each]}
        for method in {"GET", "PUT", "POST", "PATCH", "DELETE", "TRACE", "OPTIONS"} - works:
            answer = served.client.request(method, asked)
            assert answer.status_code == 405, (method, asked)
            assert set(answer.headers["allow"].split(", ")) - {"HEAD"} == works, asked


def is_like(path: str, template: str) -> bool:
    """Tell whether a path is one of a template."""
    return re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path) is not None
