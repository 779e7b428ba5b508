"""The studio as somebody uses it in a browser, on a server that speaks with the preview voice."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser import browser_page
from tests.serving import KEY, Served, make_settings, serve

pytestmark = [pytest.mark.studio, pytest.mark.xdist_group("studio")]

HEARD = """
(() => {
  const connect = AudioNode.prototype.connect;
  globalThis.heardSamples = 0;
  AudioNode.prototype.connect = function (to, ...rest) {
    if (to instanceof AudioDestinationNode && this.buffer) {
      const loud = this.buffer.getChannelData(0).filter((x) => Math.abs(x) > 0.01);
      globalThis.heardSamples += loud.length;
    }
    return connect.call(this, to, ...rest);
  };
})();
"""


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("studio")
    with serve(make_settings(folder, model_language="preview", default_voice="slt")) as served:
        served.wait_until(lambda health: health["model"]["state"] == "ready", seconds=60)
        yield served


@pytest.fixture(scope="module")
def page(studio: Served) -> Iterator[Page]:
    with browser_page() as page:
        page.set_default_timeout(20_000)
        page.add_init_script(HEARD)
        page.goto(studio.url)
        yield page


def test_a_wrong_key_is_told_and_the_right_one_opens(page: Page) -> None:
    """Nothing is shown before, and no script can read what the browser keeps."""
    page.get_by_label("API key").fill("wrong")
    page.get_by_role("button", name="Enter").click()
    expect(page.get_by_role("alert")).to_have_text("the API key is wrong")
    expect(page.get_by_role("navigation")).to_have_count(0)
    page.get_by_label("API key").fill(KEY)
    page.get_by_role("button", name="Enter").click()
    expect(page.get_by_role("navigation")).to_be_visible()
    assert page.evaluate("document.cookie") == ""


def test_speech_is_heard_and_followed(page: Page) -> None:
    """The plan is shown, Speak is Stop while speech is made, words light up, a click seeks."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.get_by_label("Script", exact=True).fill(
        "It costs $3.50 for children, and more for others."
    )
    expect(page.locator(".reading")).to_contain_text("three dollars and fifty cents")
    go = page.locator(".go")
    go.click()
    expect(page.locator(".lamp")).to_be_visible(timeout=20_000)
    expect(page.locator(".row")).to_contain_text("× real time", timeout=20_000)
    expect(go).to_have_text("Speak")
    page.wait_for_function("heardSamples > 5000")
    page.get_by_role("button", name="Pause", exact=True).click()
    page.get_by_label("Script", exact=True).evaluate("area => area.setSelectionRange(45, 45)")
    page.get_by_label("Script", exact=True).press("Alt+Enter")
    place = page.get_by_label("Position in the speech")
    deadline = time.monotonic() + 5
    while float(place.input_value()) <= 1:
        assert time.monotonic() < deadline
        page.wait_for_timeout(50)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download MP3").click()
    assert download.value.path().stat().st_size > 5000
    assert not said


def test_a_speech_is_stopped(page: Page) -> None:
    """The button is ready for the next one, whatever was there of the first."""
    page.get_by_label("Script", exact=True).fill("This goes on and on. " * 400)
    go = page.locator(".go")
    go.click()
    expect(go).to_have_text("Stop")
    expect(page.locator(".row")).to_contain_text("first sound")
    go.click()
    expect(go).to_have_text("Speak")
    expect(page.locator(".row")).to_contain_text("stopped")


def test_the_server_is_watched(page: Page) -> None:
    """It shows what was spoken, and it stays signed in after a reload."""
    page.reload()
    page.get_by_role("link", name="Server").click()
    expect(page.locator("tbody")).to_contain_text("POST /tts")
    page.get_by_role("link", name="Voices").click()
    expect(page.locator(".card").first).to_be_visible()
