"""The docs page as somebody uses it who has just started the server, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import FilePayload, Locator, Page

from tests.browser import browser_page
from tests.serving import KEY, Served

pytestmark = pytest.mark.docs


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browser_page() as page:
        yield page


@pytest.fixture(scope="module")
def docs(page: Page, server: Served) -> Page:
    """The docs page with the key entered."""
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(f"{server.url}/docs")
    page.get_by_role("button", name="Authorize").first.click()
    dialog = page.locator(".dialog-ux")
    dialog.locator("input").first.fill(KEY)
    dialog.get_by_role("button", name="Apply credentials").first.click()
    dialog.get_by_role("button", name="Close").first.click()
    assert len(asked) > 3
    assert all(address.startswith(f"{server.url}/") for address in asked), asked
    assert not said
    return page


def opened(docs: Page, method: str, path: str) -> Locator:
    """The block of a call, ready to be tried out."""
    named = docs.locator(f'[data-path="{path}"]')
    block = docs.locator(f".opblock-{method}").filter(has=named)
    block.locator(".opblock-summary-control").click()
    block.get_by_role("button", name="Try it out").click()
    return block


def status_after_execution(block: Locator) -> str:
    block.get_by_role("button", name="Execute").click()
    return block.locator(".live-responses-table .response-col_status").last.inner_text()


def test_ours_on_top(docs: Page) -> None:
    """The first call on the page is the one that most people came for."""
    assert docs.locator(".opblock-summary-path").first.inner_text() == "/tts"


@pytest.mark.parametrize("path", ["/tts", "/v1/audio/speech"])
def test_try_it_out(docs: Page, path: str) -> None:
    """The example speaks as it stands."""
    block = opened(docs, "post", path)
    assert status_after_execution(block) == "200", block.inner_text()
    assert seconds_to_play(block) > 0.5


def seconds_to_play(block: Locator) -> float:
    """How long the player says that the answer is."""
    seconds: float = block.locator("audio").evaluate(
        """player => new Promise((resolve, reject) => {
            const tell = () => resolve(player.duration);
            player.onerror = () => reject(new Error("the player plays nothing"));
            if (player.readyState) tell(); else player.onloadedmetadata = tell;
        })"""
    )
    return seconds


def test_the_answer_is_played(docs: Page) -> None:
    """The player has the speech that was answered, and asks the server for nothing more."""
    asked: list[str] = []
    docs.on("request", lambda request: asked.append(f"{request.method} {request.url}"))
    block = opened(docs, "get", "/voices/{name}/preview")
    block.locator("tr", has_text="name").locator("input").first.fill("alba")
    assert status_after_execution(block) == "200", block.inner_text()
    assert seconds_to_play(block) > 0.5
    assert len([each for each in asked if "/preview" in each]) == 1


@pytest.mark.parametrize(
    ("path", "status"), [("/tts/clone", "200"), ("/voices", "201")], ids=["clone", "keep"]
)
def test_with_a_recording(docs: Page, recording: bytes, path: str, status: str) -> None:
    """A form needs the recording and nothing else."""
    block = opened(docs, "post", path)
    if path == "/voices":
        block.get_by_role("button", name="Add string item").last.click()
    file = FilePayload(name="recording.wav", mimeType="audio/wav", buffer=recording)
    block.locator("input[type=file]").set_input_files([file])
    assert status_after_execution(block) == status, block.inner_text()
