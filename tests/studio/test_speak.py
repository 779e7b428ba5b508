"""Speak: a script becomes speech that is heard, followed, compared and taken along."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.serving import KEY, Served
from tests.studio.conftest import Visiting
from tests.studio.visit import Visit, until
from training.preview.recogniser import Recogniser, edit_distance, words_of

pytestmark = [pytest.mark.studio, pytest.mark.xdist_group("studio")]

SENTENCE = "We will meet at the station in the morning."
MOST_WORD_ERRORS = 0.5


def script_of(page: Page) -> Locator:
    return page.get_by_label("Script", exact=True)


def sent_body(page: Page) -> dict[str, Any]:
    """Have it spoken; return what the server is asked."""
    with page.expect_request("**/tts") as asked:
        page.get_by_role("button", name="Speak", exact=True).click()
    body: dict[str, Any] = json.loads(asked.value.post_data or "")
    return body


def radio(page: Page, voice: str) -> Locator:
    """The button that chooses a voice; it lies unseen in its label."""
    return page.locator(f"input[name=voice][value={voice}]")


def choose(page: Page, voice: str) -> None:
    page.locator(".voice label", has=radio(page, voice)).click()
    expect(radio(page, voice)).to_be_checked()


def speak(page: Page, script: str) -> None:
    """Write a script and have it spoken to its end."""
    script_of(page).fill(script)
    page.get_by_role("button", name="Speak", exact=True).click()
    expect(page.locator(".row").last).to_contain_text("× real time")


def until_silent(page: Page) -> None:
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_enabled()


def assert_heard(visit: Visit, said: str) -> None:
    """A recogniser understands what the page played."""
    pytest.importorskip("pocketsphinx", reason="no recogniser for this Python")
    heard = words_of(Recogniser().words(visit.heard(), 24_000))
    wrong = edit_distance(words_of(said), heard) / len(words_of(said))
    assert wrong <= MOST_WORD_ERRORS, heard


def position(page: Page) -> float:
    return float(page.get_by_label("Position in the speech").input_value())


def test_the_key(visit: Visiting) -> None:
    """Nothing is shown without one, a wrong one is told, and it can be forgotten."""
    visited = visit(signed_in=False)
    visited.may_be_refused = True
    page = visited.open()
    key = page.get_by_label("API key")
    key.fill("wrong")
    page.get_by_role("button", name="Enter").click()
    expect(page.get_by_role("alert")).to_have_text("the API key is wrong")
    expect(page.get_by_role("navigation")).to_have_count(0)
    key.fill(KEY)
    key.press("Enter")
    expect(page.get_by_role("navigation")).to_be_visible()
    assert page.evaluate("document.cookie") == ""
    assert KEY not in page.evaluate("JSON.stringify(localStorage)")
    page.reload()
    page.get_by_role("link", name="Server").click()
    page.get_by_role("button", name="Forget the key").click()
    expect(page.get_by_label("API key")).to_be_visible()
    page.reload()
    expect(page.get_by_label("API key")).to_be_visible()


def test_what_is_played_is_what_was_written(visit: Visiting) -> None:
    """A recogniser hears the words in what reaches the sound card; they light up meanwhile."""
    visited = visit()
    page = visited.open()
    script_of(page).fill(SENTENCE)
    page.get_by_role("button", name="Speak", exact=True).click()
    expect(page.locator(".lamp")).to_be_visible()
    until_silent(page)
    assert_heard(visited, SENTENCE)


def test_the_plan(visit: Visiting) -> None:
    """Counts, seams and what is read otherwise are shown before a word is spoken."""
    page = visit().open()
    expect(page.locator(".under")).to_contain_text("three dollars and fifty cents")
    script_of(page).fill("It costs $3.50 for children. " + "And more than that for others. " * 20)
    expect(page.locator(".seam").nth(1)).to_be_attached()
    expect(page.locator(".changed")).to_have_text("$3.50")
    expect(page.locator(".under")).to_contain_text("649 characters")
    script_of(page).fill("")
    expect(page.get_by_role("button", name="Speak", exact=True)).to_be_disabled()


def test_what_will_be_read_is_changed(visit: Visiting) -> None:
    """The text as it will be read is edited, and spoken as it was edited."""
    visited = visit()
    page = visited.open()
    script_of(page).fill("Meet me at the Stn.")
    page.get_by_role("button", name="Edit").click()
    edited = page.get_by_label("What will be read, to be changed")
    expect(edited).to_have_value(re.compile("Meet me"))
    edited.fill(SENTENCE)
    body = sent_body(page)
    assert (body["script"], body["normalize"]) == (SENTENCE, False)
    until_silent(page)
    assert_heard(visited, SENTENCE)
    page.get_by_role("button", name="Back to the script").click()
    expect(edited).to_be_hidden()


def test_a_word_is_sought(visit: Visiting) -> None:
    """A click on a spoken word plays from there; the slider and Pause do as well."""
    page = visit().open()
    speak(page, f"{SENTENCE} {SENTENCE}")
    page.get_by_role("button", name="Pause", exact=True).click()
    script = script_of(page)
    script.evaluate("area => area.setSelectionRange(60, 60)")
    script.press("Alt+Enter")
    until(page, "document.querySelector('.wave input').value > 2")
    page.get_by_label("Position in the speech").fill("0.5")
    until(page, "document.querySelector('.wave input').value < 0.6")
    page.get_by_role("button", name="Play", exact=True).click()
    until(page, "document.querySelector('.wave input').value > 0.8")
    page.locator(".surface").click(position={"x": 500, "y": 30})
    until(page, "document.querySelector('.wave input').value > 2")


def test_takes_are_compared(visit: Visiting) -> None:
    """Another take goes on from the word at which the last one was."""
    page = visit().open()
    speak(page, f"{SENTENCE} {SENTENCE}")
    choose(page, "adam")
    page.get_by_label("Pace").fill("0.7")
    page.get_by_role("button", name="Speak", exact=True).click()
    expect(page.get_by_role("button", name="B · adam")).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".row").last).to_contain_text("× real time")
    until(page, "document.querySelector('.wave input').value > 3")
    page.get_by_role("button", name="A · sarah", exact=True).click()
    until(page, "document.querySelector('.wave input').value > 0")
    # The first is faster, so the word comes earlier in it, but not at its beginning.
    assert 1 < position(page) < 3.2
    page.get_by_role("button", name="All as usual").click()
    expect(page.get_by_label("Pace")).to_have_value("1")


def test_speech_is_stopped(visit: Visiting, studio: Served) -> None:
    """Stop ends it on the server too, whatever is there of it; then the next one goes."""
    page = visit().open()
    script_of(page).fill("This goes on and on. " * 400)
    go = page.locator(".go")
    go.click()
    expect(go).to_have_text("Stop")
    expect(page.locator(".row").last).to_contain_text("first sound")
    go.click()
    expect(go).to_have_text("Speak")
    expect(page.locator(".row").last).to_contain_text("stopped")
    studio.wait_until(lambda health: health["engine"]["running_rows"] == 0, seconds=20)
    script_of(page).press("Control+Enter")
    expect(go).to_have_text("Stop")
    page.keyboard.press("Escape")
    expect(go).to_have_text("Speak")


def test_a_long_script(visit: Visiting, studio: Served) -> None:
    """With 30,000 characters the page stays quick, and speech begins at once."""
    page = visit().open()
    script = "The ferry leaves the harbour at seven every evening. " * 567
    script_of(page).fill(script[:30_000])
    expect(page.locator(".under")).to_contain_text("30,000 characters")
    expect(page.locator(".seam").nth(100)).to_be_attached()
    page.evaluate("""() => {
      globalThis.longest = 0;
      let last = performance.now();
      const look = (now) => {
        longest = Math.max(longest, now - last);
        last = now;
        requestAnimationFrame(look);
      };
      requestAnimationFrame(look);
    }""")
    page.get_by_role("button", name="Speak", exact=True).click()
    expect(page.locator(".lamp")).to_be_visible()
    until(page, "document.querySelector('.wave input').value > 2")
    assert page.evaluate("longest") < 1500
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator(".row").last).to_contain_text("stopped")
    studio.wait_until(lambda health: health["engine"]["running_rows"] == 0, seconds=20)


def test_voices_are_found_and_heard(visit: Visiting) -> None:
    """The list is searched, a preview is played, and the choice outlives a reload."""
    page = visit().open()
    page.get_by_role("searchbox").fill("marius")
    expect(page.locator(".voice")).to_have_count(1)
    with page.expect_response("**/voices/marius/preview") as sent:
        page.get_by_role("button", name="Hear marius").click()
    assert sent.value.ok
    expect(page.locator(".hear[data-state]")).to_be_visible()
    choose(page, "marius")
    page.get_by_role("searchbox").fill("nobody")
    expect(page.locator(".voicelist")).to_contain_text("No voice of that name.")
    page.reload()
    expect(radio(page, "marius")).to_be_checked()


def test_the_knobs(visit: Visiting) -> None:
    """What is set is sent, kept in this browser, and a seed is kept or thrown anew."""
    page = visit().open()
    page.get_by_label("Pace").fill("1.5")
    page.get_by_label("Pauses").fill("2")
    page.get_by_role("button", name="keep").click()
    seed = int(re.sub(r"\D", "", page.get_by_label("Another seed").inner_text()))
    script_of(page).fill("Good evening.")
    body = sent_body(page)
    assert (body["speed"], body["pause_scale"], body["seed"]) == (1.5, 2, seed)
    assert "pitch" not in body
    page.reload()
    expect(page.get_by_label("Pace")).to_have_value("1.5")
    expect(page.get_by_label("Another seed")).to_contain_text(str(seed))


def test_a_take_is_taken_along(visit: Visiting, tmp_path: Path) -> None:
    """As a file, as captions, as a link, and as programs that make the same."""
    visited = visit(permissions=("clipboard-read", "clipboard-write"))
    page = visited.open()
    speak(page, "It costs $3.50, isn't it so?")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download MP3").click()
    assert download.value.path().read_bytes()[:3] in (b"ID3", b"\xff\xfb\xe0", b"\xff\xf3\x84")
    with page.expect_download() as download:
        page.get_by_role("button", name="Captions").click()
    assert download.value.path().read_text("utf-8").startswith("WEBVTT")

    def copied(name: str) -> str:
        page.evaluate("navigator.clipboard.writeText('')")
        page.get_by_role("button", name=name).click()
        until(page, "navigator.clipboard.readText()")
        return str(page.evaluate("navigator.clipboard.readText()"))

    assert copied("Copy link").startswith(visited.url)
    programs = {
        "Copy as curl": ["bash", "-c", copied("Copy as curl")],
        "Python": [sys.executable, "-c", copied("Python")],
        "OpenAI SDK": [sys.executable, "-c", copied("OpenAI SDK")],
    }
    environment = {**os.environ, "API_KEY": KEY, "no_proxy": "*"}
    made = []
    for command in programs.values():
        subprocess.run(command, check=True, cwd=tmp_path, env=environment, timeout=60)
        made.append((tmp_path / "speech.mp3").read_bytes())
        (tmp_path / "speech.mp3").unlink()
    assert all(len(each) > 5000 for each in made)
