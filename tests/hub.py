"""A model hub on loopback, for the real client of the hub, that misbehaves as tests want it to.

It knows what the client asks of the real one: resolve addresses with ETag, X-Repo-Commit and Range,
listings of folders, a licence gate, and files that are not there.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

PIECE_BYTES = 16 * 1024
_RESOLVE = re.compile(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)")
_TREE = re.compile(r"/api/models/([^/]+/[^/]+)/tree/([^/]+)/(.+)")


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    repository: str
    name: str
    range: str | None


@dataclass
class Hub:
    """What the hub has, and how it behaves.

    Attributes:
        files: contents by repository and name.
        commits: what `main` of a repository is; a commit that is asked for itself is always there.
        gated: repositories whose terms nobody has accepted but who sends one of `tokens`.
        breaks: how many downloads of a file still break off, each after its first piece.
        reset: whether a connection breaks off as if the network had failed, not with an end.
        piece_seconds: how long each piece takes.
        is_hub: False for something else that answers at the same address.
    """

    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    commits: dict[str, str] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    tokens: set[str] = field(default_factory=set)
    breaks: dict[str, int] = field(default_factory=dict)
    reset: bool = False
    piece_seconds: float = 0.0
    is_hub: bool = True
    asked: list[Asked] = field(default_factory=list)
    _server: ThreadingHTTPServer | None = None
    _port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def downloads(self) -> list[str]:
        """Names of the files that were fetched, one for each request."""
        return [each.name for each in self.asked if each.method == "GET"]

    def put(self, address: str, data: bytes) -> None:
        """Store the file of an hf:// address; its revision counts for nothing."""
        owner, name, file = address.removeprefix("hf://").partition("@")[0].split("/", 2)
        repository = f"{owner}/{name}"
        self.files.setdefault(repository, {})[file] = data
        self.commits[repository] = hashlib.sha1(data + repository.encode()).hexdigest()

    def come(self) -> None:
        """Listen, at the same port as before if there was one."""
        hub = self

        class Handler(_Handler):
            pass

        Handler.hub = hub
        self._server = _Server(("127.0.0.1", self._port), Handler)
        self._port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def leave(self) -> None:
        """Refuse connections."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


@contextlib.contextmanager
def hub_on_loopback() -> Iterator[Hub]:
    """A hub that has nothing yet."""
    hub = Hub()
    hub.come()
    try:
        yield hub
    finally:
        hub.leave()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"
    headers: Message

    def log_message(self, *_args: object) -> None:
        """Leave the tests' output alone."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)  # whole addresses come through a proxy
        if not self.hub.is_hub:
            self._send(200, b"<html>Please log in</html>", {})
        elif found := _RESOLVE.fullmatch(path):
            self._resolve(*found.groups())
        elif found := _TREE.fullmatch(path):
            self._list(*found.groups())
        else:
            self._refuse(404, "RepoNotFound")

    def _resolve(self, repository: str, revision: str, name: str) -> None:
        hub = self.hub
        wanted = self.headers["Range"]
        hub.asked.append(Asked(str(self.command), repository, name, wanted))
        if repository not in hub.files:
            self._refuse(404, "RepoNotFound")
        elif repository in hub.gated and not self._has_token():
            self._refuse(401, "GatedRepo")
        elif (data := hub.files[repository].get(name)) is None:
            self._refuse(404, "EntryNotFound", self._commit(repository, revision))
        else:
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
            headers = {
                "ETag": f'"{_etag(name, data)}"',
                "X-Repo-Commit": self._commit(repository, revision),
                "Accept-Ranges": "bytes",
            }
            if wanted:
                headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
            self._send(206 if wanted else 200, data[start:], headers, name)

    def _list(self, repository: str, _revision: str, folder: str) -> None:
        inside = [
            {"type": "file", "path": name, "size": len(data), "oid": _etag(name, data)}
            for name, data in self.hub.files.get(repository, {}).items()
            if str(PurePosixPath(name).parent) == folder
        ]
        body = json.dumps(inside).encode()
        self._send(200, body, {"Content-Type": "application/json"})

    def _commit(self, repository: str, revision: str) -> str:
        return revision if len(revision) == 40 else self.hub.commits[repository]

    def _has_token(self) -> bool:
        return (self.headers["Authorization"] or "").removeprefix("Bearer ") in self.hub.tokens

    def _refuse(self, status: int, code: str, commit: str | None = None) -> None:
        headers = {"X-Error-Code": code, "X-Error-Message": "no"}
        self._send(status, b"", headers | ({"X-Repo-Commit": commit} if commit else {}))

    def _send(self, status: int, body: bytes, headers: dict[str, str], name: str = "") -> None:
        self.send_response(status)
        always = {"Content-Length": str(len(body)), "Connection": "close"}
        for key, value in (headers | always).items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        for at in range(0, len(body), PIECE_BYTES):
            if at and self.hub.breaks.get(name, 0) > 0:
                self.hub.breaks[name] -= 1
                self._break_off()
                return
            time.sleep(self.hub.piece_seconds)
            with contextlib.suppress(OSError):  # the client may have left
                self.wfile.write(body[at : at + PIECE_BYTES])

    def _break_off(self) -> None:
        self.wfile.flush()
        if self.hub.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        self.close_connection = True


def _etag(name: str, data: bytes) -> str:
    """As the real hub names large files and small ones."""
    if name.endswith(".safetensors"):
        return hashlib.sha256(data).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
