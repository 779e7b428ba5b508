"""Long: a document becomes a recording, whatever happens on the way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from mutagen.mp4 import MP4
from playwright.sync_api import Page, expect

from tests.fakes import FakeEngine
from tests.serving import Served, make_settings, serve, serve_fake
from tests.studio.conftest import Visiting
from tests.studio.test_speak import SENTENCE, assert_heard
from tests.studio.test_voices import drop
from tests.studio.visit import until
from tests.studio.wire import wire_to

pytestmark = [pytest.mark.studio, pytest.mark.xdist_group("studio")]

BOOK = (
    f"---\ntitle: A Tale\n---\n\n# Dawn\n\n{SENTENCE}\n\n# Noon\n\nIt was hot.\n\n"
    "# Dusk\n\nIt was late.\n"
)
LONG_BOOK = "---\ntitle: Ferries\n---\n\n" + "".join(
    f"# Part {n}\n\n" + "The ferry leaves at seven. " * 8 + "\n\n" for n in range(1, 4)
)


def read(page: Page, book: str) -> None:
    drop(page.locator(".book .drop"), "tale.md", book.encode())
    expect(page.get_by_role("button", name="Make the recording")).to_be_enabled()


def start(page: Page, book: str) -> None:
    read(page, book)
    page.get_by_role("button", name="Make the recording").click()
    expect(page.locator(".jobhead .state")).to_be_visible()


def test_a_book(visit: Visiting, studio: Served, tmp_path: Path) -> None:
    """Chapters are chosen and given voices; it is spoken, heard, changed, and taken along."""
    visited = visit()
    page = visited.open("long")
    expect(page.locator(".jobs")).to_contain_text("None yet.")
    read(page, BOOK)
    expect(page.locator(".bookform")).to_contain_text("A Tale")
    estimate = page.locator(".estimate")
    expect(estimate).to_contain_text("3 chapters")
    page.get_by_role("checkbox", name="Noon").uncheck()
    expect(estimate).to_contain_text("2 chapters")
    expect(estimate).to_contain_text("made in about")
    page.get_by_role("checkbox", name="All chapters").check()
    page.get_by_role("checkbox", name="All chapters").uncheck()
    expect(estimate).to_have_text("No chapter is chosen.")
    expect(page.get_by_role("button", name="Make the recording")).to_be_disabled()
    page.get_by_role("checkbox", name="Dawn").check()
    page.get_by_role("checkbox", name="Dusk").check()
    page.get_by_label("Voice of Dusk").select_option("adam")
    page.get_by_role("button", name="Make the recording").click()
    expect(page.locator(".jobhead .state")).to_have_text("done")

    page.get_by_role("button", name="Hear part 1").click()
    expect(page.locator(".parts .heard")).to_contain_text("station")
    until(page, "document.querySelector('.deck.long input').value > 4")
    page.get_by_role("button", name="Pause", exact=True).click()
    assert_heard(visited, f"Dawn. {SENTENCE}")

    page.get_by_role("button", name="Say part 1 again").click()
    expect(page.locator(".parts").first).to_contain_text("take 2")
    expect(page.locator(".jobhead .state")).to_have_text("done")
    page.get_by_role("button", name="Change part 1").click()
    page.get_by_label("Change part 1").fill("Dawn. Nobody came.")
    page.get_by_role("button", name="Speak it anew").click()
    expect(page.locator(".parts").first).to_contain_text("take 3")
    expect(page.locator(".jobhead .state")).to_have_text("done")
    with page.expect_download() as download:
        page.get_by_role("link", name="Captions SRT").click()
    assert "Nobody came." in download.value.path().read_text("utf-8")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    assert path.suffix == ".m4b"
    chapters = MP4(path).chapters  # type: ignore[no-untyped-call]
    assert chapters is not None
    assert [chapter.title for chapter in chapters] == ["Dawn", "Dusk"]
    job = studio.client.get("/jobs").json()["jobs"][0]
    segments = studio.client.get(f"/jobs/{job['id']}/segments").json()["segments"]
    assert segments[0]["text"] == "Dawn. Nobody came."


@pytest.fixture
def held(tmp_path: Path) -> Iterator[tuple[Served, FakeEngine]]:
    """A server whose engine stops after some frames, until it is let go."""
    engine = FakeEngine(frames_per_chunk=40, hold_after=20)
    with serve_fake(tmp_path, engine) as served:
        yield served, engine


def test_paused_resumed_and_ended(visit: Visiting, held: tuple[Served, FakeEngine]) -> None:
    """Each button is there when it makes sense; a reload changes nothing; delete has an undo."""
    served, engine = held
    page = visit(served.url).open("long")
    start(page, LONG_BOOK)
    state = page.locator(".jobhead .state")
    expect(state).to_have_text("speaking")
    expect(page.locator(".where")).to_have_text("Nothing is finished yet.")
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_disabled()
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(state).to_have_text("paused")
    page.reload()
    expect(state).to_have_text("paused")
    expect(page.get_by_role("button", name="Pause", exact=True)).to_have_count(0)
    page.get_by_role("button", name="Go on").click()
    expect(state).to_have_text("speaking")
    page.get_by_role("button", name="End it").click()
    expect(state).to_have_text("cancelled")
    expect(page.get_by_role("button", name="Go on")).to_have_count(0)
    page.get_by_role("link", name="All recordings").click()
    page.get_by_role("link", name="Ferries").click()
    page.get_by_role("button", name="Delete Ferries").click()
    expect(page.locator(".jobs")).to_contain_text("None yet.")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".jobs")).to_contain_text("cancelled")
    engine.let_go.set()


def test_a_document_that_cannot_be_read(visit: Visiting, studio: Served) -> None:
    """The reason is shown, and another one can be dropped."""
    visited = visit()
    visited.may_be_refused = True
    page = visited.open("long")
    drop(page.locator(".book .drop"), "broken.pdf", b"%PDF-1.7 this is none")
    expect(page.locator(".book [role=alert]")).not_to_be_empty()
    read(page, BOOK)


def test_a_server_that_is_started_again(visit: Visiting, tmp_path: Path) -> None:
    """The page says that the server is away, then shows that the job goes on to its end."""
    settings = make_settings(tmp_path, model_language="preview", default_voice="sarah")
    with ExitStack() as stack:
        with serve(settings) as served:
            wire = stack.enter_context(wire_to(served.address))
            served.wait_until(lambda health: health["model"]["state"] == "ready", seconds=60)
            visited = visit(wire.url)
            visited.may_be_refused = True
            page = visited.open("long")
            start(page, LONG_BOOK)
            expect(page.get_by_role("button", name="Play", exact=True)).to_be_enabled()
            wire.upstream = None
            wire.cut()
            away = page.locator(".job > [role=alert]")
            expect(away).to_have_text("The server does not answer.")
        with serve(settings) as again:
            wire.upstream = again.address
            expect(away).to_be_empty()
            expect(page.locator(".jobhead .state")).to_have_text("done", timeout=90_000)
            page.goto("about:blank")
