"""Makes short-lived tokens, so that no key has to stand in a web page.

A token names its caller, its caller's key, what it may do and when it ends, and is signed. It ends
with the key at the latest. It is checked without a store. It is good on the server that made it,
and on others that have the same secret.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Collection
from dataclasses import replace

from app.callers.caller import Caller, Scope
from app.callers.keyring import Keyring
from app.errors import Unauthorized, WrongKey

TOKEN_PREFIX = "pst_"  # noqa: S105 - it is no secret
_MARK_CHARACTERS = 22
_REVOKED = "the key that made this token was revoked"


class Tokens:
    """Makes and reads tokens.

    Args:
        secret: signs them; whoever knows it can make them.
    """

    def __init__(self, keyring: Keyring, secret: bytes) -> None:
        self._keyring = keyring
        self._secret = hashlib.sha256(b"token\n" + secret).digest()

    def make(self, caller: Caller, scopes: Collection[Scope], ends_seconds: int) -> str:
        """Return a token with which others may do what a caller may do, up to a Unix time.

        Raises:
            Unauthorized: the caller's key was revoked meanwhile.
        """
        entry = self._keyring.entry(caller.name)
        if entry is None:
            raise Unauthorized(_REVOKED)
        content = {
            "caller": caller.name,
            "key": self._mark_of(entry[0]),
            "scopes": sorted(set(scopes)),
            "ends": ends_seconds,
        }
        payload = _encoded(json.dumps(content, separators=(",", ":")).encode())
        return f"{TOKEN_PREFIX}{payload}.{self._signature(payload)}"

    def caller(self, token: str) -> Caller:
        """Return who made a token, with no more scopes than the token has.

        Raises:
            WrongKey: it was not made here.
            Unauthorized: it has ended, or its maker has another key now, or none.
        """
        payload, _, signature = token.removeprefix(TOKEN_PREFIX).partition(".")
        expected = self._signature(payload)
        if not hmac.compare_digest(signature.encode(errors="surrogatepass"), expected.encode()):
            raise WrongKey("the token is wrong")
        content = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        if content["ends"] <= time.time():
            raise Unauthorized("the token has ended; get a new one")
        entry = self._keyring.entry(content["caller"])
        if entry is None or content.get("key") != self._mark_of(entry[0]):
            raise Unauthorized(_REVOKED)
        maker = entry[1]
        allowed = frozenset(scope for scope in content["scopes"] if maker.may(scope))
        for_operator = maker.may("admin")
        return replace(maker, scopes=allowed, by_token=True, for_operator=for_operator)

    def _mark_of(self, key_hash: str) -> str:
        """Return what stands for a key in its tokens, and tells nothing of it."""
        return self._signature(f"key\n{key_hash}")[:_MARK_CHARACTERS]

    def _signature(self, payload: str) -> str:
        signed = payload.encode(errors="surrogatepass")
        return _encoded(hmac.new(self._secret, signed, hashlib.sha256).digest())


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
