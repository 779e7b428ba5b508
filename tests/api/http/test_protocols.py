"""What `app/api/http/protocols.py` extends in uvicorn is there, under those names.

The behaviour is tested in `tests/floods`, over real connections. This says first what a new version
of uvicorn has renamed.
"""

from __future__ import annotations

import inspect
from types import FunctionType

import pytest
from uvicorn.protocols.http import httptools_impl
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import Protocol as WebSocketConnection

from app.api.http.protocols import HttpProtocol, SocketProtocol

OURS = {"owed_bytes", "_refuse", "_key_seen"}


@pytest.mark.parametrize(
    ("protocol", "theirs"),
    [(HttpProtocol, httptools_impl.HttpToolsProtocol), (SocketProtocol, WebSocketsSansIOProtocol)],
)
def test_extended_methods(protocol: type, theirs: type) -> None:
    """Each method that is extended exists, and takes the same arguments."""
    extended = {name for name, value in vars(protocol).items() if isinstance(value, FunctionType)}
    for name in extended - OURS:
        original = inspect.signature(getattr(theirs, name))
        assert list(inspect.signature(getattr(protocol, name)).parameters) == list(
            original.parameters
        ), name


@pytest.mark.parametrize(
    ("owner", "words"),
    [
        (httptools_impl.HttpToolsProtocol, ("self.pipeline", "self.cycle", "self.flow")),
        (
            httptools_impl.RequestResponseCycle,
            (
                "self.more_body",
                "self.response_complete",
                "self.response_started",
                "self.keep_alive",
            ),
        ),
        (WebSocketsSansIOProtocol, ("self.frames", "self.close_sent", "self.conn", "self.scope")),
        (WebSocketConnection, ("self.parser_exc", "self.state", "def fail")),
    ],
)
def test_attributes(owner: type, words: tuple[str, ...]) -> None:
    """So does each attribute that is looked at."""
    source = inspect.getsource(owner)
    assert [word for word in words if word not in source] == []
