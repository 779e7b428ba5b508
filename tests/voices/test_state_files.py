"""Voice states that somebody sent, looked at before any library opens them."""

from __future__ import annotations

import json
import pickle
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.errors import InvalidRequest, Parameter
from app.voices.state_files import check_state_file


def state(dtype: str = "F32", **metadata: str) -> bytes:
    tensor = {"dtype": dtype, "shape": [2, 1, 3, 4, 5], "data_offsets": [0, 480]}
    return packed({"__metadata__": metadata, "a/cache": tensor})


def packed(header: Any) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(480)


def check(data: bytes, precision: str = "float32") -> None:
    check_state_file(data, model="m1", precision=precision, field=Parameter.STATE)


@pytest.mark.parametrize(
    ("data", "precision"),
    [
        (state(), "float32"),
        (state(model="m1"), "float32"),
        (state("F32"), "bfloat16"),
        (state("BF16", model="m1"), "bfloat16"),
    ],
)
def test_good(data: bytes, precision: str) -> None:
    """The same model's, or one that says nothing; float32, or as the server computes."""
    check(data, precision)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (state(model="m2"), r"another model \(m2\); this server has m1;"),
        (state("BF16"), "made in bfloat16; this server's voices are in float32"),
        (state("I64"), "made in I64"),
        (packed({"weight": {"dtype": "F32"}}), "no voice state"),
        (packed([1]), "not a safetensors"),
        (packed({}), "no voice state"),
        (struct.pack("<Q", 1 << 62) + b"{}", "not a safetensors"),
        (struct.pack("<Q", 4) + b"{{{{", "not a safetensors"),
        (struct.pack("<Q", 90_000) + b"[" * 90_000, "not a safetensors"),
        (b"", "not a safetensors"),
        (b"short", "not a safetensors"),
        (pickle.dumps({"a": 1}), "pickled"),
        (b"PK\x03\x04" + bytes(99), "pickled"),
    ],
)
def test_bad(data: bytes, words: str) -> None:
    """Everything else is refused with the reason, and nothing is unpickled."""
    with pytest.raises(InvalidRequest, match=words) as caught:
        check(data)
    assert caught.value.field is Parameter.STATE


@given(st.binary(max_size=300))
@hypothesis_settings(max_examples=100, deadline=None)
def test_any_bytes(data: bytes) -> None:
    """No bytes do anything but be refused."""
    with pytest.raises(InvalidRequest):
        check(data)
    with pytest.raises(InvalidRequest):
        check(struct.pack("<Q", len(data)) + data)
