"""Runs a server that may fetch recordings, and a web server on loopback that has one."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from app.main import create_app
from tests.fakes import FakeEngine
from tests.serving import Served, make_settings, running, served_at
from tests.voices.web import ok, site


class Fetching(NamedTuple):
    """Holds a server that may fetch, its engine, and the address of a recording."""

    served: Served
    engine: FakeEngine
    address: str


@contextlib.contextmanager
def serve_fetching(folder: Path, recording: bytes) -> Iterator[Fetching]:
    """Run a ready server with ALLOW_VOICE_URLS, for which the web lies on loopback."""
    engine = FakeEngine()
    settings = make_settings(folder, allow_voice_urls=True)
    app = create_app(settings, lambda: engine)
    services = app.state.services
    fetcher = dataclasses.replace(
        services.fetcher,
        allow_http=True,
        is_allowed=lambda address: address == "127.0.0.1",
        resolve=lambda *_: ["127.0.0.1"],
    )
    app.state.services = dataclasses.replace(services, fetcher=fetcher)
    with site(ok(recording)) as web, running(app) as url, served_at(url, settings) as served:
        served.wait_until(lambda health: health["model"]["state"] == "ready")
        yield Fetching(served, engine, f"http://voices.example:{web.port}/me.wav")
