"""Writes server-sent events as OpenAI's and Mistral's clients read them."""

from __future__ import annotations

import json


def event(kind: str, **fields: object) -> bytes:
    """Write an event whose name is its type."""
    data = json.dumps({"type": kind, **fields}, separators=(",", ":"))
    return f"event: {kind}\ndata: {data}\n\n".encode()
