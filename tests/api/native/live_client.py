"""A client of /ws/tts, which holds every message to docs/asyncapi.yaml."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.serving import KEY, Served

PAGE = Path(__file__).parents[3] / "docs" / "asyncapi.yaml"
PATIENCE_SECONDS = 30.0


def documented(action: str) -> dict[str, jsonschema_rs.Validator]:
    """A validator for each message that the server receives or sends, by its type."""
    document = yaml.safe_load(PAGE.read_text("utf-8"))
    (operation,) = (each for each in document["operations"].values() if each["action"] == action)
    names = [each["$ref"].rpartition("/")[2] for each in operation["messages"]]
    schemas = document["components"]["schemas"]
    return {
        schemas[name]["properties"]["type"]["const"]: jsonschema_rs.validator_for(
            {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        )
        for name in names
        if name != "Sound"
    }


TAKEN, TOLD = documented("receive"), documented("send")


@dataclass
class Told:
    """What came for one context: its sound, and all messages but heads in order."""

    sound: bytes = b""
    messages: list[dict[str, Any]] = field(default_factory=list)

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [each for each in self.messages if each["type"] == kind]

    @property
    def seconds(self) -> float:
        """How long the sound is, as PCM."""
        return len(self.sound) / 48000


class LiveClient:
    """Sends messages that the page allows, and takes only such as it describes."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.told: dict[str | None, Told] = {}
        self.heads: list[tuple[str, int]] = []

    def say(self, kind: str, context: str = "default", **fields: Any) -> None:
        message = {"type": kind, "context": context, **fields}
        TAKEN[kind].validate(message)
        self.socket.send(json.dumps(message))

    def receive(self, timeout: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """The next message; the sound that follows a head is kept."""
        message: dict[str, Any] = json.loads(self.socket.recv(timeout=timeout))
        TOLD[message["type"]].validate(message)
        told = self.told.setdefault(message["context"], Told())
        if message["type"] == "audio":
            # Nothing may come between the two.
            sound = self.socket.recv(timeout=timeout)
            assert isinstance(sound, bytes)
            assert len(sound) == message["bytes"]
            told.sound += sound
            self.heads.append((message["context"], len(sound)))
        else:
            told.messages.append(message)
        return message

    def until(self, kind: str, context: str = "default") -> Told:
        """What came for a context up to a message of this kind."""
        while True:
            message = self.receive()
            if (message["type"], message["context"]) == (kind, context):
                return self.told[context]

    def until_closed(self) -> tuple[int, str]:
        """The code and the reason of the end, once everything before it was taken."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                self.receive()
        assert self.socket.close_code is not None
        return self.socket.close_code, self.socket.close_reason or ""


@contextlib.contextmanager
def live_client(served: Served, *, key: str | None = KEY, query: str = "") -> Iterator[LiveClient]:
    url = f"{served.url.replace('http', 'ws')}/ws/tts{query}"
    headers = {"X-API-Key": key} if key else {}
    with connect(url, additional_headers=headers, proxy=None, max_size=None) as socket:
        yield LiveClient(socket)
