"""Prepare a fresh machine: a virtual environment with everything in it, and an .env with a key.

Only the standard library is used, since nothing is installed yet.

    python3 scripts/bootstrap.py setup         # what `make run` needs
    python3 scripts/bootstrap.py setup --dev   # and the test tools
    python3 scripts/bootstrap.py env           # .env with a fresh API_KEY, if there is none
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import re
import secrets
import subprocess
import sys
import urllib.error
import urllib.request
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "installed.txt"
CPU_WHEELS = "https://download.pytorch.org/whl/cpu"
PROBE_SECONDS = 4.0
OLDEST, NEWEST = (3, 11), (3, 14)


def setup(*, dev: bool) -> None:
    """Create .venv and install the pinned packages, unless that was done before."""
    _check_python()
    names = ["requirements.txt", *(["requirements-dev.txt"] if dev else [])]
    fingerprint = _fingerprint(names)
    done = STAMP.read_text().split() if STAMP.exists() else []
    if fingerprint in done:
        return
    if not _python().exists():
        _create_venv()
    _install_torch()
    print("installing the other packages", flush=True)
    _pip("install", "-r", str(ROOT / names[-1]))
    STAMP.write_text("\n".join([*done, fingerprint]))


def make_env() -> None:
    """Write .env from .env.example with a random API_KEY, readable by its owner only."""
    target = ROOT / ".env"
    if target.exists():
        return
    example = (ROOT / ".env.example").read_text("utf-8")
    text = re.sub(r"(?m)^API_KEY=.*$", f"API_KEY={secrets.token_urlsafe(24)}", example)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    print("wrote .env with a freshly made API_KEY")


def _check_python() -> None:
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        sys.exit(
            f"Python {platform.python_version()} is not supported: use 3.11 to 3.14, "
            "for example `make run PYTHON=python3.12`"
        )


def _fingerprint(names: list[str]) -> str:
    """Return a text that changes with Python, the folder, and the pins."""
    digest = hashlib.sha256(f"{sys.version_info[:3]} {VENV}".encode())
    for name in ["requirements.txt", *names]:
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def _python() -> Path:
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _create_venv() -> None:
    print("creating .venv")
    try:
        venv.create(VENV, with_pip=True, clear=True)
    except subprocess.CalledProcessError:
        # Debian ships Python without ensurepip; a system pip can fill the environment as well.
        venv.create(VENV, with_pip=False, clear=True)
        _run(sys.executable, "-m", "pip", "--python", str(_python()), "install", "-q", "pip")


def _install_torch() -> None:
    """Install the CPU build from torch's index if that answers, else the ordinary registry's."""
    pin = _torch_pin()
    if platform.system() == "Linux" and _answers(f"{CPU_WHEELS}/torch/"):
        print(f"installing {pin} (CPU build)", flush=True)
        _pip("install", pin, "--index-url", CPU_WHEELS)
    else:
        print(f"installing {pin}", flush=True)
        _pip("install", pin)


def _torch_pin() -> str:
    found = re.search(r"(?m)^torch==\S+", (ROOT / "requirements.txt").read_text("utf-8"))
    if found is None:
        sys.exit("requirements.txt does not pin torch")
    return found.group()


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=PROBE_SECONDS) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _pip(*arguments: str) -> None:
    _run(str(_python()), "-m", "pip", "--disable-pip-version-check", *arguments)


def _run(*command: str) -> None:
    completed = subprocess.run(command, check=False)
    if completed.returncode != 0:
        sys.exit(f"failed: {' '.join(command)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("setup").add_argument("--dev", action="store_true")
    commands.add_parser("env")
    arguments = parser.parse_args()
    if arguments.command == "setup":
        setup(dev=arguments.dev)
    else:
        make_env()


if __name__ == "__main__":
    main()
