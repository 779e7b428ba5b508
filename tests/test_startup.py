"""What the log says at the start of all that the server needs."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from app.assembly.parts import make_services
from app.startup import log_what_is_there
from tests.fakes import FakeEngine

if TYPE_CHECKING:
    from tests.jobs.postgres import Postgres
    from tests.stores.s3 import S3
from tests.serving import make_settings


def said(caplog: pytest.LogCaptureFixture, folder: Path, **fields: Any) -> list[tuple[int, str]]:
    services = make_services(make_settings(folder, **fields), FakeEngine)
    caplog.set_level(logging.INFO)
    caplog.clear()
    log_what_is_there(services)
    return [(each.levelno, each.getMessage()) for each in caplog.records]


def test_one_line_each(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """FFmpeg, each folder with its disk, the model, whose keys are known, and the port."""
    lines = said(caplog, tmp_path, host="127.0.0.1", port=8123)
    patterns = [
        r"FFmpeg \S*\d\S* is at \S*ffmpeg\S*",
        r"MODELS_DIR: \S+/models can be written, \d+\.\d GB are free",
        r"VOICES_DIR: \S+/voices can be written, \d+\.\d GB are free",
        r"VOICE_OUTPUT_DIR: \S+/saved can be written, \d+\.\d GB are free",
        r"DICTIONARIES_DIR: \S+/dictionaries can be written, \d+\.\d GB are free",
        r"JOBS_DIR: \S+/jobs can be written, \d+\.\d GB are free",
        r"the model is english, in auto on cpu; languages: en; the default voice is alba",
        r"keys are known of operator",
        r"HTTP is served at 127\.0\.0\.1 port 8123",
    ]
    assert len(lines) == len(patterns)
    for (level, line), pattern in zip(lines, patterns, strict=True):
        assert re.fullmatch(pattern, line), line
        assert level == logging.INFO


def test_what_servers_share(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, s3: S3, postgres: Postgres
) -> None:
    """Each store answers, and so does the database, whose takes have to be found by all servers."""
    shared = {
        "voices_url": s3.bucket(),
        "voice_output_url": s3.bucket(),
        "database_url": postgres.database(),
    }
    lines = [line for _, line in said(caplog, tmp_path, **shared)]
    for name in ("voices_url", "voice_output_url"):
        assert f"{name.upper()}: {shared[name]} answers, and can be written" in lines
    assert "DATABASE_URL: PostgreSQL answers, and its tables are up to date" in lines
    warned = [line for level, line in said(caplog, tmp_path, **shared) if level == logging.WARNING]
    assert [line.partition(" ")[0] for line in warned] == ["JOBS_URL"]
    with_jobs = said(caplog, tmp_path, **shared, jobs_url=s3.bucket())
    assert not [line for level, line in with_jobs if level == logging.WARNING]


def test_what_an_operator_should_know(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is nearly full is a warning, and so is a server that asks nobody for a key."""
    usage = SimpleNamespace(total=10**12, free=10**8)
    monkeypatch.setattr("shutil.disk_usage", lambda _folder: usage)
    lines = said(caplog, tmp_path, auth_disabled=True, api_key=None)
    warnings = [line for level, line in lines if level == logging.WARNING]
    assert len(warnings) == 6
    assert warnings[0].endswith("models can be written, 0.1 GB are free")
    assert warnings[-1] == "no key is asked for: whoever reaches this machine can speak"


def test_traces(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where traces are asked for, a line says how they are sent."""
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "console")
    lines = [line for _, line in said(caplog, tmp_path)]
    assert "traces are sent by OpenTelemetry's exporter console" in lines
