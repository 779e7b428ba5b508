"""Keeps objects under an address such as s3://bucket/folder. Only this module knows obstore."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from app.errors import StoreUnreachable
from app.files import partial_file
from app.seldom import Seldom

if TYPE_CHECKING:
    from obstore import Attributes, GetOptions
    from obstore.store import ClientConfig, RetryConfig, S3Store

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 2
ANSWER_SECONDS = 60
"""One object may take so long to come or go."""
RETRY_SECONDS = 4
"""What fails is tried again for so long; then whoever waits is told."""
RETRY_AFTER_SECONDS = 5.0
_LISTED_AT_ONCE = 1000
_CLOCK = ".clock"
_WHOLE_BYTES = 8 << 20
"""A smaller object is put in one request, from memory, which alone may be refused where one is
there; a larger one is put in parts."""
_PARTS_AT_ONCE = 2


class ObjectChanged(Exception):
    """Says that an object is not, or no longer, what the writer took it for."""


class StoredObject(NamedTuple):
    """Describes an object; `modified_seconds` is Unix time by the clock of the store."""

    key: str
    size_bytes: int
    modified_seconds: float


@dataclass(frozen=True, slots=True)
class Version:
    """Holds an object as it was, and the tag by which a change of it is noticed."""

    data: bytes
    tag: str | None


class Bucket:
    """Keeps objects by keys. Blocks; safe to use from any thread.

    All methods raise StoreUnreachable where the store does not answer or refuses. Keys and the
    region come from the variables that AWS's own tools read, such as AWS_ACCESS_KEY_ID and
    AWS_ENDPOINT_URL.

    Args:
        url: such as `s3://bucket/folder`.

    Raises:
        ValueError: it is no such address, or a variable has a value that cannot be.
    """

    def __init__(self, url: str) -> None:
        # Few servers have such a store, and its client takes time and memory.
        from obstore.exceptions import BaseError  # noqa: PLC0415
        from obstore.store import S3Store  # noqa: PLC0415

        self.url = url.rstrip("/")
        self._unreachable = Seldom()
        endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
        client: ClientConfig = {
            "connect_timeout": timedelta(seconds=CONNECT_SECONDS),
            "timeout": timedelta(seconds=ANSWER_SECONDS),
            "allow_http": endpoint.startswith("http://"),
        }
        retry: RetryConfig = {"max_retries": 3, "retry_timeout": timedelta(seconds=RETRY_SECONDS)}
        try:
            self._store: S3Store = S3Store.from_url(
                self.url, client_options=client, retry_config=retry
            )
        except BaseError as error:
            raise ValueError(in_words(error)) from error

    def check(self) -> None:
        """Ask whether the bucket is there and can be written; raises StoreUnreachable."""
        self.now_seconds()

    def add(self, key: str, file: IO[bytes], *, media_type: str | None = None) -> None:
        """Put a new object, read from the beginning of a file.

        Args:
            media_type: the Content-Type under which a `link` gives it out.

        Raises:
            FileExistsError: there is one of that key.
        """
        import obstore  # noqa: PLC0415
        from obstore.exceptions import AlreadyExistsError, PreconditionError  # noqa: PLC0415

        size_bytes = file.seek(0, os.SEEK_END)
        file.seek(0)
        attributes: Attributes | None = {"Content-Type": media_type} if media_type else None
        if size_bytes >= _WHOLE_BYTES:
            self._require_new(key)
            with self._answering(key, writing=True):
                obstore.put(
                    self._store, key, file, attributes=attributes, max_concurrency=_PARTS_AT_ONCE
                )
            return
        data = file.read()
        try:
            with self._answering(key, writing=True):
                obstore.put(
                    self._store,
                    key,
                    data,
                    mode="create",
                    use_multipart=False,
                    attributes=attributes,
                )
        except (AlreadyExistsError, PreconditionError):
            found = self.read(key)
            # It may have been put just now, and the answer was lost.
            if found is None or found.data != data:
                raise FileExistsError(f"{key} is there already") from None

    def put(self, key: str, data: bytes | Path) -> None:
        """Put an object in the place of whatever is there."""
        import obstore  # noqa: PLC0415

        with self._answering(key, writing=True):
            obstore.put(self._store, key, data, max_concurrency=_PARTS_AT_ONCE)

    def _require_new(self, key: str) -> None:
        with suppress(FileNotFoundError):
            self.look(key)
            raise FileExistsError(f"{key} is there already")

    def replace(self, key: str, data: bytes, tag: str | None) -> str | None:
        """Change an object that is still the one of a tag; None is for one that is not there.

        Returns:
            The tag of what is there now.

        Raises:
            ObjectChanged: somebody else was quicker.
        """
        import obstore  # noqa: PLC0415
        from obstore.exceptions import AlreadyExistsError, PreconditionError  # noqa: PLC0415

        try:
            with self._answering(key, writing=tag is None):
                mode = "create" if tag is None else {"e_tag": tag}
                made = obstore.put(self._store, key, data, mode=mode, use_multipart=False)  # type: ignore[arg-type]
        except (AlreadyExistsError, PreconditionError, FileNotFoundError):
            raise ObjectChanged(key) from None
        return made["e_tag"]

    def read(self, key: str, *, known: Version | None = None) -> Version | None:
        """Return an object; None if there is none.

        Args:
            known: is returned if the object is still that one, which costs little.
        """
        import obstore  # noqa: PLC0415
        from obstore.exceptions import NotModifiedError  # noqa: PLC0415

        options: GetOptions = {}
        if known is not None and known.tag is not None:
            options["if_none_match"] = known.tag
        try:
            with self._answering(key):
                found = obstore.get(self._store, key, options=options)
                return Version(bytes(found.bytes()), found.meta["e_tag"])
        except NotModifiedError:
            return known
        except FileNotFoundError:
            return None

    def fetch(self, key: str, path: Path) -> None:
        """Write an object into a file, which appears whole and as old as the object is.

        Raises:
            FileNotFoundError: there is no such object.
            OSError: the disk refuses.
        """
        import obstore  # noqa: PLC0415

        path.parent.mkdir(parents=True, exist_ok=True)
        with partial_file(path) as partial, partial.open("wb") as file:
            with self._answering(key):
                found = obstore.get(self._store, key)
                for piece in found.stream():
                    file.write(piece)
                seconds = found.meta["last_modified"].timestamp()
            file.flush()
            os.utime(partial, (seconds, seconds))

    def look(self, key: str) -> StoredObject:
        """Describe an object; raises FileNotFoundError where there is none."""
        import obstore  # noqa: PLC0415

        with self._answering(key):
            found = obstore.head(self._store, key)
        return StoredObject(key, found["size"], found["last_modified"].timestamp())

    def objects(self, prefix: str = "", *, after: str | None = None) -> Iterator[StoredObject]:
        """List the objects whose keys begin with whole parts of a path, in the order of their keys.

        Args:
            after: begins behind this key, whether or not it is there.
        """
        import obstore  # noqa: PLC0415

        with self._answering(prefix):
            found = obstore.list(
                self._store, prefix or None, offset=after, chunk_size=_LISTED_AT_ONCE
            )
            for some in found:
                for each in some:
                    if each["path"] != _CLOCK:
                        yield StoredObject(
                            each["path"], each["size"], each["last_modified"].timestamp()
                        )

    def folders(self) -> list[str]:
        """List the first parts of the keys that have several."""
        import obstore  # noqa: PLC0415

        with self._answering(""):
            return [
                str(each) for each in obstore.list_with_delimiter(self._store)["common_prefixes"]
            ]

    def remove(self, *keys: str) -> None:
        """Remove objects; those that are not there are none of its business."""
        import obstore  # noqa: PLC0415

        for start in range(0, len(keys), _LISTED_AT_ONCE):
            with self._answering(keys[start]):
                obstore.delete(self._store, keys[start : start + _LISTED_AT_ONCE])

    def link(self, key: str, seconds: float) -> str:
        """Return an address from which anybody can fetch an object for so long."""
        import obstore  # noqa: PLC0415

        with self._answering(key):
            return obstore.sign(self._store, "GET", key, timedelta(seconds=seconds))

    def now_seconds(self) -> float:
        """Tell the time by the clock of the store, which all servers have in common."""
        self.put(_CLOCK, b"")
        return self.look(_CLOCK).modified_seconds

    @contextmanager
    def _answering(self, key: str, *, writing: bool = False) -> Iterator[None]:
        """Tell of what the store answers, or does not.

        Args:
            writing: where something new is put that is not found, it is the bucket that is missing.
        """
        from obstore.exceptions import (  # noqa: PLC0415
            AlreadyExistsError,
            BaseError,
            NotModifiedError,
            PreconditionError,
        )

        try:
            yield
        except (AlreadyExistsError, NotModifiedError, PreconditionError):
            raise
        except (BaseError, FileNotFoundError) as error:
            if isinstance(error, FileNotFoundError) and not writing:
                self._answered()
                raise
            self._say_unreachable(key, error)
            raise StoreUnreachable(
                "the store of this server cannot be reached at present",
                retry_after_seconds=RETRY_AFTER_SECONDS,
            ) from error
        self._answered()

    def _answered(self) -> None:
        if self._unreachable.is_over():
            logger.info("%s answers again", self.url)

    def _say_unreachable(self, key: str, error: Exception) -> None:
        if self._unreachable.is_due():
            logger.error("%s cannot be used for %s: %s", self.url, key, in_words(error))


def in_words(error: BaseException) -> str:
    """Return the first line of what obstore says, which goes on for pages."""
    return str(error).strip().partition("\n")[0][:300]
