"""Shares among tests FFmpeg, a tiny model, and servers."""

from __future__ import annotations

import gc
import io
import logging
import os
import ssl
import wave
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
from hypothesis import settings

from app.audio.ffmpeg import find_ffmpeg
from app.settings import Settings
from app.speech import Pcm
from tests.audio.probe import RATE_HZ, voice_like
from tests.fakes import FakeEngine
from tests.hub import Hub, hub_on_loopback
from tests.hub_model import Parts, parts_of, publish, ship, use_hub
from tests.serving import (
    HurriedAsyncio,
    LogRecords,
    Served,
    fake_in_process,
    make_settings,
    serve,
    serve_fake,
)
from tests.tiny_model import write_tiny_model

if TYPE_CHECKING:
    from tests.jobs.postgres import Postgres
    from tests.stores.kept import Kept
    from tests.stores.s3 import S3

ServeFake = Callable[..., Served]

# Every run tries the same examples, so that what passed here passes elsewhere.
# `--hypothesis-profile=default` looks for new ones.
settings.register_profile("repeatable", derandomize=True, print_blob=True)
settings.load_profile("repeatable")


def pytest_collection_finish() -> None:
    """Take what has been imported by now out of every later search for garbage.

    It is over a million objects, which otherwise cost a third of a second each time.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _clean_environment() -> Iterator[None]:
    """Take settings from the tests alone, and let nothing ask the network."""
    with pytest.MonkeyPatch.context() as patch:
        for name, field in Settings.model_fields.items():
            patch.delenv((field.alias or name).upper(), raising=False)
        for name in [each for each in os.environ if each.startswith("OTEL_")]:
            patch.delenv(name)
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setenv("HF_HUB_CACHE", "no-cache-in-tests")
        # Each of some hundred servers and clients would ask the same programs what they can do, and
        # read the same certificates; each server would take some tenths of a second to end.
        patch.setattr("app.assembly.speakers.find_ffmpeg", cache(find_ffmpeg))
        patch.setattr(ssl, "create_default_context", cache(ssl.create_default_context))
        patch.setattr("uvicorn.server.asyncio", HurriedAsyncio())
        yield


@pytest.fixture(scope="session")
def ffmpeg() -> Path:
    return find_ffmpeg()


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a tiny Pocket TTS model with random weights; return its YAML."""
    return write_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def parts(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Parts:
    """The tiny model as files of a hub."""
    return parts_of(tiny_model, tmp_path_factory.mktemp("parts"))


@pytest.fixture
def hub(parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub that has the tiny model as the `english` of pocket-tts, and this process asks it."""
    with hub_on_loopback() as hub:
        publish(parts, hub)
        ship(parts, tmp_path / "configs", monkeypatch)
        use_hub(hub, tmp_path / "cache", monkeypatch)
        yield hub


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[Served]:
    """Run a server that speaks with the tiny model, in two voices that are files."""
    folder = tmp_path_factory.mktemp("server")
    voices = folder / "voices"
    voices.mkdir()
    write_wav(voices / "alba.wav", voice_like(1.5))
    write_wav(voices / "bruno.wav", voice_like(1.2)[::-1])
    settings = make_settings(folder, MODEL_CONFIG=str(tiny_model), max_ref_duration=3)
    with serve(settings) as served:
        served.wait_until(lambda health: health["model"]["state"] == "ready", seconds=60)
        yield served


@pytest.fixture
def client(server: Served) -> httpx.Client:
    return server.client


@pytest.fixture
def fake_server(tmp_path: Path) -> Iterator[ServeFake]:
    """Start servers over fake engines, which stop when the test ends."""
    with ExitStack() as stack:

        def start(engine: FakeEngine | None = None, **fields: Any) -> Served:
            context: AbstractContextManager[Served] = serve_fake(tmp_path, engine, **fields)
            return stack.enter_context(context)

        yield start


@pytest.fixture
def fake_app(tmp_path: Path) -> Iterator[ServeFake]:
    """The same without a web server: for tests of answers that are complete."""
    with ExitStack() as stack:

        def start(engine: FakeEngine | None = None, **fields: Any) -> Served:
            context: AbstractContextManager[Served] = fake_in_process(tmp_path, engine, **fields)
            return stack.enter_context(context)

        yield start


@pytest.fixture(scope="session")
def s3() -> Iterator[S3]:
    """An S3 server, which clients find by the environment."""
    from tests.stores.s3 import s3_on_loopback  # noqa: PLC0415 - takes a second to import

    with s3_on_loopback() as server:
        yield server


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A PostgreSQL for tests alone."""
    from tests.jobs.postgres import postgres_on_loopback  # noqa: PLC0415 - with psycopg

    with postgres_on_loopback(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture(params=["folder", "s3"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    """Where audio is kept."""
    from tests.stores.kept import KeptInBucket, KeptInFolder  # noqa: PLC0415 - with obstore

    folder = tmp_path / "new" / "voice"
    if request.param == "folder":
        return KeptInFolder(folder)
    s3: S3 = request.getfixturevalue("s3")
    return KeptInBucket(s3, s3.bucket(), folder)


@pytest.fixture
def log_records() -> Iterator[LogRecords]:
    """Collect what is logged from `info` upwards."""
    records = LogRecords()
    root = logging.getLogger()
    level = root.level
    root.addHandler(records)
    root.setLevel(logging.INFO)
    yield records
    root.removeHandler(records)
    root.setLevel(level)


@pytest.fixture
def recording() -> bytes:
    """Make two seconds of something like a voice, as a WAV file."""
    return wav_bytes(voice_like(2.0))


def write_wav(path: Path, pcm: Pcm) -> None:
    path.write_bytes(wav_bytes(pcm))


def wav_bytes(pcm: Pcm) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes((np.clip(pcm, -1, 1) * 32767).astype("<i2").tobytes())
    return buffer.getvalue()
