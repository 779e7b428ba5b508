"""Escapes of forms are decoded as the library does it, but in a fraction of its time."""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.http.percent import _PIECE_BYTES, percent_decoded


def by_the_library(text: bytes) -> bytes:
    return unquote_to_bytes(text.replace(b"+", b" "))


@given(st.lists(st.sampled_from([b"%", b"%4", b"%41", b"%e2", b"+", b"a", b"\xff", b"&"])))
def test_it_is_decoded_as_the_library_does_it(parts: list[bytes]) -> None:
    """Whole escapes become bytes, a plus a space, and all else stays."""
    text = b"".join(parts)
    assert percent_decoded(text) == by_the_library(text)


@pytest.mark.parametrize("ahead", range(4))
def test_pieces_meet_anywhere(ahead: int) -> None:
    """Long texts are decoded piece by piece, and no escape is torn apart."""
    text = b"x" * (_PIECE_BYTES - ahead) + b"%41%%42" * 3
    assert percent_decoded(text) == by_the_library(text)


@pytest.mark.parametrize("unit", [b"%", b"%4", b"%41", b"%zz"])
def test_it_is_quick(unit: bytes) -> None:
    """A megabyte of escapes, or of what only looks like some, takes some milliseconds."""
    text = unit * (1_000_000 // len(unit))

    def cpu_seconds(decode: Callable[[bytes], bytes]) -> float:
        began = time.thread_time()
        decode(text)
        return time.thread_time() - began

    ours = min(cpu_seconds(percent_decoded) for _ in range(3))
    theirs = min(cpu_seconds(by_the_library) for _ in range(3))
    assert ours < theirs / 3
