"""One table says what each format is, and refuses what is not in it by name."""

from __future__ import annotations

import pytest

from app.audio.formats import FORMATS, format_named, format_with_extension
from app.errors import InvalidRequest, Parameter

EVERYDAY = ("mp3", "wav", "ogg", "opus", "flac", "aac", "pcm")
TELEPHONE = ("ulaw", "alaw", "wav_ulaw", "wav_alaw")


def test_the_formats_of_the_contract_are_there() -> None:
    assert set(FORMATS) == set(EVERYDAY + TELEPHONE)
    assert [name for name in FORMATS if FORMATS[name].is_native] == ["wav", "pcm"]


@pytest.mark.parametrize("name", [*EVERYDAY, "ulaw", "alaw"])
def test_a_name_and_an_extension_lead_to_the_same_format(name: str) -> None:
    found = format_named(name)
    assert found.name == name
    assert format_with_extension(found.extension) is found


def test_an_unknown_extension_has_no_format() -> None:
    assert format_with_extension(".txt") is None


def test_an_unknown_name_is_refused_with_the_parameter_and_the_choices() -> None:
    with pytest.raises(InvalidRequest, match="format must be one of mp3, wav; ") as caught:
        format_named("ogg", allowed=("mp3", "wav"))
    assert caught.value.field is Parameter.FORMAT


def test_an_absurdly_long_name_is_not_repeated() -> None:
    with pytest.raises(InvalidRequest) as caught:
        format_named("x" * 100_000)
    assert len(caught.value.message) < 200


def test_only_headerless_audio_tells_its_rate_in_the_content_type() -> None:
    assert format_named("pcm").content_type(24000) == "audio/pcm;rate=24000;channels=1"
    assert format_named("ulaw").content_type(24000) == "audio/basic;rate=8000;channels=1"
    assert format_named("wav_ulaw").content_type(24000) == "audio/wav"
    assert format_named("mp3").content_type(24000) == "audio/mpeg"
