"""Checks the certificate that the server is to show, before anything else is started."""

from __future__ import annotations

import ssl
from pathlib import Path

from app.settings import Settings, SettingsError


def check_certificate(settings: Settings) -> None:
    """Check SSL_CERTFILE and SSL_KEYFILE, where they are set.

    Raises:
        SettingsError: they cannot be used; the message is one line.
    """
    certificate, key = settings.ssl_certfile, settings.ssl_keyfile
    if certificate is None:
        if key is not None:
            raise SettingsError("SSL_KEYFILE is set without SSL_CERTFILE")
        return
    for name, path in (("SSL_CERTFILE", certificate), ("SSL_KEYFILE", key)):
        _check_readable(name, path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # Without a password of some kind OpenSSL would ask for it at the terminal.
        context.load_cert_chain(certificate, key, password="")
    except ssl.SSLError as error:
        what = "the key in it" if key is None else f"SSL_KEYFILE {key}"
        raise SettingsError(
            f"SSL_CERTFILE: {certificate} and {what} cannot be used together: {error.reason}; both "
            "must be PEM, the key without a passphrase"
        ) from None


def _check_readable(name: str, path: Path | None) -> None:
    try:
        if path is not None:
            path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{name}: {path} cannot be read: {error.strerror}") from None
