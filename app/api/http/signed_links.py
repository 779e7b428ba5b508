"""Signs the addresses of saved audio, so that they end, and cannot be made by anybody else."""

from __future__ import annotations

import hashlib
import hmac
import time
from urllib.parse import urlencode

from app.errors import Forbidden
from app.settings import Settings

_MAX_DIGITS = 12


def link_query(filename: str, settings: Settings) -> str:
    """Return the query of a link to a file, with its "?"; nothing where links are not signed."""
    if settings.url_signing_secret is None:
        return ""
    expires = str(int(time.time() + settings.url_lifetime_hours * 3600))
    query = {"expires": expires, "signature": _signature(filename, expires, settings)}
    return f"?{urlencode(query)}"


def check_link(filename: str, expires: str, signature: str, settings: Settings) -> int:
    """Return for how many seconds more a link is good.

    Raises:
        Forbidden: it is not signed, not by this server or not for this file, or it has ended.
    """
    if not expires or not signature:
        raise Forbidden("this audio needs a signed link: fetch it by the URL that was given for it")
    # The signature covers the text, so that no other spelling of a number passes.
    expected = _signature(filename, expires, settings)
    if not hmac.compare_digest(signature.encode(errors="surrogatepass"), expected.encode()):
        raise Forbidden("the signature of this link is wrong")
    left_seconds = int(expires[:_MAX_DIGITS]) - int(time.time())
    if left_seconds < 0:
        raise Forbidden("this link has ended; ask for the speech again to get a new one")
    return left_seconds


def _signature(filename: str, expires: str, settings: Settings) -> str:
    assert settings.url_signing_secret is not None
    secret = settings.url_signing_secret.get_secret_value().encode()
    signed = f"{filename}\n{expires}".encode(errors="surrogatepass")
    return hmac.new(secret, signed, hashlib.sha256).hexdigest()
