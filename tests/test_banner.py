"""What the operator sees at the start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.banner import banner
from app.settings import load_settings


def shown(env_file: Path, content: str, **fields: Any) -> str:
    env_file.write_text(content, "utf-8")
    return banner(load_settings(env_file, **fields), env_file)


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    return tmp_path / ".env"


@pytest.mark.parametrize(
    ("fields", "address"),
    [
        ({}, "http://localhost:8000"),
        ({"host": "::", "port": 80}, "http://localhost:80"),
        ({"host": "127.0.0.1", "port": 9000}, "http://127.0.0.1:9000"),
        ({"host": "::1"}, "http://[::1]:8000"),
        ({"ssl_certfile": "cert.pem"}, "https://localhost:8000"),
        ({"public_base_url": "https://speech.example.com/"}, "https://speech.example.com"),
    ],
)
def test_address(env_file: Path, fields: dict[str, Any], address: str) -> None:
    """Address, docs page and curl line are where the server can be reached."""
    said = shown(env_file, "API_KEY=a-good-key\n", **fields)
    assert f"listens on {address}\n" in said
    assert f"{address}/docs\n" in said
    assert f" {address}/tts " in said


def test_what_curl_does(env_file: Path) -> None:
    """The curl line waits for a server that does not listen yet, and shows why it is refused."""
    said = shown(env_file, "API_KEY=a-good-key\n")
    assert "--retry 30 --retry-connrefused " in said
    assert " --fail-with-body " in said
    assert " -o hello.mp3 || cat hello.mp3\n" in said


def test_the_key_is_not_printed(env_file: Path) -> None:
    """The curl line reads the key from .env; it does not show it."""
    said = shown(env_file, "# API_KEY=no\nAPI_KEY=a-good-key\n")
    assert "a-good-key" not in said
    assert f"sed -n 's/^API_KEY=//p' {env_file}" in said


@pytest.mark.parametrize(
    "content", ["", "# API_KEY=x\n", "API_KEY=\n", "API_KEY='quoted'\n", "API_KEY=another\n"]
)
def test_key_from_elsewhere(env_file: Path, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    """Where .env does not hold the key as it is, the line takes it from the environment."""
    monkeypatch.setenv("API_KEY", "quoted")
    assert '-H "API_KEY: $API_KEY"' in shown(env_file, content)


def test_no_key(env_file: Path) -> None:
    """Without a key there is none in the line."""
    assert "API_KEY" not in shown(env_file, "AUTH_DISABLED=true\n")
