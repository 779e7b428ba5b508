"""Every view in both themes and both widths: for all eyes, hands and ears; its pictures for docs/.

The pictures are drawn anew where STUDIO_PICTURES names a folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Page, expect

from tests.serving import Served
from tests.studio.conftest import Visiting
from tests.studio.test_long import BOOK, read
from tests.studio.test_speak import SENTENCE, choose, radio, script_of, speak
from tests.studio.test_voices import drop
from tests.studio.visit import PHONE, WIDE, Visit, until

pytestmark = [pytest.mark.studio, pytest.mark.xdist_group("studio")]

THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
PICTURES = os.environ.get("STUDIO_PICTURES")
COLORS = 128
SHOWN = {("wide", "light"), ("phone", "dark")}
SERIOUS = ("serious", "critical")


@pytest.fixture(scope="module", autouse=True)
def _something_to_see(studio: Served, recording: Path) -> Iterator[None]:
    """A voice, a word, a recording, so that no view is empty."""
    client = studio.client
    voice = {"name": "tess", "description": "Warm, a little hoarse", "tags": "narrator,low"}
    files = {"files": ("tess.wav", recording.read_bytes())}
    client.post("/voices", data={**voice, "replace": "true"}, files=files).raise_for_status()
    client.post("/pronunciations", json={"written": "Nginx", "spoken": "engine X"})
    document = {"document": ("tale.md", BOOK.encode())}
    data = {"format": "mp3"}
    job = client.post("/jobs", data=data, files=document).raise_for_status().json()["id"]
    yield
    client.delete(f"/jobs/{job}")
    client.delete("/voices/tess")
    client.delete("/pronunciations", params={"written": "Nginx"})


def show_speak(page: Page, studio: Served, recording: Path) -> None:
    page.get_by_role("searchbox").fill("")
    for voice in ("adam", "sarah"):
        choose(page, voice)
        speak(page, script_of(page).input_value())
        page.get_by_role("button", name="Pause", exact=True).click()
    page.get_by_label("Position in the speech").fill("5")
    expect(page.locator(".lamp")).to_be_visible()


def show_voices(page: Page, studio: Served, recording: Path) -> None:
    drop(page.locator(".make .drop"), "memo.wav", recording.read_bytes())
    expect(page.locator(".clip .wave")).to_be_visible()
    expect(page.get_by_role("article", name="tess")).to_be_visible()


def show_long(page: Page, studio: Served, recording: Path) -> None:
    read(page, BOOK)
    expect(page.locator(".jobs a").first).to_contain_text("done")


def show_job(page: Page, studio: Served, recording: Path) -> None:
    page.locator(".jobs a").first.click()
    expect(page.locator(".jobhead .state")).to_have_text("done")
    page.get_by_role("button", name="Hear part 1").click()
    expect(page.locator(".parts .heard")).to_be_visible()
    page.get_by_role("button", name="Pause", exact=True).click()


def show_server(page: Page, studio: Served, recording: Path) -> None:
    for script in ("Good evening.", SENTENCE, ""):
        studio.client.post("/tts", json={"script": script})
    expect(page.locator("tbody")).to_contain_text("POST /tts")


VIEWS = {
    "speak": ("speak", show_speak),
    "voices": ("voices", show_voices),
    "long": ("long", show_long),
    "job": ("long", show_job),
    "server": ("server", show_server),
}


@pytest.mark.parametrize("name", VIEWS)
def test_a_view(visit: Visiting, studio: Served, recording: Path, name: str) -> None:
    """axe finds nothing serious, and nothing is wider than the window."""
    visited = visit()
    view, show = VIEWS[name]
    page = visited.open(view)
    show(page, studio, recording)
    for width, viewport in (("wide", WIDE), ("phone", PHONE)):
        page.set_viewport_size(viewport)  # type: ignore[arg-type]
        for theme in THEMES:
            page.emulate_media(color_scheme=theme)
            assert found_by_axe(page) == [], (width, theme)
            until(page, "document.documentElement.scrollWidth <= innerWidth")
            if (width, theme) in SHOWN:
                keep_picture(page, f"studio-{name}-{width}")


def test_without_a_key(visit: Visiting) -> None:
    """So is the question for the key."""
    page = visit(signed_in=False).open()
    expect(page.get_by_label("API key")).to_be_visible()
    assert found_by_axe(page) == []
    keep_picture(page, "studio-key-wide")


def found_by_axe(page: Page) -> list[str]:
    """List what axe takes for serious, with where it is."""
    # It would copy styles into the page, which the policy refuses.
    run = Axe().run(page, options={"preload": False})
    found: list[dict[str, Any]] = run.response["violations"]
    return [
        f"{each['id']}: {node['html'][:120]} ({node['failureSummary']})"
        for each in found
        if each["impact"] in SERIOUS
        for node in each["nodes"]
    ]


def keep_picture(page: Page, name: str) -> None:
    """Draw the page for docs/, in few colours, if that was asked for."""
    if PICTURES is None:
        return
    page.evaluate("document.querySelector('.toast')?.remove()")
    picture = Image.open(BytesIO(page.screenshot(caret="initial"))).convert("RGB")
    picture.quantize(COLORS).save(Path(PICTURES) / f"{name}.png", optimize=True)


def test_by_the_keyboard_alone(visit: Visiting) -> None:
    """Every view is reached, and speech begun and ended, without a mouse; the focus is seen."""
    page = visit().open()
    expect(radio(page, "adam")).to_be_attached()

    def tab_to(name: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            focused = page.evaluate(
                "document.activeElement.ariaLabel ?? document.activeElement.textContent"
            )
            if focused == name:
                return
        raise AssertionError(f"{name} is not reached")

    tab_to("Script")
    page.keyboard.press("Control+a")
    page.keyboard.type("Good evening to all of you.")
    tab_to("Speak")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Enter")
    expect(page.locator(".row").last).to_contain_text("× real time")
    tab_to("Position in the speech")
    page.keyboard.press("ArrowRight")
    for name in ("Voices", "Long", "Server"):
        tab_to(name)
        page.keyboard.press("Enter")
        expect(page).to_have_title(f"{name} · Pocket Speech")


def test_motion_is_reduced(visit: Visiting) -> None:
    """Who wants little motion gets none."""
    page = visit(reduced_motion="reduce").open()
    script_of(page).fill("This goes on and on. " * 50)
    page.get_by_role("button", name="Speak", exact=True).click()
    expect(page.locator(".lamp")).to_be_visible()
    moving = page.evaluate("""[...document.querySelectorAll("*")].filter((each) => {
      const style = getComputedStyle(each);
      return style.animationName !== "none" || parseFloat(style.transitionDuration) > 0;
    }).length""")
    assert moving == 0
    page.get_by_role("button", name="Stop", exact=True).click()


def test_the_policy(visit: Visiting, studio: Served) -> None:
    """No inline script or style may run, and no other host be asked."""
    policy = studio.client.get("/studio/").headers["content-security-policy"]
    assert "unsafe-inline" not in policy
    first, second = (studio.client.get("/studio/").text for _ in range(2))
    assert first != second, "each answer has a nonce of its own"
    visited: Visit = visit()
    page = visited.open()
    expect(page.locator(".under")).to_contain_text("characters")
    page.evaluate("""() => {
      const script = document.createElement("script");
      script.textContent = "globalThis.ran = true";
      document.body.append(script);
    }""")
    assert page.evaluate("globalThis.ran") is None
    visited.said.clear()
