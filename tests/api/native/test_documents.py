"""POST /documents previews what would be spoken of a document."""

from __future__ import annotations

import pytest

from tests.conftest import ServeFake
from tests.documents.files import epub
from tests.serving import error_of

BOOK = epub(
    {
        "one": "<h1>One</h1><p>Hello there.</p>",
        "two": "<h1>Two</h1><p>Bye.</p><table><tr><td>a</td><td>b</td></tr></table>",
    }
)


def test_a_preview(fake_app: ServeFake) -> None:
    """It has all chapters as they would be read, and how long they and their making take."""
    answer = fake_app().client.post("/documents", files={"document": ("tale.epub", BOOK)})
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert (said["title"], said["author"], said["language"]) == (
        "A Tale",
        "Ann Author, Ben Writer",
        "en-GB",
    )
    assert said["cover"]["media_type"] == "image/png"
    first, second = said["chapters"]
    assert first == {
        "heading": "One",
        "text": "One\n\nHello there.",
        "characters": 17,
        "audio_seconds": 1.1,
    }
    assert second["text"] == "Two\n\nBye."
    assert said["characters"] == 26
    # The fake engine makes a second of audio in a second.
    assert said["audio_seconds"] == said["making_seconds"] == pytest.approx(1.7, abs=0.11)


def test_options(fake_app: ServeFake) -> None:
    """Fields of the form have more of it read."""
    answer = fake_app().client.post(
        "/documents", files={"document": ("tale.epub", BOOK)}, data={"tables": "true"}
    )
    assert answer.json()["chapters"][1]["text"] == "Two\n\nBye.\n\na, b."


@pytest.mark.parametrize(
    ("sent", "status", "field"),
    [
        ({"files": {"document": ("a.pdf", b"%PDF-1.4 nothing")}}, 400, "document"),
        ({"files": {"document": ("a.txt", b"")}}, 400, "document"),
        ({"files": {"document": ("a.txt", b"x" * 1_100_000)}}, 413, "document"),
        ({"data": {"document": "no file"}}, 400, "document"),
        ({"files": {"book": ("a.txt", b"x")}}, 400, "book"),
        ({"files": {"document": ("a.txt", b"x")}, "data": {"tables": "often"}}, 400, "tables"),
    ],
)
def test_refusals(fake_app: ServeFake, sent: dict[str, object], status: int, field: str) -> None:
    """What cannot be read is refused, and the answer names the field."""
    answer = fake_app(max_upload_mb=1).client.post("/documents", **sent)  # type: ignore[arg-type]
    assert error_of(answer, status)["field"] == field


def test_the_key_is_needed(fake_app: ServeFake) -> None:
    """A stranger gets nothing read."""
    answer = fake_app().client.post(
        "/documents",
        files={"document": ("a.txt", b"Hello.")},
        headers={"X-API-Key": "no"},
    )
    assert answer.status_code == 401


def test_cut_words_are_shown_as_they_are_read(fake_app: ServeFake) -> None:
    """The end of a line makes one word of some, and two of others."""
    text = b"He was nega-\ntive, and twenty-\none years old, he said to him-\nself."
    answer = fake_app().client.post("/documents", files={"document": ("tale.txt", text)})
    (chapter,) = answer.json()["chapters"]
    assert chapter["text"] == "He was negative, and twenty-one years old, he said to himself."
