"""Preparing a fresh machine."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture
def bootstrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, working on a copy of the files that it reads."""
    path = ROOT / "scripts" / "bootstrap.py"
    spec = importlib.util.spec_from_file_location("bootstrap", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in (".env.example", "requirements.txt", "requirements-dev.txt"):
        (tmp_path / name).write_text((ROOT / name).read_text("utf-8"), "utf-8")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(module, "STAMP", tmp_path / ".venv" / "installed.txt")
    return module


@pytest.fixture
def commands(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The commands that would have been run; the environment is made without pip."""
    ran: list[str] = []
    monkeypatch.setattr(bootstrap, "_run", lambda *command: ran.append(" ".join(command)))
    monkeypatch.setattr(bootstrap, "_answers", lambda _address: False)
    monkeypatch.setattr(
        bootstrap.venv, "create", lambda path, **_: path.mkdir(parents=True, exist_ok=True)
    )
    return ran


def key_in(path: Path) -> str:
    found = re.search(r"(?m)^API_KEY=(.*)$", path.read_text("utf-8"))
    assert found is not None
    return found[1]


def test_env(bootstrap: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """.env is the example with a random key, which only its owner may read."""
    bootstrap.make_env()
    path = tmp_path / ".env"
    key = key_in(path)
    assert len(key) >= 32
    example = (tmp_path / ".env.example").read_text("utf-8")
    assert path.read_text("utf-8") == example.replace("API_KEY=change-me", f"API_KEY={key}")
    assert path.stat().st_mode & 0o777 == 0o600
    assert key not in capsys.readouterr().out
    path.unlink()
    bootstrap.make_env()
    assert key_in(path) != key


def test_existing_env(bootstrap: ModuleType, tmp_path: Path) -> None:
    """An .env that is there is left as it is."""
    (tmp_path / ".env").write_text("API_KEY=mine\n")
    bootstrap.make_env()
    assert (tmp_path / ".env").read_text() == "API_KEY=mine\n"


@pytest.mark.parametrize("version", [(3, 10, 18), (3, 15, 0)])
def test_unsupported_python(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, version: tuple[int, ...]
) -> None:
    """A Python out of range ends with the range and with the way to name another one."""
    monkeypatch.setattr(sys, "version_info", version)
    with pytest.raises(SystemExit, match=r"3\.11 to 3\.14.*PYTHON="):
        bootstrap.setup(dev=False)


def test_setup(bootstrap: ModuleType, commands: list[str], tmp_path: Path) -> None:
    """Setting up installs the pinned torch and then the rest, once."""
    bootstrap.setup(dev=False)
    pin = re.search(r"(?m)^torch==\S+", (ROOT / "requirements.txt").read_text("utf-8"))
    assert pin is not None
    assert len(commands) == 2
    assert commands[0].endswith(f"install {pin[0]}")
    assert commands[1].endswith(f"-r {tmp_path / 'requirements.txt'}")
    bootstrap.setup(dev=False)
    assert len(commands) == 2


def test_progress(
    bootstrap: ModuleType, commands: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing that takes a while is silent: it is named first, and pip draws its own progress."""
    bootstrap.setup(dev=True)
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in said] == ["creating", "installing", "installing"]
    assert commands
    assert not any(quiet in command.split() for command in commands for quiet in ("--quiet", "-q"))


def test_cpu_build(
    bootstrap: ModuleType, commands: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where torch's own index answers, its CPU build is installed."""
    monkeypatch.setattr(bootstrap, "_answers", lambda _address: True)
    monkeypatch.setattr(bootstrap.platform, "system", lambda: "Linux")
    bootstrap.setup(dev=False)
    assert commands[0].endswith("--index-url https://download.pytorch.org/whl/cpu")


def test_test_tools(bootstrap: ModuleType, commands: list[str], tmp_path: Path) -> None:
    """The test tools come on top, and changed pins are installed again."""
    bootstrap.setup(dev=False)
    bootstrap.setup(dev=True)
    assert commands[-1].endswith(f"-r {tmp_path / 'requirements-dev.txt'}")
    count = len(commands)
    bootstrap.setup(dev=True)
    bootstrap.setup(dev=False)
    assert len(commands) == count
    with (tmp_path / "requirements.txt").open("a") as file:
        file.write("# changed\n")
    bootstrap.setup(dev=False)
    assert len(commands) > count


def test_an_index_that_does_not_answer(bootstrap: ModuleType) -> None:
    """An address that refuses is no index."""
    assert bootstrap._answers("http://127.0.0.1:9/") is False


def test_failed_command(bootstrap: ModuleType) -> None:
    """A command that fails ends the set-up and is named."""
    with pytest.raises(SystemExit, match=r"failed: .*-c"):
        bootstrap._run(sys.executable, "-c", "raise SystemExit(3)")


@pytest.mark.parametrize(
    ("arguments", "called"), [(["setup"], False), (["setup", "--dev"], True), (["env"], None)]
)
def test_commands(
    bootstrap: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    called: bool | None,
) -> None:
    """The command line reaches the two jobs."""
    calls: list[Any] = []
    monkeypatch.setattr(bootstrap, "setup", lambda *, dev: calls.append(dev))
    monkeypatch.setattr(bootstrap, "make_env", lambda: calls.append(None))
    monkeypatch.setattr(sys, "argv", ["bootstrap.py", *arguments])
    bootstrap.main()
    assert calls == [called]


def test_only_the_standard_library(bootstrap: ModuleType) -> None:
    """The script runs before anything is installed."""
    text = (ROOT / "scripts" / "bootstrap.py").read_text("utf-8")
    names = set(re.findall(r"(?m)^(?:import|from) (\w+)", text))
    assert names <= set(sys.stdlib_module_names) | {"__future__"}
