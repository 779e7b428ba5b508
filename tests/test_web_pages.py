"""The web page of docs/web-pages.md plays speech from another origin, in a real browser."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser import browser_page
from tests.fakes import FakeEngine
from tests.serving import Served, serve_fake

PAGE = Path(__file__).parent.parent / "docs" / "web-pages.md"

pytestmark = pytest.mark.docs


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browser_page() as page:
        yield page


class Backend:
    """The site that the page comes from, which has the key and gives out tokens."""

    def __init__(self) -> None:
        backend = self
        self.served: Served | None = None

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                content = backend.answer(self.path).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self.server.server_address[1]}"

    def answer(self, path: str) -> str:
        assert self.served is not None
        if path == "/token":
            token: str = self.served.client.post("/tokens", json={"minutes": 1}).json()["token"]
            return token
        found = re.search(
            r"^```html\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
        )
        assert found is not None
        assert found[1].count("http://localhost:8000") == 1
        return found[1].replace("http://localhost:8000", self.served.url)


@contextmanager
def site(folder: Path, engine: FakeEngine) -> Iterator[str]:
    backend = Backend()
    thread = threading.Thread(target=backend.server.serve_forever)
    thread.start()
    try:
        with serve_fake(folder, engine, cors_origins=(backend.origin,)) as backend.served:
            yield backend.origin
    finally:
        backend.server.shutdown()
        backend.server.server_close()
        thread.join()


def test_speech_is_heard_while_it_is_made(page: Page, tmp_path: Path) -> None:
    """The player runs before the engine is done, and comes to the end of all of it."""
    engine = FakeEngine(frames_per_chunk=50, hold_after=30)
    with site(tmp_path, engine) as url:
        page.goto(url)
        page.get_by_role("button").click()
        page.wait_for_function("document.querySelector('audio').currentTime > 0.5")
        assert engine.streams[0].frames_read <= 30
        engine.let_go.set()
        page.wait_for_function("document.querySelector('audio').ended")
        assert page.evaluate("document.querySelector('audio').duration") >= 50 * 0.08
        expect(page.locator("output")).to_have_text("")


def test_a_refusal_is_told(page: Page, tmp_path: Path) -> None:
    """The page can read why it is refused, and when to come back."""
    with site(tmp_path, FakeEngine(overloaded=True)) as url:
        page.goto(url)
        page.get_by_role("button").click()
        told = "too many requests are waiting (try again in 7 s)"
        expect(page.locator("output")).to_have_text(told)


def test_a_break_is_told(page: Page, tmp_path: Path) -> None:
    """Half a speech does not end like a whole one."""
    with site(tmp_path, FakeEngine(frames_per_chunk=100, fail_after=60)) as url:
        page.goto(url)
        page.get_by_role("button").click()
        expect(page.locator("output")).to_contain_text("The speech broke off")


def test_without_media_source(page: Page, tmp_path: Path) -> None:
    """Where a browser has none for MP3, the audio element streams by itself."""
    with site(tmp_path, FakeEngine(frames_per_chunk=20)) as url:
        page.goto(url)
        page.evaluate("globalThis.MediaSource = undefined")
        page.get_by_role("button").click()
        page.wait_for_function("document.querySelector('audio').ended")
        expect(page.locator("output")).to_have_text("")
