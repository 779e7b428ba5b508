"""The studio on a network and a server that fail: it says so, and goes on when they do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.serving import Served
from tests.studio.conftest import Visiting
from tests.studio.test_speak import SENTENCE, radio, script_of, speak
from tests.studio.wire import Wire, wire_to

pytestmark = [pytest.mark.studio, pytest.mark.xdist_group("studio")]


@pytest.fixture
def wire(studio: Served) -> Iterator[Wire]:
    with wire_to(studio.address) as wire:
        yield wire


def test_a_stream_that_is_cut(visit: Visiting, wire: Wire) -> None:
    """It is told, what came can be heard, and the next one goes."""
    visited = visit(wire.url)
    visited.may_be_refused = True
    page = visited.open()
    script_of(page).fill(f"{SENTENCE} " * 20)
    expect(page.locator(".seam").nth(1)).to_be_attached()
    wire.cut_after_bytes = 400_000
    page.get_by_role("button", name="Speak", exact=True).click()
    problem = page.locator("section > [role=alert]")
    expect(problem).to_have_text("The speech broke off: the connection ended before it did.")
    expect(page.locator(".row").last).to_contain_text("broke off")
    expect(page.locator(".go")).to_have_text("Speak")
    expect(page.locator(".round")).to_be_enabled()
    speak(page, SENTENCE)
    expect(problem).to_be_empty()


def test_a_server_that_is_away(visit: Visiting, wire: Wire, studio: Served) -> None:
    """The page says so at its top and at the button, and speaks once the server is back."""
    visited = visit(wire.url)
    visited.may_be_refused = True
    page = visited.open()
    expect(radio(page, "adam")).to_be_attached()
    wire.upstream = None
    wire.cut()
    script_of(page).fill(SENTENCE)
    page.get_by_role("button", name="Speak", exact=True).click()
    expect(page.locator("section > [role=alert]")).to_have_text("The server does not answer.")
    expect(page.locator(".go")).to_have_text("Speak")
    expect(page.locator(".pill")).to_contain_text("The server does not answer.")
    wire.upstream = studio.address
    expect(page.locator(".pill")).to_be_hidden()
    speak(page, SENTENCE)


def test_a_slow_network(visit: Visiting, wire: Wire) -> None:
    """While nothing has come it says that it waits; what comes is heard, and all of it comes."""
    page = visit(wire.url).open()
    script_of(page).fill(SENTENCE)
    expect(page.locator(".under")).to_contain_text("43 characters")
    wire.bytes_per_second = 40_000
    page.get_by_role("button", name="Speak", exact=True).click()
    expect(page.locator(".wave > p")).to_have_text("Waiting for the first sound …")
    expect(page.locator(".lamp")).to_be_visible()
    wire.bytes_per_second = None
    expect(page.locator(".row").last).to_contain_text("× real time")


def test_a_session_that_has_ended(visit: Visiting) -> None:
    """Whoever has no session any more is asked for the key again."""
    visited = visit()
    visited.may_be_refused = True
    page = visited.open()
    expect(page.locator(".under")).to_contain_text("characters")
    page.context.clear_cookies()
    script_of(page).fill("Hello there.")
    expect(page.get_by_label("API key")).to_be_visible()
