"""What is known of a voice besides its sound."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from app.errors import InvalidRequest, Parameter
from app.voices.details import (
    VoiceDetails,
    check_description,
    check_labels,
    check_language,
    check_tags,
    language_of_model,
    read_details,
)

FULL = VoiceDetails(
    description="Warm",
    tags=("calm", "low"),
    language="en",
    created="2026-01-01T00:00:00+00:00",
    reference_seconds=3.5,
    model="abc",
    report={"actions": ["nothing"]},
    labels={"accent": "irish"},
    voice_settings={"speed": 0.8},
)


@pytest.mark.parametrize(
    "details", [VoiceDetails(), FULL, VoiceDetails(description="声音 \U0001f3a4")]
)
def test_written_and_read(tmp_path: Path, details: VoiceDetails) -> None:
    """What was written is read."""
    (tmp_path / "a.json").write_bytes(details.to_json())
    assert read_details(tmp_path / "a.json") == details


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "1", '{"tags": 1}', '{"created": 5}', "[" * 99_999]
)
def test_broken(tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture) -> None:
    """A broken file is left out and logged; one that is not there is just not there."""
    with caplog.at_level(logging.WARNING):
        (tmp_path / "a.json").write_text(text)
        assert read_details(tmp_path / "a.json") is None
    assert "left out" in caplog.text
    assert read_details(tmp_path / "none.json") is None


@pytest.mark.parametrize(
    ("language", "code"),
    [("en", "en"), ("EN-gb", "en"), ("french", "fr"), ("pt_BR", "pt"), ("", None), (None, None)],
)
def test_language(language: str | None, code: str | None) -> None:
    """A language may be named in several ways; one is kept."""
    assert check_language(language) == code


def test_unknown_language() -> None:
    """A language the model does not speak is refused with those it does."""
    with pytest.raises(InvalidRequest, match="en, fr, de") as caught:
        check_language("xx")
    assert caught.value.field is Parameter.LANGUAGE


def test_language_of_model() -> None:
    """The name of a shipped model tells its language."""
    assert language_of_model("english_18m_2026-10") == "en"
    assert language_of_model("french_24l") == "fr"
    assert language_of_model("mine") is None


def test_created_unix() -> None:
    """The moment of its making as a number; what an operator broke is none."""
    assert FULL.created_unix == 1_767_225_600
    assert VoiceDetails().created_unix is None
    assert VoiceDetails(created="long ago").created_unix is None


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ({"age": 5}, "must be a text"),
        ({"a" * 65: ""}, "at most 64"),
        ({"age": "a" * 65}, "at most 64"),
        (dict.fromkeys(map(str, range(33)), ""), "33 labels; 32"),
    ],
)
def test_labels(labels: dict[str, object], words: str) -> None:
    """Labels are few short texts."""
    assert check_labels({"age": "old"}) == {"age": "old"}
    with pytest.raises(InvalidRequest, match=words) as caught:
        check_labels(labels)
    assert caught.value.field is Parameter.LABELS


def test_tags_and_description() -> None:
    """Commas separate tags; empty is none."""
    assert check_tags(["a, b", "b", " ", "c"]) == ("a", "b", "c")
    assert check_description("  ") is None
