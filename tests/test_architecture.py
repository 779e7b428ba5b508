"""Dependencies point one way: api → synthesizer → {text, voices, engine, audio} → {speech, errors}.

What one of the four siblings needs from another is handed over in `app/main.py`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOUNDATION = {"app", "app.errors", "app.speech"}
INTERFACE = "app.engine.interface"

# What each part may import of this project, besides itself and the foundation. The engine's
# interface is types only, for the parts that have to name them.
MAY_IMPORT: dict[str, set[str]] = {
    "app.errors": set(),
    "app.speech": set(),
    "app.text": set(),
    "app.audio": set(),
    "app.voices": set(),
    "app.engine": set(),
    "app.logs": set(),
    "app.process_end": set(),
    "app.ranges": set(),
    "app.settings": {"app.ranges"},
    "app.banner": {"app.settings"},
    "app.script_plan": {"app.text", "app.audio", "app.ranges"},
    "app.synthesizer": {"app.script_plan", "app.text", "app.voices", "app.audio", INTERFACE},
    "app.speakers": {"app.synthesizer", "app.voices", "app.engine"},
    "app.fed_speech": {"app.speakers", "app.synthesizer", "app.text"},
    "app.api": {
        "app.speakers",
        "app.fed_speech",
        "app.synthesizer",
        "app.settings",
        "app.voices",
        "app.audio",
        "app.engine",
    }
    | {"app.ranges"},
    "app.assembly": {
        "app.api",
        "app.speakers",
        "app.synthesizer",
        "app.settings",
        "app.voices",
        "app.audio",
        "app.engine",
    },
    "app.main": {"app.assembly", "app.api", "app.settings", "app.speakers"},
    "app.cli": {
        "app.assembly",
        "app.api",
        "app.synthesizer",
        "app.settings",
        "app.voices",
        "app.audio",
        "app.engine",
        "app.ranges",
        "app.logs",
        "app.main",
        "app.process_end",
        "app.serve",
    },
    "app.__main__": {"app.cli"},
    "app.serve": {
        "app.main",
        "app.api",
        "app.settings",
        "app.banner",
        "app.logs",
        "app.audio",
    },
    "server": {"app.serve", "app.process_end"},
}
WEB = {"fastapi", "starlette", "uvicorn"}
MODEL = {"torch", "pocket_tts", "safetensors", "huggingface_hub"}


def modules() -> Iterator[tuple[str, set[str]]]:
    """The name of each module and the full names of what it imports."""
    for path in [*sorted((ROOT / "app").rglob("*.py")), ROOT / "server.py"]:
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        yield name, set(imports(ast.parse(path.read_text("utf-8"))))


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where they lead"
            assert node.module is not None
            for alias in node.names:
                inner = ROOT / f"{node.module}.{alias.name}".replace(".", "/")
                is_module = inner.with_suffix(".py").exists() or inner.is_dir()
                yield f"{node.module}.{alias.name}" if is_module else node.module


def part_of(module: str) -> str:
    """The package or module of `MAY_IMPORT` that a module belongs to."""
    return ".".join(module.split(".")[:2])


def within(module: str, allowed: set[str]) -> bool:
    return any(module == each or module.startswith(f"{each}.") for each in allowed)


@pytest.mark.parametrize(("module", "imported"), list(modules()))
def test_dependencies(module: str, imported: set[str]) -> None:
    """Each module imports only what lies below it, and the libraries that are its business."""
    part = part_of(module)
    ours = {each for each in imported if each.split(".")[0] in ("app", "server")}
    if part != "app":
        allowed = MAY_IMPORT[part] | {part}
        upward = {each for each in ours - FOUNDATION if not within(each, allowed)}
        assert not upward, f"{module} must not import {upward}"
    libraries = {each.split(".")[0] for each in imported}
    if part not in ("app.api", "app.main", "app.serve"):
        assert not libraries & WEB, f"{module} must not know of HTTP"
    if part != "app.engine":
        assert not libraries & MODEL, f"{module} must not know of the model's libraries"


def test_torch_is_not_imported_early() -> None:
    """What the server imports before it listens does not import torch, which takes seconds."""
    light = {"app.engine", "app.engine.interface", "app.engine.supervisor", "app.engine.languages"}
    for module, imported in modules():
        if module in light:
            assert not {each.split(".")[0] for each in imported} & MODEL
