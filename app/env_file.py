"""Checks the names in `.env`, and hands what other programs look for over to the environment."""

from __future__ import annotations

import difflib
import io
import os
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from app.wording.encodings import not_utf8

ENCODING = "utf-8-sig"
"""UTF-8, with the mark at its beginning that some editors put there, or without."""

# Variables of the libraries underneath, and of Docker Compose, that may stand in the same file.
_FOREIGN_PREFIXES = ("HF_", "HUGGINGFACE_", "HUGGING_FACE_", "COMPOSE_", "OTEL_", "AWS_")
HUB_NAMES = (
    *("HF_ASSETS_CACHE", "HF_DEBUG", "HF_DEVICE_CODE_OAUTH_CLIENT_ID", "HF_EDITOR", "HF_ENDPOINT"),
    *("HF_HOME", "HF_HUB_CACHE", "HF_HUB_DISABLE_EXPERIMENTAL_WARNING"),
    *("HF_HUB_DISABLE_IMPLICIT_TOKEN", "HF_HUB_DISABLE_PROGRESS_BARS"),
    *("HF_HUB_DISABLE_SHARED_BLOBS", "HF_HUB_DISABLE_SYMLINKS"),
    *("HF_HUB_DISABLE_SYMLINKS_WARNING", "HF_HUB_DISABLE_TELEMETRY"),
    *("HF_HUB_DISABLE_UPDATE_CHECK", "HF_HUB_DISABLE_XET", "HF_HUB_DOWNLOAD_TIMEOUT"),
    *("HF_HUB_ENABLE_HF_TRANSFER", "HF_HUB_ETAG_TIMEOUT", "HF_HUB_OFFLINE"),
    *("HF_HUB_USER_AGENT_ORIGIN", "HF_HUB_VERBOSITY", "HF_INFERENCE_ENDPOINT"),
    *("HF_OIDC_ID_TOKEN", "HF_OIDC_RESOURCE", "HF_STORED_TOKENS_PATH", "HF_TOKEN"),
    *("HF_TOKEN_PATH", "HF_XET_CACHE", "HF_XET_HIGH_PERFORMANCE", "HUGGINGFACE_ASSETS_CACHE"),
    *("HUGGINGFACE_CO_STAGING", "HUGGINGFACE_CO_URL_HOME", "HUGGINGFACE_CO_URL_TEMPLATE"),
    *("HUGGINGFACE_HUB_CACHE", "HUGGING_FACE_HUB_TOKEN"),
)
"""These names the client of the model hub reads; a later one may read more."""
_FILES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
_FOREIGN_NAMES = (
    *_FILES,
    *("SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "TZ"),
)
# What is as near as this to a name of the hub is a misspelt one, not one of a later version.
_MISSPELT = 0.9


class EnvFileError(Exception):
    """Says in one line what is wrong with the file."""


def check_names(env_file: Path, settings: Collection[str]) -> None:
    """Refuse a file that cannot be read or sets what nobody reads. There need not be one.

    Args:
        settings: the names of the settings, in capitals.

    Raises:
        EnvFileError: the line says what was probably meant.
    """
    if not env_file.exists():
        return
    for name in _names_in(env_file):
        upper = name.upper()
        if upper in settings or upper in HUB_NAMES:
            continue
        is_foreign = _is_foreign(name)
        known = HUB_NAMES if is_foreign else (*settings, *_FOREIGN_NAMES, *HUB_NAMES)
        close = difflib.get_close_matches(
            upper, known, n=1, cutoff=_MISSPELT if is_foreign else 0.6
        )
        if is_foreign and not close:
            continue
        hint = f"; did you mean {close[0]}?" if close else ""
        raise EnvFileError(f"{env_file} sets {name}, which is not a setting{hint}")


def export_foreign_names(env_file: Path) -> None:
    """Put the variables of other programs into the environment, unless it has them already.

    Raises:
        EnvFileError: the value of one cannot work.
    """
    for name, value in dotenv_values(env_file, encoding=ENCODING).items():
        if _is_foreign(name) and value and not os.environ.get(name.upper()):
            _check_value(name.upper(), value)
            os.environ[name.upper()] = value
    if hasattr(time, "tzset"):  # not on Windows
        time.tzset()


def _is_foreign(name: str) -> bool:
    return name.upper() in _FOREIGN_NAMES or name.upper().startswith(_FOREIGN_PREFIXES)


def _check_value(name: str, value: str) -> None:
    """Refuse what the libraries underneath would stumble over later, or pass by in silence."""
    if name in _FILES and not Path(value).exists():
        raise EnvFileError(f"{name}: there is no file {value}")
    if name == "HF_ENDPOINT" and urlsplit(value).scheme not in ("http", "https"):
        raise EnvFileError(f"{name}: must be an http:// or https:// address; it is {value!r}")


def _names_in(env_file: Path) -> Iterator[str]:
    try:
        data = env_file.read_bytes()
    except OSError as error:
        raise EnvFileError(f"{env_file} cannot be read: {error.strerror}") from error
    try:
        text = data.decode(ENCODING)
    except UnicodeDecodeError:
        raise EnvFileError(
            f"{env_file} cannot be read: it {not_utf8(data)}; save it as UTF-8"
        ) from None
    for binding in parse_stream(io.StringIO(text)):
        if binding.error:
            raise EnvFileError(f"{env_file} line {binding.original.line} is not NAME=value")
        if binding.key is not None:
            yield binding.key
