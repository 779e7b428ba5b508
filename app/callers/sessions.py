"""Remembers who has shown a key in a browser, without keeping the key there.

What the browser keeps names the caller and an end, and is signed with a secret of this server and
the hash of the caller's key: it ends when the key is changed or revoked, and outlives a restart.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import secrets
import time
from pathlib import Path

from app.callers.caller import Caller
from app.callers.keyring import Keyring
from app.errors import Unauthorized
from app.files import changing, write_whole

logger = logging.getLogger(__name__)

SESSION_SECONDS = 30 * 86_400
_SECRET_BYTES = 32
_ENDED = "the session has ended; enter the key again"


class Sessions:
    """Begins and recognises sessions.

    Args:
        secret_file: where the secret is kept that signs them. Servers that share it, such as the
            workers of one, share their sessions.
        shared_secret: signs them in its place, on servers that share no disk.
    """

    def __init__(
        self, keyring: Keyring, secret_file: Path, shared_secret: bytes | None = None
    ) -> None:
        self._keyring = keyring
        self._file = secret_file
        self._secret: bytes | None = None
        if shared_secret is not None:
            self._secret = hashlib.sha256(b"session\n" + shared_secret).digest()

    def begin(self, caller: Caller) -> str:
        """Return what stands for a caller's key in a browser. Blocks the first time.

        Raises:
            Unauthorized: the caller's key was revoked meanwhile.
        """
        if self._secret is None:
            self._secret = self._kept() or self._made()
        content = {"caller": caller.name, "ends": int(time.time()) + SESSION_SECONDS}
        payload = _encoded(json.dumps(content, separators=(",", ":")).encode())
        entry = self._keyring.entry(caller.name)
        if entry is None:
            raise Unauthorized(_ENDED)
        return f"{payload}.{self._signature(self._secret, payload, entry[0])}"

    def caller(self, session: str) -> Caller:
        """Return whose session it is.

        Raises:
            Unauthorized: it was not begun here, has ended, or the key is another one now.
        """
        payload, _, signature = session.partition(".")
        if self._secret is None:
            self._secret = self._kept()
        try:
            content = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
            name, ends_seconds = str(content["caller"]), float(content["ends"])
        except (ValueError, KeyError, TypeError):
            raise Unauthorized(_ENDED) from None
        entry = self._keyring.entry(name)
        if self._secret is None or entry is None:
            raise Unauthorized(_ENDED)
        expected = self._signature(self._secret, payload, entry[0])
        if not hmac.compare_digest(expected.encode(), signature.encode(errors="surrogatepass")):
            raise Unauthorized(_ENDED)
        if ends_seconds <= time.time():
            raise Unauthorized(_ENDED)
        return entry[1]

    @staticmethod
    def _signature(secret: bytes, payload: str, key_hash: str) -> str:
        signed = f"session\n{key_hash}\n{payload}".encode()
        return _encoded(hmac.new(secret, signed, hashlib.sha256).digest())

    def _kept(self) -> bytes | None:
        """Read the secret; None if there is none that can be used."""
        try:
            secret = self._file.read_bytes()
        except OSError:
            return None
        return secret if len(secret) == _SECRET_BYTES else None

    def _made(self) -> bytes:
        """Make the secret, unless another worker has; where none can be kept, until the end."""
        secret = secrets.token_bytes(_SECRET_BYTES)
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with changing(self._file):
                if kept := self._kept():
                    return kept
                write_whole(self._file, secret, mode=0o600)
        except OSError as error:
            logger.warning("%s is not kept, so sessions end with the server: %s", self._file, error)
        return secret


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
