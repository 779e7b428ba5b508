"""Fetches recordings from addresses that callers name, without becoming their messenger.

A URL in a request makes this server knock on doors that its sender cannot reach. So every address
of the host must be public, the connection goes to the very address that was checked (a name may
resolve differently a moment later), every redirect passes the same checks, and size and time are
bounded. What the answer says about its own type counts for nothing: the bytes are looked at later.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import http.client
import os
import re
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import quote, unquote, urljoin, urlsplit

from app.bounds import FETCH_SECONDS, HOST_LOOKUPS
from app.errors import Field, InvalidRequest, TooLarge
from app.voices.addresses import Resolver, is_public, resolve_host
from app.work import NEVER_CANCELLED, CancelToken

MAX_REDIRECTS = 3
MAX_URL_CHARS = 2048
HUB = "https://huggingface.co"

_HUB_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
_REDIRECTS = (301, 302, 303, 307, 308)
_PIECE_BYTES = 1 << 16
_AGENT = "pocket-speech"
_LOOK_SECONDS = 0.05
"""What waits without a connection to close looks so often whether it still shall."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """Holds what was found at an address, and the name that the address gives it."""

    data: bytes = field(repr=False)
    filename: str


@dataclass(frozen=True, slots=True)
class _Target:
    """Holds the parts of a URL that was found good as far as its text goes."""

    scheme: str
    host: str
    port: int
    path: str
    """The path includes the query and is percent-encoded."""


@dataclass(frozen=True, slots=True)
class VoiceFetcher:
    """Gets the bytes behind https:// and hf:// addresses.

    Args:
        allow_http: whether plain http:// may be fetched too.
        time_limit_seconds: how long a fetch may take, redirects included.
        is_allowed, resolve, tls: tests replace these, to fetch from loopback.
    """

    max_bytes: int
    allow_http: bool = False
    time_limit_seconds: float = FETCH_SECONDS
    is_allowed: Callable[[str], bool] = is_public
    resolve: Resolver = resolve_host
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    _lookups: ThreadPoolExecutor = field(
        default_factory=partial(ThreadPoolExecutor, HOST_LOOKUPS, thread_name_prefix="lookup")
    )

    def fetch(
        self, url: str, cancel: CancelToken = NEVER_CANCELLED, *, field: Field = "url"
    ) -> Fetched:
        """Fetch the contents of `url`. Blocks.

        Args:
            cancel: ends the fetch, and its connection, when nobody waits for it.
            field: where the URL stood in the request, for errors.

        Raises:
            InvalidRequest: the address is not allowed, or gives nothing.
            TooLarge: there are more than `max_bytes`.
        """
        with _Deadline(self.time_limit_seconds) as deadline, cancel.calling(deadline.pass_now):
            try:
                return self._follow(_https_of(url), deadline)
            except (OSError, http.client.HTTPException, ValueError) as error:
                cancel.check()
                if deadline.passed:
                    reason = f"took longer than {self.time_limit_seconds:g} s"
                else:
                    reason = f"cannot be fetched: {_reason(error)}"
                raise InvalidRequest(f"{field} {reason}", field=field) from error
            except _Refused as refused:
                raise InvalidRequest(f"{field} {refused}", field=field) from None
            except _TooMuch:
                raise TooLarge(
                    f"{field} gives more than the {self.max_bytes} bytes allowed", field=field
                ) from None

    def _follow(self, url: str, deadline: _Deadline) -> Fetched:
        for _ in range(MAX_REDIRECTS + 1):
            target = self._checked(url)
            connection = self._connect(target, deadline)
            try:
                connection.request(
                    "GET",
                    target.path,
                    headers={"User-Agent": _AGENT, "Accept-Encoding": "identity"},
                )
                with contextlib.closing(connection.getresponse()) as answer:
                    if answer.status not in _REDIRECTS:
                        data = self._body(answer)
                        deadline.remaining_seconds()  # without a length, what is cut off just ends
                        return Fetched(data, _filename(target.path))
                    url = urljoin(url, answer.headers.get("Location", ""))
            finally:
                connection.close()
        raise _Refused(f"redirects more than {MAX_REDIRECTS} times")

    def _checked(self, url: str) -> _Target:
        """Refuse a URL for its text alone, or return its parts; its addresses are checked later."""
        _check_length(url)
        parts = urlsplit(url)
        allowed = ("https", "http") if self.allow_http else ("https",)
        if parts.scheme not in allowed:
            raise _Refused(f"must begin with {' or '.join(f'{each}://' for each in allowed)}")
        if not parts.hostname or parts.username is not None or parts.password is not None:
            raise _Refused("must name a host, and no user")
        path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
        query = f"?{quote(parts.query, safe='%/?:@!$&()*+,;=~-._')}" if parts.query else ""
        host = parts.hostname
        if not host.isascii():
            host = host.encode("idna").decode()
        default_port = 443 if parts.scheme == "https" else 80
        return _Target(parts.scheme, host, parts.port or default_port, path + query)

    def _connect(self, target: _Target, deadline: _Deadline) -> http.client.HTTPConnection:
        """Connect to an address that was checked, whatever the host's name means by now."""
        addresses = self._addresses_of(target, deadline)
        if not addresses or not all(map(self.is_allowed, addresses)):
            raise _Refused(f"leads to {target.host}, which is not in the public internet")
        seconds = deadline.remaining_seconds()
        plain = _first_that_answers(addresses, target.port, deadline)
        plain.settimeout(seconds)
        deadline.watch(plain)
        connection = http.client.HTTPConnection(target.host, target.port, timeout=seconds)
        connection.sock = plain
        if target.scheme == "https":
            try:
                secured = self.tls.wrap_socket(
                    plain, server_hostname=target.host, do_handshake_on_connect=False
                )
                connection.sock = secured
                deadline.watch(secured)
                secured.do_handshake()
            except BaseException:
                connection.close()
                raise
            connection.default_port = 443  # so that Host is sent without the port
        return connection

    def _addresses_of(self, target: _Target, deadline: _Deadline) -> list[str]:
        """Resolve a host. Nothing can interrupt the system's resolver, so it is left alone then."""
        asked = self._lookups.submit(self.resolve, target.host, target.port)
        try:
            while not asked.done():
                deadline.remaining_seconds()
                concurrent.futures.wait([asked], timeout=_LOOK_SECONDS)
            return asked.result()
        finally:
            asked.cancel()

    def _body(self, answer: http.client.HTTPResponse) -> bytes:
        if answer.status != 200:
            raise _Refused(f"answered with status {answer.status}")
        if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise _Refused("answered with a compressed body, which was not asked for")
        if answer.length is not None and answer.length > self.max_bytes:
            raise _TooMuch
        data = bytearray()
        while piece := answer.read(_PIECE_BYTES):
            data += piece
            if len(data) > self.max_bytes:
                raise _TooMuch
        if answer.length:
            raise http.client.IncompleteRead(b"", answer.length)
        return bytes(data)


class _Refused(Exception):
    """Says what is wrong with the URL."""


class _TooMuch(Exception):
    """Says that there are more bytes than allowed."""


class _Deadline:
    """Closes whatever is being waited for once the time is up.

    A timeout of a socket starts anew with every byte; a server that sends one now and then would
    never run into it.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._watched: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self.pass_now)
        self._timer.daemon = True
        self.passed = False

    def __enter__(self) -> _Deadline:
        self._timer.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._timer.cancel()

    def remaining_seconds(self) -> float:
        """Return how long one wait may last at most; raise TimeoutError once the time is up."""
        if self.passed:
            raise TimeoutError
        return self._seconds

    def watch(self, connection: socket.socket) -> None:
        """Close this connection too once the time is up."""
        self._watched.append(connection)
        if self.passed:
            self.pass_now()

    def pass_now(self) -> None:
        """Let the time be up; called from any thread."""
        self.passed = True
        for connection in tuple(self._watched):
            with contextlib.suppress(OSError):  # it was closed in the meantime
                connection.shutdown(socket.SHUT_RDWR)


def _check_length(url: str) -> None:
    if len(url) > MAX_URL_CHARS:
        raise _Refused(f"is longer than {MAX_URL_CHARS} characters")


def _https_of(url: str) -> str:
    """Turn hf://owner/name/path[@revision] into the hub's https address; keep other URLs."""
    url = url.strip()
    _check_length(url)
    if not url.startswith("hf://"):
        return url
    location, _, revision = url.removeprefix("hf://").partition("@")
    parts = location.split("/")
    names_fine = all(_HUB_PART.fullmatch(part) for part in parts) and len(parts) >= 3
    revision = revision or "main"
    if not names_fine or not _HUB_PART.fullmatch(revision):
        raise _Refused("must be of the form hf://owner/name/file or hf://owner/name/file@revision")
    owner, name, *path = parts
    return f"{HUB}/{owner}/{name}/resolve/{revision}/{'/'.join(path)}"


def _first_that_answers(addresses: list[str], port: int, deadline: _Deadline) -> socket.socket:
    seconds = deadline.remaining_seconds() / len(addresses)
    for address in addresses[:-1]:
        with contextlib.suppress(OSError):
            return _connected(address, port, seconds, deadline)
    return _connected(addresses[-1], port, seconds, deadline)


def _connected(address: str, port: int, seconds: float, deadline: _Deadline) -> socket.socket:
    """Open a connection; unlike `socket.create_connection` give up when the deadline passes."""
    family, kind, protocol, _, place = socket.getaddrinfo(
        address, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
    )[0]
    give_up_seconds = time.monotonic() + seconds
    with contextlib.ExitStack() as on_failure, selectors.DefaultSelector() as selector:
        connection = on_failure.enter_context(socket.socket(family, kind, protocol))
        connection.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            connection.connect(place)
        selector.register(connection, selectors.EVENT_WRITE)
        while not selector.select(_LOOK_SECONDS):
            deadline.remaining_seconds()
            if time.monotonic() > give_up_seconds:
                raise TimeoutError
        if error := connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(error, os.strerror(error))
        on_failure.pop_all()
        return connection


def _filename(path: str) -> str:
    return unquote(path.partition("?")[0]).rsplit("/", 1)[-1][:100] or "recording"


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid ({error.verify_message})"
    if isinstance(error, socket.gaierror):
        return "its host is not known"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return str(error) or type(error).__name__
