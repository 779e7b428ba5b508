"""The two requirements files pin what pyproject.toml asks for, on every Python and system."""

from __future__ import annotations

import ast
import importlib.metadata
import sys
import tomllib
from itertools import product
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
SERVER = [Requirement(each) for each in PYPROJECT["project"]["dependencies"]]
EXTRAS = {
    name: [Requirement(each) for each in extra]
    for name, extra in PYPROJECT["project"]["optional-dependencies"].items()
}
APART = EXTRAS.pop("fleet")
"""Ray is so large that `make test-fleet` has an environment of its own, which pins nothing."""
OPTIONAL = [each for extra in EXTRAS.values() for each in extra]
TOOLS = [Requirement(each) for each in PYPROJECT["dependency-groups"]["dev"]]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
SYSTEMS = (
    {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "x86_64"},
    {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "aarch64"},
    {"sys_platform": "darwin", "platform_system": "Darwin", "platform_machine": "arm64"},
    {"sys_platform": "win32", "platform_system": "Windows", "platform_machine": "AMD64"},
)
UNPINNED = "setuptools"  # whichever is there builds the package


ENVIRONMENTS = [
    {"python_version": python, "python_full_version": f"{python}.0", **system}
    for python, system in product(PYTHONS, SYSTEMS)
]


def lines_of(name: str) -> list[Requirement]:
    text = (ROOT / name).read_text("utf-8")
    return [Requirement(line) for line in text.splitlines() if line and not line.startswith("#")]


def applies(requirement: Requirement, environment: dict[str, str]) -> bool:
    return requirement.marker is None or requirement.marker.evaluate(environment)


def pins_in(name: str, environment: dict[str, str]) -> dict[str, str]:
    """The version of each package in a requirements file, as pip would see it there."""
    pins: dict[str, str] = {}
    for line in lines_of(name):
        if applies(line, environment):
            package = canonicalize_name(line.name)
            assert package not in pins, f"{name} pins {package} twice"
            (exactly,) = line.specifier
            assert exactly.operator == "==", f"{name}: {line} is no exact version"
            pins[package] = exactly.version
    return pins


def assert_satisfied(
    asked: list[Requirement], pins: dict[str, str], environment: dict[str, str]
) -> None:
    for requirement in asked:
        if requirement.name == UNPINNED or not applies(requirement, environment):
            continue
        version = pins.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement} has no pin on {environment}: run `make lock`"
        assert requirement.specifier.contains(version), f"{requirement} is not {version}"


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda each: "-".join(each.values()))
def test_pins(environment: dict[str, str]) -> None:
    """Every direct dependency has one pin that fits; the tools come on top of the same pins."""
    server = pins_in("requirements.txt", environment)
    with_tools = pins_in("requirements-dev.txt", environment)
    assert_satisfied(SERVER, server, environment)
    assert_satisfied([*SERVER, *OPTIONAL, *TOOLS], with_tools, environment)
    assert server.items() <= with_tools.items()


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_no_graphics_cards(name: str) -> None:
    """Nothing of CUDA is pinned: the CPU build of torch goes without, and would get gigabytes."""
    for line in lines_of(name):
        assert not line.name.startswith(("nvidia", "cuda", "triton")), line
        assert line.name != UNPINNED


def imported_libraries() -> set[str]:
    """Names of the top-level modules that the server imports from elsewhere."""
    found: set[str] = set()
    for path in (ROOT / "app").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found.update(alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.partition(".")[0])
    return found - sys.stdlib_module_names - {"app"}


def test_imports_are_declared() -> None:
    """What the server imports stands in pyproject.toml, and does not merely come with something."""
    declared = {canonicalize_name(each.name) for each in [*SERVER, *OPTIONAL, *APART]}
    packages = importlib.metadata.packages_distributions()
    for module in imported_libraries():
        of_module = {canonicalize_name(each) for each in packages.get(module, [module])}
        assert of_module & declared, f"{module} is imported and not in pyproject.toml"


def test_range_of_pythons() -> None:
    """The pins are looked at for every Python that the package allows, and no other."""
    allowed = SpecifierSet(PYPROJECT["project"]["requires-python"])
    versions = [f"3.{minor}" for minor in range(8, 20)]
    assert tuple(each for each in versions if allowed.contains(each)) == PYTHONS
