"""Teaches Schemathesis to write MessagePack."""

from __future__ import annotations

from typing import Any

import msgpack
import schemathesis


@schemathesis.serializer("application/msgpack")
def as_msgpack(_context: object, value: Any) -> bytes:
    data: bytes = msgpack.packb(value, default=str, unicode_errors="surrogatepass")
    return data
