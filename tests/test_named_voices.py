"""A DEFAULT_VOICE that is no voice is told at the start, while no model is there yet."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from app.assembly.parts import make_services
from tests.serving import make_settings


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"default_voice": "abla"}, "'abla' is neither a voice of the model nor a file in"),
        ({"default_voice": "abla"}, "; did you mean alba?"),
        ({"default_voice": "nobody in particular"}, "'nobody in particular' is neither"),
        ({"MODEL_CONFIG": "hf://a/b/c.yaml"}, "'alba' is neither"),
        ({"default_voice": "Alba"}, None),
        ({"default_voice": "tess"}, None),
        ({"default_voice": "Nova"}, None),
        ({"default_voice": "tess", "MODEL_CONFIG": "hf://a/b/c.yaml"}, None),
    ],
)
def test_default_voice(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, fields: dict[str, str], words: str | None
) -> None:
    """Released voices count where the model has them, and files always."""
    (tmp_path / "voices").mkdir()
    (tmp_path / "voices" / "tess.wav").touch()
    with caplog.at_level(logging.WARNING):
        make_services(make_settings(tmp_path, **fields))
    if words is None:
        assert caplog.messages == []
    else:
        (said,) = caplog.messages
        assert said.startswith("DEFAULT_VOICE: ")
        assert words in said
