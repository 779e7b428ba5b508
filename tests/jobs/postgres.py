"""Runs Debian's PostgreSQL on loopback, for tests alone."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests.fleet.servers import free_port

FOLDERS = "/usr/lib/postgresql/*/bin"
START_SECONDS = 60.0


@dataclass(frozen=True)
class Postgres:
    """Holds a running PostgreSQL."""

    port: int

    def database(self) -> str:
        """Make a new database; return its address."""
        name = f"test_{secrets.token_hex(6)}"
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self._url(name)

    def _url(self, name: str) -> str:
        return f"postgresql://tests@127.0.0.1:{self.port}/{name}"


@contextmanager
def postgres_on_loopback(folder: Path) -> Iterator[Postgres]:
    data = folder / "data"
    made = ["--pgdata", str(data), "--username", "tests", "--auth", "trust", "--no-sync"]
    subprocess.run(
        [*_as_nobody_special(folder), _program("initdb"), *made],
        check=True,
        capture_output=True,
        cwd=folder,
    )
    server = Postgres(free_port())
    options = ["-D", str(data), "-p", str(server.port), "-h", "127.0.0.1", "-k", str(folder)]
    command = [*_as_nobody_special(folder), _program("postgres"), *options, "-F"]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log, cwd=folder) as process,
    ):
        try:
            deadline = time.monotonic() + START_SECONDS
            while True:
                try:
                    server.database()
                    break
                except psycopg.OperationalError:
                    assert process.poll() is None, (folder / "log").read_text()
                    assert time.monotonic() < deadline, (folder / "log").read_text()
                    time.sleep(0.05)
            yield server
        finally:
            process.terminate()


def _program(name: str) -> str:
    """Find a program of the newest PostgreSQL; without one the test is skipped, never in CI."""
    found = sorted(Path("/").glob(f"{FOLDERS.lstrip('/')}/{name}"))
    if found:
        return str(found[-1])
    reason = "Debian's PostgreSQL is not installed (apt-get install postgresql)"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def _as_nobody_special(folder: Path) -> list[str]:
    """Return what runs a program as another user, for PostgreSQL does not run as root."""
    if os.geteuid() != 0:
        return []
    for parent in (folder, *folder.parents):
        if parent == Path(tempfile.gettempdir()):
            break
        # pytest lets nobody else into its folders.
        parent.chmod(parent.stat().st_mode | 0o711)
    shutil.chown(folder, "postgres")
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
