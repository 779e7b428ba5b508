"""Visits the studio as somebody does, and notices what the browser complains of."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from app.speech import SPEECH_RATE_HZ, Pcm
from tests.serving import KEY

TAP = Path(__file__).with_name("tap.js")
WIDE = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
PATIENCE_MS = 60_000.0
POLL_MS = 50.0
REFUSED = "Failed to load resource"
"""A browser's console says so of every answer that is an error, also where the page told it."""

expect.set_options(timeout=PATIENCE_MS)


@dataclass
class Visit:
    """Holds a page, what its console said, and which other hosts were asked."""

    page: Page
    url: str
    said: list[str] = field(default_factory=list)
    asked_elsewhere: list[str] = field(default_factory=list)
    may_be_refused: bool = False

    def note(self, message: ConsoleMessage) -> None:
        if "ScriptProcessorNode" not in message.text:  # that is the tap of the tests
            self.said.append(f"{message.type}: {message.text}")

    def open(self, view: str = "speak") -> Page:
        """Look at a view of the studio."""
        self.page.goto(f"{self.url}/studio/#{view}")
        return self.page

    def heard(self) -> Pcm:
        """Return what was played so far."""
        samples = self.page.evaluate("heard.samples()")
        return np.array(samples, np.float32) / np.float32(32767)

    def heard_seconds(self) -> float:
        return len(self.heard()) / SPEECH_RATE_HZ

    def check(self) -> None:
        """Fail if the console said anything, or another host was asked."""
        said = [each for each in self.said if not (self.may_be_refused and REFUSED in each)]
        assert not said, "\n".join(said)
        assert self.asked_elsewhere == []


def until(page: Page, holds: str) -> None:
    """Wait until an expression holds in the page, whose policy lets nobody else evaluate it."""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while not page.evaluate(holds):
        assert time.monotonic() < deadline, f"never: {holds}"
        page.wait_for_timeout(POLL_MS)


@contextmanager
def visiting(
    browser: Browser,
    url: str,
    *,
    viewport: dict[str, int] | None = None,
    theme: Literal["light", "dark"] = "light",
    signed_in: bool = True,
    permissions: tuple[str, ...] = (),
    **options: Any,
) -> Iterator[Visit]:
    """Open a browser without memories; at the end it must have had no complaints."""
    context = browser.new_context(
        viewport=viewport or WIDE,  # type: ignore[arg-type]
        color_scheme=theme,
        permissions=list(permissions),
        accept_downloads=True,
        **options,
    )
    context.add_init_script(path=TAP)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    visit = Visit(page, url)
    page.on("console", visit.note)
    page.on("pageerror", lambda error: visit.said.append(str(error)))
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((url, "data:", "blob:"))
            else visit.asked_elsewhere.append(request.url)
        ),
    )
    if signed_in:
        answer = context.request.post(f"{url}/session", headers={"X-API-Key": KEY})
        assert answer.ok, answer.text()
    yield visit
    visit.check()
    context.close()
