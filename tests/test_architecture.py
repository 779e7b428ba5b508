"""Dependencies point one way, and each thing is done in one place.

front ends → services → speaking → {text, voices, audio, engine} → {speech, errors}. What one of the
four siblings needs from another is handed over in `app/assembly.py`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOUNDATION = {"app", "app.errors", "app.speech", "app.speech_engine"}
LIBRARIES = {"app.connections", "app.files", "app.lifetime", "app.ranges"}
SIBLINGS = {"app.text", "app.voices", "app.audio", "app.engine"}
BELOW_FRONT_ENDS = LIBRARIES | SIBLINGS | {"app.services", "app.settings", "app.speaking"}

# What each part may import of this project, besides itself and the foundation.
MAY_IMPORT: dict[str, set[str]] = {
    "app.errors": set(),
    "app.speech": set(),
    "app.speech_engine": set(),
    "app.connections": set(),
    "app.files": set(),
    "app.lifetime": set(),
    "app.logs": set(),
    "app.process_end": set(),
    "app.ranges": set(),
    "app.settings": {"app.ranges"},
    "app.banner": {"app.settings"},
    "app.text": set(),
    "app.audio": {"app.files"},
    "app.voices": {"app.files"},
    "app.engine": set(),
    "app.speaking": LIBRARIES | SIBLINGS,
    "app.named_voices": {"app.speaking", "app.settings"},
    "app.services": LIBRARIES | SIBLINGS | {"app.settings", "app.speaking"},
    "app.wording": set(),
    "app.wyoming": BELOW_FRONT_ENDS | {"app.wording"},
    "app.api": BELOW_FRONT_ENDS | {"app.wording", "app.wyoming"},
    "app.assembly": BELOW_FRONT_ENDS | {"app.named_voices", "app.wyoming"},
    "app.main": {"app.assembly", "app.api", "app.settings"},
    "app.cli": BELOW_FRONT_ENDS
    | {"app.assembly", "app.logs", "app.process_end", "app.wyoming", "server"},
    "app.__main__": {"app.cli"},
    "server": {
        "app.main",
        "app.api",
        "app.wyoming",
        "app.settings",
        "app.banner",
        "app.logs",
        "app.audio",
        "app.process_end",
    },
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
    if part not in ("app.api", "app.main", "server"):
        assert not libraries & WEB, f"{module} must not know of HTTP"
    if part != "app.engine":
        assert not libraries & MODEL, f"{module} must not know of the model's libraries"


def test_torch_is_not_imported_early() -> None:
    """What the server imports before it listens needs no torch, which takes seconds to import.

    Neither does scheduling, which knows nothing of tensors.
    """
    before_listening = ("languages", "preview", "supervisor")
    scheduling = ("pace", "scheduler", "sequence", "stream")
    light = {f"app.engine.{name}" for name in (*before_listening, *scheduling)}
    for module, imported in modules():
        if module in light:
            assert not {each.split(".")[0] for each in imported} & MODEL
            assert {each for each in imported if each.startswith("app.engine.")} <= light


def called(tree: ast.AST) -> set[str]:
    """The names of what is called, without what they are attributes of."""
    return {
        node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, (ast.Attribute, ast.Name))
    }


@pytest.mark.parametrize("name", ["SpeechJob", "Utterance", "Shaper", "plan_script"])
def test_one_door(name: str) -> None:
    """Only the door begins speech: nobody else makes a job, a plan or an utterance."""
    made_in = [
        path.relative_to(ROOT).as_posix()
        for path in sorted((ROOT / "app").rglob("*.py"))
        if name in called(ast.parse(path.read_text("utf-8")))
    ]
    assert made_in == ["app/speaking/door.py"]
