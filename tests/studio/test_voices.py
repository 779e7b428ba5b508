"""Voices: made of files and of the microphone, changed, carried, deleted; how words are said."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.serving import Served
from tests.studio.conftest import Visiting
from tests.studio.test_speak import radio
from tests.studio.visit import until

pytestmark = [pytest.mark.studio, pytest.mark.xdist_group("studio")]

DROP = """([zone, name, data]) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([bytes], name));
  zone.dispatchEvent(new DragEvent("dragover", { dataTransfer, bubbles: true, cancelable: true }));
  zone.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
}"""


def drop(zone: Locator, name: str, data: bytes) -> None:
    """Drop a file as from a desktop."""
    encoded = base64.b64encode(data).decode()
    zone.evaluate(f"(zone, [name, data]) => ({DROP})([zone, name, data])", [name, encoded])


def card(page: Page, name: str) -> Locator:
    return page.get_by_role("article", name=name, exact=True)


def make(page: Page, name: str) -> None:
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("The person whose voice this is agrees to it.").check()
    page.get_by_role("button", name="Make the voice").click()
    expect(page.locator(".toast")).to_have_text(f"{name} can speak now.")


def test_made_of_files(visit: Visiting, studio: Served, recording: Path) -> None:
    """Dropped, trimmed on the waveform, described, and it speaks; the report is shown."""
    page = visit().open("voices")
    drop(page.locator(".make .drop"), "my memo.wav", recording.read_bytes())
    clip = page.get_by_role("article", name="my memo.wav")
    expect(clip.locator(".wave")).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_have_value("my-memo")
    end = page.get_by_label("End of my memo.wav")
    whole = float(end.input_value())
    end.fill("2.5")
    expect(clip).to_contain_text(f"0:02.5 of 0:{whole:04.1f}")
    expect(clip).to_contain_text("is short: five to fifteen seconds make a better voice.")
    page.get_by_label("Description", exact=True).fill("Warm, a little hoarse")
    page.get_by_label("Tags, separated by commas").fill("narrator, low")
    # Without consent nothing is sent.
    page.get_by_label("Name", exact=True).fill("tess")
    page.get_by_role("button", name="Make the voice").click()
    assert all(each["name"] != "tess" for each in studio.client.get("/voices").json()["voices"])
    make(page, "tess")
    expect(page.locator(".make")).to_contain_text("What was done to make tess")
    expect(card(page, "tess")).to_contain_text("Warm, a little hoarse")
    made = studio.client.get("/voices/tess").json()
    assert made["tags"] == ["narrator", "low"]
    assert made["report"]["clips"][0]["read_seconds"] == pytest.approx(2.5, abs=0.1)
    with page.expect_response("**/voices/tess/preview") as sent:
        card(page, "tess").get_by_role("button", name="Hear tess").click()
    assert sent.value.ok
    card(page, "tess").get_by_role("button", name="Speak with tess").click()
    expect(radio(page, "tess")).to_be_checked()


def test_made_by_the_microphone(visit: Visiting, studio: Served) -> None:
    """The level moves while one speaks; what was recorded is heard, and becomes a voice."""
    page = visit(permissions=("microphone",)).open("voices")
    page.get_by_role("button", name="Record", exact=True).click()
    until(page, "document.querySelector('meter').value > 0.3")
    until(page, "parseFloat(document.querySelector('.level .time').textContent.slice(2)) > 3")
    page.get_by_role("button", name="Stop recording").click()
    clip = page.get_by_role("article", name="Recording 1")
    expect(clip.locator(".wave")).to_be_visible()
    expect(page.get_by_role("button", name="Record", exact=True)).to_be_visible()
    clip.get_by_role("button", name="Hear Recording 1").click()
    expect(clip.locator(".hear[data-state=playing]")).to_be_visible()
    make(page, "recorded")
    made = studio.client.get("/voices/recorded").json()
    assert made["report"]["clips"][0]["read_seconds"] > 3


def test_a_microphone_that_is_refused(visit: Visiting) -> None:
    """The page says so and what helps, and can be used further."""
    page = visit().open("voices")
    page.get_by_role("button", name="Record", exact=True).click()
    expect(page.locator(".recorder [role=alert]")).to_contain_text("Allow it beside the address")
    expect(page.get_by_role("button", name="Record", exact=True)).to_be_enabled()


def test_a_file_that_is_no_voice(visit: Visiting) -> None:
    """The server's reason is shown, and what was filled in stays."""
    visited = visit()
    visited.may_be_refused = True
    page = visited.open("voices")
    drop(page.locator(".make .drop"), "notes.wav", b"this is no sound at all" * 100)
    expect(page.get_by_role("article", name="notes.wav")).to_contain_text(
        "the server may be able to read it"
    )
    page.get_by_label("The person whose voice this is agrees to it.").check()
    page.get_by_role("button", name="Make the voice").click()
    expect(page.locator(".make form [role=alert]")).not_to_be_empty()
    expect(page.get_by_label("Name", exact=True)).to_have_value("notes")
    page.get_by_role("button", name="Remove notes.wav").click()
    expect(page.locator(".make form")).to_be_hidden()


@pytest.fixture
def tom(studio: Served, recording: Path) -> str:
    """A voice that is there."""
    answer = studio.client.post(
        "/voices",
        data={"name": "tom", "replace": "true"},
        files={"files": ("a.wav", recording.read_bytes())},
    )
    assert answer.status_code == 201, answer.text
    return "tom"


def test_changed_carried_and_deleted(
    visit: Visiting, studio: Served, tom: str, tmp_path: Path
) -> None:
    """Renamed, described, found by a tag, exported, deleted with undo, imported again."""
    page = visit().open("voices")
    card(page, tom).get_by_role("button", name=f"Edit {tom}").click()
    form = card(page, tom)
    form.get_by_label("Name", exact=True).fill("tommy")
    form.get_by_label("Description", exact=True).fill("Dry and quick")
    form.get_by_label("Tags, separated by commas").fill("radio")
    form.get_by_role("button", name="Save").click()
    tommy = card(page, "tommy")
    expect(tommy).to_contain_text("Dry and quick")
    page.get_by_label("Search by name, tag or description").fill("radio")
    expect(page.get_by_role("article")).to_have_count(1)
    tommy.get_by_text("What was done to the recording").click()
    expect(tommy.locator(".advice li").first).to_be_visible()
    with page.expect_download() as download:
        tommy.get_by_role("link", name="Export tommy").click()
    assert download.value.suggested_filename == "tommy.safetensors"
    exported = tmp_path / "again.safetensors"
    download.value.save_as(exported)

    tommy.get_by_role("button", name="Delete tommy").click()
    expect(tommy).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(tommy).to_be_visible()
    assert studio.client.get("/voices/tommy").status_code == 200
    tommy.get_by_role("button", name="Delete tommy").click()
    expect(tommy).to_have_count(0)
    page.goto("about:blank")  # who leaves has decided
    deadline = time.monotonic() + 30
    while studio.client.get("/voices/tommy").status_code == 200:
        assert time.monotonic() < deadline
        page.wait_for_timeout(50)
    page.goto(f"{studio.url}/studio/#voices")
    page.get_by_label("Drop recordings here, or choose them").set_input_files(exported)
    make(page, "again")
    assert studio.client.get("/voices/again").status_code == 200


def test_a_name_that_is_taken(visit: Visiting, tom: str) -> None:
    """The card stays open and says why."""
    visited = visit()
    visited.may_be_refused = True
    page = visited.open("voices")
    card(page, tom).get_by_role("button", name=f"Edit {tom}").click()
    form = card(page, tom)
    form.get_by_label("Name", exact=True).fill("sarah")
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_role("alert")).not_to_be_empty()
    form.get_by_role("button", name="Cancel").click()
    expect(form.get_by_role("button", name=f"Edit {tom}")).to_be_visible()


def test_how_words_are_said(visit: Visiting, studio: Served, tmp_path: Path) -> None:
    """Added, heard, deleted with undo, imported and exported; what is wrong is told."""
    visited = visit()
    visited.may_be_refused = True
    page = visited.open("voices")
    words = page.get_by_role("region", name="How words are said").first
    expect(words).to_contain_text("None yet.")
    page.get_by_label("Written").fill("Nginx")
    page.get_by_label("Said as").fill("engine X")
    page.get_by_role("button", name="Add", exact=True).click()
    row = words.get_by_role("row", name="Nginx")
    expect(row).to_contain_text("engine X")
    with page.expect_response("**/tts") as sent:
        row.get_by_role("button", name="Hear engine X").click()
    assert sent.value.ok
    page.get_by_label("Written").fill("Nginx")
    page.get_by_label("Said as").fill("another")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator(".words > [role=alert]")).not_to_be_empty()
    row.get_by_role("button", name="Delete Nginx").click()
    expect(words).to_contain_text("None yet.")
    page.get_by_role("button", name="Undo").click()
    expect(row).to_be_visible()
    table = tmp_path / "words.csv"
    table.write_text("written,spoken\nGIF,jif\nUS,U S\n")
    page.get_by_label("Import a list").set_input_files(table)
    expect(words.get_by_role("row", name="GIF")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Export CSV").click()
    assert "Nginx,engine X" in download.value.path().read_text("utf-8")
    there = studio.client.get("/pronunciations").json()["pronunciations"]
    assert [each["written"] for each in there] == ["Nginx", "GIF", "US"], json.dumps(there)
    for each in there:
        studio.client.delete("/pronunciations", params={"written": each["written"]})
