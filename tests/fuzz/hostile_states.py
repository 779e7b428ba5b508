"""Makes files that look like an exported voice, and are broken or attack who reads them."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch


def states(good: bytes) -> Mapping[str, bytes]:
    """Make all the files by name.

    Args:
        good: what the server exports of a voice.
    """
    header, data = _parts(good)
    return {
        **dict(_lengths(good)),
        **dict(_headers(header, data)),
        **dict(_tensors(header, data)),
        **dict(_values(header, data)),
    }


def _parts(file: bytes) -> tuple[dict[str, Any], bytes]:
    (length,) = struct.unpack("<Q", file[:8])
    return json.loads(file[8 : 8 + length]), file[8 + length :]


def _file(header: object, data: bytes) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def _lengths(good: bytes) -> Iterator[tuple[str, bytes]]:
    for length in (0, 1, 2**31, 2**63, 2**64 - 1):
        yield f"a header of {length} bytes", struct.pack("<Q", length) + good[8:]
    yield "a state cut in its length", good[:5]
    yield "a state cut in its header", good[:100]
    yield "a state cut in its data", good[: len(good) // 2]
    yield "a state with more behind it", good + bytes(1000)


def _headers(header: dict[str, Any], data: bytes) -> Iterator[tuple[str, bytes]]:
    for name, text in (
        ("an empty header", b""),
        ("a header that is a list", b"[]"),
        ("a header that is no JSON", b"{'a': 1}"),
        ("a header of nested lists", b'{"a":' + b"[" * 9000 + b"]" * 9000 + b"}"),
        ("a header that is no text", b"\xff\xfe{}"),
        ("a header with a long number", b'{"a":' + b"9" * 5000 + b"}"),
        ("a header without voices", b'{"__metadata__": {}}'),
        (
            "a header of 30,000 tensors",
            json.dumps(dict.fromkeys(map(str, range(30_000)), 1)).encode(),
        ),
    ):
        yield name, _file(text, data)
    for name, metadata in (
        ("a list", []),
        ("of another model", {"model": "0" * 32}),
        ("half a surrogate pair", {"model": "\ud800"}),
        ("a mark of this server's", {"model": "\x02TEXT\x03"}),
        ("no text", {"model": 1}),
        ("nested", {"model": {"model": ["x"]}}),
    ):
        yield f"metadata that are {name}", _file(header | {"__metadata__": metadata}, data)


def _tensors(header: dict[str, Any], data: bytes) -> Iterator[tuple[str, bytes]]:
    cache = next(name for name in header if name.endswith("/cache"))
    offset = next(name for name in header if name.endswith("/offset"))
    shape = header[cache]["shape"]
    for name, changed in (
        ("beyond the end", {"data_offsets": [0, 2**40]}),
        ("before the beginning", {"data_offsets": [-8, 0]}),
        ("backwards", {"data_offsets": header[cache]["data_offsets"][::-1]}),
        ("in the place of another", {"data_offsets": header[offset]["data_offsets"]}),
        ("at no number", {"data_offsets": ["0", None]}),
        ("of 2^60 values", {"shape": [2**15] * 4}),
        ("of a product that overflows", {"shape": [2**32, 2**32, 1, 1, 1]}),
        ("of a shape below zero", {"shape": [-1, *shape[1:]]}),
        ("of no positions", {"shape": [*shape[:2], 0, *shape[3:]], "data_offsets": [0, 0]}),
        ("of 5000 dimensions", {"shape": [1] * 5000}),
        ("of bytes", {"dtype": "U8"}),
        ("of an unknown type", {"dtype": "F3"}),
        ("of a type that is no text", {"dtype": ["F32"]}),
    ):
        yield f"a cache {name}", _file(header | {cache: header[cache] | changed}, data)
    yield "a cache that is no object", _file(header | {cache: 1}, data)
    yield "no offset", _file({name: header[name] for name in header if name != offset}, data)
    yield "no cache", _file({name: header[name] for name in header if name != cache}, data)
    yield "one tensor more", _file(header | {"x/cache": header[cache]}, data)
    pickled = io.BytesIO()
    torch.save({"a": torch.zeros(1)}, pickled)
    yield "a pickled state", pickled.getvalue()
    yield "a pickle of a command", b"\x80\x04cposix\nsystem\n(S'true'\ntR."


def _values(header: dict[str, Any], data: bytes) -> Iterator[tuple[str, bytes]]:
    caches = [each for name, each in header.items() if name.endswith("/cache")]
    for name, value in (("NaN", np.nan), ("infinite", np.inf), ("huge", 1e38), ("below", -1e38)):
        changed = bytearray(data)
        start = caches[0]["data_offsets"][0]
        changed[start : start + 4] = struct.pack("<f", value)
        yield f"a value that is {name}", _file(header, bytes(changed))
    offsets = [each for name, each in header.items() if name.endswith("/offset")]
    for number in (0, -1, 2**31, 2**63 - 1, -(2**63)):
        changed = bytearray(data)
        for each in offsets:
            start = each["data_offsets"][0]
            changed[start : start + 8] = struct.pack("<q", number)
        yield f"an end at {number}", _file(header, bytes(changed))
