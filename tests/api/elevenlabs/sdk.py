"""ElevenLabs' own SDK, pointed at a server of the tests."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from elevenlabs import ElevenLabs
from elevenlabs.core import ApiError

from tests.serving import KEY, Served

TEXT = "Hello there, this is a short test."
ONCE: Any = {"max_retries": 0}
"""`request_options` with which the SDK does not try again"""


def sdk_for(served: Served, *, prefix: str = "", key: str | None = KEY) -> ElevenLabs:
    """A client at a server's plain paths, or below a prefix."""
    connections = httpx.Client(
        timeout=30,
        trust_env=False,
        # The SDK cannot be closed, so no connection may be left over.
        limits=httpx.Limits(max_keepalive_connections=0),
    )
    sdk = ElevenLabs(api_key=key, base_url=served.url + prefix, httpx_client=connections)
    # Whatever it is told, it speaks TLS on sockets, which a proxy would take away.
    sdk.text_to_speech._ws_base_url = served.url + prefix
    return sdk


def detail_of(caught: pytest.ExceptionInfo[ApiError], status: int) -> dict[str, str]:
    """What the SDK's exception says; it must have the exact shape of ElevenLabs' errors."""
    error = caught.value
    assert error.status_code == status, error.body
    assert set(error.body) == {"detail"}
    detail: dict[str, str] = error.body["detail"]
    assert set(detail) == {"status", "message"}
    assert error.headers is not None
    assert error.headers["x-request-id"]
    return detail
