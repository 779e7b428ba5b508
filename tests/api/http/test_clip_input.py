"""Recordings that come as text."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.api.http.clip_input import clip_from_base64, clip_from_text, is_recording
from app.errors import InvalidClip, Parameter, TooLarge

MAX_BYTES = 10_000
AUDIO = bytes(range(256)) * 8
TEXT = base64.b64encode(AUDIO).decode()


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        f"  {TEXT}\n",
        TEXT.rstrip("="),
        base64.urlsafe_b64encode(AUDIO).decode(),
        base64.encodebytes(AUDIO).decode(),
        f"data:audio/wav;base64,{TEXT}",
        f"DATA:audio/ogg;codecs=opus;base64,{TEXT}",
        f"data:;base64,{TEXT}",
    ],
)
def test_recordings(text: str) -> None:
    """Base64 in all its spellings, and data URLs, are recordings."""
    assert is_recording(text)
    clip = clip_from_text(text, MAX_BYTES, field="spk_emb")
    assert (clip.data, clip.field) == (AUDIO, "spk_emb")


@pytest.mark.parametrize(
    "text", ["alba", "a" * 64, "", "../etc/passwd", "http://x/" + "a" * 500, "Hello. " * 100]
)
def test_names(text: str) -> None:
    """What could be a name is one, and so is what is no base64."""
    assert not is_recording(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("data:audio/wav;base64,", "is empty"),
        ("data:audio/wav;base64,%%%", "is not base64"),
        ("data:audio/wav,abc", "without base64"),
        ("data:", "without base64"),
        ("A" * 401, "is not base64"),
    ],
)
def test_broken(text: str, words: str) -> None:
    """What is meant as a recording and is none is refused by its field's name."""
    assert is_recording(text)
    with pytest.raises(InvalidClip, match=f"voice .*{words}") as caught:
        clip_from_text(text, MAX_BYTES, field=Parameter.VOICE)
    assert caught.value.field is Parameter.VOICE


@pytest.mark.parametrize("size", [MAX_BYTES + 1, 100 * MAX_BYTES])
def test_too_large(size: int) -> None:
    """More bytes than allowed are a TooLarge."""
    text = base64.b64encode(bytes(size)).decode()
    with pytest.raises(TooLarge, match="10000 bytes"):
        clip_from_text(text, MAX_BYTES)


def test_many_pieces() -> None:
    """A long recording is decoded piece by piece, and padding may stand at its end only."""
    data = bytes(range(256)) * 5000
    text = base64.b64encode(data).decode()
    assert clip_from_base64(text, len(data)).data == data
    for at in (3, (1 << 18) - 1, len(text) // 2):
        broken = f"{text[:at]}={text[at + 1 :]}"
        with pytest.raises(InvalidClip, match="voice_file is not base64"):
            clip_from_base64(broken, len(data))


@given(st.binary(min_size=1, max_size=600))
@hypothesis_settings(max_examples=50, deadline=None)
def test_any_bytes(data: bytes) -> None:
    """Whatever was encoded comes back."""
    assert clip_from_base64(base64.b64encode(data).decode(), MAX_BYTES).data == data
