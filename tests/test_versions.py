"""What is said in several places is the same in all of them: the version, the Pythons."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from app import __version__
from scripts import bootstrap
from tests.test_requirements import PYTHONS

ROOT = Path(__file__).parent.parent
FIRST, LAST = PYTHONS[0], PYTHONS[-1]


def text_of(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def test_newest_release() -> None:
    """The newest release in the changelog is this version, and every release has its day."""
    headings = re.findall(r"(?m)^## (.+)$", text_of("CHANGELOG.md"))
    releases = [each for each in headings if each != "Unreleased"]
    assert headings in (releases, ["Unreleased", *releases])
    days = []
    for release in releases:
        version, day = re.fullmatch(r"(\d+\.\d+\.\d+) \((.+)\)", release).groups()  # type: ignore[union-attr]
        days.append((date.fromisoformat(day), tuple(map(int, version.split(".")))))
    assert days == sorted(days, reverse=True)
    assert releases[0].startswith(f"{__version__} (")


def test_the_version_is_written_once() -> None:
    """The package takes it from `app`, and nothing else says it."""
    document = tomllib.loads(text_of("pyproject.toml"))
    assert document["project"]["dynamic"] == ["version"]
    assert document["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "app.__version__"}


@pytest.mark.parametrize("name", ["Makefile", "README.md"])
def test_pythons_in_words(name: str) -> None:
    """Whoever reads of Python's versions reads of the same ones."""
    ranges = re.findall(r"Python (3\.\d+) to (3\.\d+)", text_of(name))
    assert ranges
    assert set(ranges) == {(FIRST, LAST)}


def test_pythons_of_the_scripts() -> None:
    """make and the bootstrap script take the Pythons that the package takes."""
    first, last = bootstrap.OLDEST, bootstrap.NEWEST
    assert (f"{first[0]}.{first[1]}", f"{last[0]}.{last[1]}") == (FIRST, LAST)
    makefile = text_of("Makefile")
    assert f"{first} <= sys.version_info[:2] <= {last}" in makefile
    newest_first = " ".join(f"python{each}" for each in reversed(PYTHONS))
    assert f"for p in python3 {newest_first};" in makefile


def test_pythons_of_the_tools() -> None:
    """ruff writes for the oldest one, and CI runs the tests on all of them."""
    tools = tomllib.loads(text_of("pyproject.toml"))["tool"]
    assert tools["ruff"]["target-version"] == f"py{FIRST.replace('.', '')}"
    jobs: dict[str, Any] = yaml.safe_load(text_of(".github/workflows/ci.yml"))["jobs"]
    for job in ("test", "test-on-windows"):
        assert tuple(jobs[job]["strategy"]["matrix"]["python"]) == PYTHONS


def test_ci_names_files_that_exist() -> None:
    """The tests that CI runs without make are there."""
    named = re.findall(r"tests/\w+(?:\.py)?", text_of(".github/workflows/ci.yml"))
    assert named
    assert [each for each in named if not (ROOT / each).exists()] == []
