"""Reads a document that is to be narrated, with its cover."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from app.documents.document import Document, ReadingOptions
from app.documents.reading import read_document
from app.jobs.cover import as_jpeg
from app.work import ThreadPool


async def read_book(
    data: bytes, filename: str, options: ReadingOptions, *, ffmpeg: Path, pool: ThreadPool
) -> tuple[Document, bytes | None]:
    """Return a document, and its cover as a JPEG if it has one that can be read.

    Raises:
        DocumentUnreadable, ReaderFailed, StorageFailed: as `read_document`.
    """
    read = partial(read_document, data, filename, options)
    document = await pool.run_cancellable(lambda cancel: read(cancel=cancel))
    if document.cover is None:
        return document, None
    make = partial(as_jpeg, document.cover.data, ffmpeg)
    return document, await pool.run_cancellable(lambda cancel: make(cancel=cancel))
