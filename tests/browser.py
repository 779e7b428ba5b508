"""Opens a real browser that can reach nothing but this machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
NO_NETWORK = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
LIMIT_MS = 60_000.0


@contextmanager
def open_browser(*arguments: str) -> Iterator[Browser]:
    """Start a browser; without one the test is skipped, though never in CI."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        reason = "there is no Chromium on this machine; on Debian, apt-get install chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=[NO_NETWORK, *arguments])
        yield started
        started.close()


@contextmanager
def browser_page() -> Iterator[Page]:
    """Open an empty page in a browser of its own."""
    with open_browser() as browser:
        page = browser.new_page()
        page.set_default_timeout(LIMIT_MS)
        yield page
