"""Opens the stores that settings name."""

from __future__ import annotations

from app.errors import StoreUnreachable
from app.settings import SettingsError
from app.stores.bucket import Bucket, in_words


def open_bucket(setting: str, url: str) -> Bucket:
    """Return a store that answers, and in which something can be written.

    Args:
        setting: the name of the setting, for the message.

    Raises:
        SettingsError: it cannot be used; its log says why.
    """
    try:
        bucket = Bucket(url)
        bucket.check()
    except ImportError as error:
        raise SettingsError(f"{setting}: {error.name} is not installed; `make setup`") from error
    except ValueError as error:
        raise SettingsError(f"{setting}: {url} cannot be used: {error}") from error
    except StoreUnreachable as error:
        reason = in_words(error.__cause__ or error)
        raise SettingsError(f"{setting}: {url} cannot be used: {reason}") from error
    return bucket
