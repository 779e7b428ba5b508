"""Tells the operator at the start where the server is and how to try it."""

from __future__ import annotations

import shlex
from pathlib import Path

from app.settings import ENV_FILE, Settings


def banner(settings: Settings, env_file: Path = ENV_FILE) -> str:
    """Write a banner with the address, the docs page, and a curl line that works as pasted.

    The key itself is not printed, since terminals end up in logs: the line reads it from where
    the server did. curl retries while the model is still loading, and shows what the server says
    where it refuses.
    """
    host = "localhost" if settings.host in ("0.0.0.0", "::") else settings.host  # noqa: S104
    if ":" in host:
        host = f"[{host}]"
    scheme = "http" if settings.ssl_certfile is None else "https"
    address = settings.public_base_url or f"{scheme}://{host}:{settings.port}"
    script = '{"script": "Hello! This is my script, spoken by Pocket TTS."}'
    curl = (
        f"curl --fail-with-body --retry 30 --retry-connrefused {address}/tts "
        f"{_key_header(settings, env_file)}"
        f"-H 'Content-Type: application/json' -d '{script}' -o hello.mp3 || cat hello.mp3"
    )
    return "\n".join(
        (
            "",
            f"  Pocket Speech listens on {address}",
            f"  Docs page:  {address}/docs",
            "  Try it:",
            f"    {curl}",
            "",
        )
    )


def _key_header(settings: Settings, env_file: Path) -> str:
    if settings.auth_disabled:
        return ""
    path = env_file.resolve()
    if settings.api_key is not None and path.is_file():
        # `sed` must find what the server read, which it does not if the key is quoted, or stands in
        # the environment.
        line = f"API_KEY={settings.api_key.get_secret_value()}"
        found = [each for each in path.read_text("utf-8").splitlines() if each[:8] == "API_KEY="]
        if found == [line]:
            return f"""-H "API_KEY: $(sed -n 's/^API_KEY=//p' {shlex.quote(str(path))})" """
    return '-H "API_KEY: $API_KEY" '
