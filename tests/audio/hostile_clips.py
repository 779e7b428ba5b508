"""Makes files that try to make a decoder read what it was not given."""

from __future__ import annotations

import struct
from pathlib import Path

_CONTAINERS = (b"moov", b"trak", b"mdia", b"minf", b"dinf")


def quicktime_that_points_at(target: Path) -> bytes:
    """Strip a QuickTime file of its samples, and let it say that they lie in `target`."""
    atoms = _rewrite(target.read_bytes(), _alias(target))
    assert b"alis" in atoms
    return atoms


def _rewrite(data: bytes, alias: bytes) -> bytes:
    """Blank the samples, and put `alias` into every list of data references."""
    out = b""
    while data:
        size, kind = struct.unpack(">I4s", data[:8])
        body, data = data[8:size], data[size:]
        if kind in _CONTAINERS:
            body = _rewrite(body, alias)
        elif kind == b"dref":
            body = struct.pack(">II", 0, 1) + alias
        elif kind == b"mdat":
            body = bytes(len(body))
        out += struct.pack(">I4s", 8 + len(body), kind) + body
    return out


def _alias(target: Path) -> bytes:
    """Make a Macintosh alias record, laid out as FFmpeg's QuickTime reader takes it.

    It has names in fixed fields, then tagged texts (2 is a path, -1 the end).
    """
    path = str(target).encode()
    name = target.name.encode()
    record = bytes(10) + bytes([6]) + b"volume".ljust(27, b"\0") + bytes(12)
    record += bytes([len(name)]) + name.ljust(63, b"\0") + bytes(16)
    record += struct.pack(">hh", 1, 1) + bytes(16)
    record += struct.pack(">hH", 2, len(path)) + path + b"\0" * (len(path) % 2)
    record += struct.pack(">hH", -1, 0) + bytes(64)
    body = struct.pack(">I", 0) + record
    return struct.pack(">I4s", 8 + len(body), b"alis") + body
