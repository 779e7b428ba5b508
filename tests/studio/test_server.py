"""Server: how it is, live; the stand-in cannot be overlooked; no reload while it speaks."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from app.errors import ModelUnavailable
from app.speech_engine import SpeechEngine
from tests.fakes import FakeEngine
from tests.serving import make_settings, serve, serve_fake
from tests.studio.conftest import Visiting
from tests.studio.test_speak import script_of

pytestmark = [pytest.mark.studio, pytest.mark.xdist_group("studio")]


def test_watched_while_it_speaks(visit: Visiting, tmp_path: Path) -> None:
    """Rows, queue and memory are shown live; a reload is refused meanwhile, and done afterwards."""
    engine = FakeEngine(frames_per_chunk=100, hold_after=5)
    with serve_fake(tmp_path, engine) as served:
        visited = visit(served.url)
        visited.may_be_refused = True
        page = visited.open("server")
        expect(page.locator("tbody")).to_contain_text("None yet.")
        facts = page.locator(".facts")
        body = {"script": "Hello.", "stream": True, "format": "wav"}
        with served.client.stream("POST", "/tts", json=body):
            expect(facts).to_contain_text("Running rows1 /")
            page.get_by_role("button", name="Reload the model").click()
            expect(page.locator(".row > [role=alert]")).to_contain_text("speech is being made")
            engine.let_go.set()
        expect(facts).to_contain_text("Running rows0 /")
        expect(facts).to_contain_text("MB")
        expect(page.locator("tbody")).to_contain_text("POST /tts")
        page.get_by_role("button", name="Reload the model").click()
        expect(page.locator(".toast")).to_have_text("The model is being loaded anew.")
        served.client.post("/tts", json={"script": ""})
        expect(page.locator("tbody tr.refused").first).to_contain_text("400")
        served.wait_until(lambda health: health["model"]["state"] == "ready")


def test_the_stand_in(visit: Visiting, tmp_path: Path) -> None:
    """Every view says which model is missing; why stands a click away, and on Server at once."""

    def no_weights() -> SpeechEngine:
        raise ModelUnavailable("the model hub cannot be reached")

    settings = make_settings(tmp_path, model_fallback="preview")
    with serve(settings, no_weights, FakeEngine) as served:
        served.wait_until(lambda health: health["model"]["state"] == "ready")
        page = visit(served.url).open()
        pill = page.locator(".pill")
        expect(pill).to_contain_text("The preview voice speaks: english is not here yet.")
        pill.locator("summary").click()
        expect(pill).to_contain_text("the model hub cannot be reached")
        expect(page.locator(".voice").first).to_contain_text("heard as")
        page.get_by_role("link", name="Server").click()
        expect(page.locator(".standin")).to_contain_text("the model hub cannot be reached")
        page.goto("about:blank")


def test_nothing_speaks_yet(visit: Visiting, tmp_path: Path) -> None:
    """Without any model the page says what is missing, at the top and at the script."""

    def no_weights() -> SpeechEngine:
        raise ModelUnavailable("the model hub cannot be reached")

    with serve(make_settings(tmp_path), no_weights) as served:
        visited = visit(served.url)
        visited.may_be_refused = True
        page = visited.open()
        expect(page.locator(".pill")).to_contain_text("Nothing can be spoken yet.")
        expect(page.locator("section > [role=alert]")).to_contain_text("not available")
        script_of(page).fill("Hello.")
        page.get_by_role("button", name="Speak", exact=True).click()
        expect(page.locator(".go")).to_have_text("Speak")
        expect(page.locator("section > [role=alert]")).to_contain_text("not available")
        page.goto("about:blank")
