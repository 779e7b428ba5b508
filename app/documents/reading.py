"""Reads documents without trusting them: each in a child process with limits."""

from __future__ import annotations

import json
import logging
import sys
from dataclasses import asdict
from pathlib import Path

from app.bounds import COVER_BYTES, DOCUMENT_CHARACTERS, PARSER, ChildLimits
from app.child_limits import ChildOutcome, run_limited
from app.documents.child import NOT_INSTALLED_STATUS, document_in
from app.documents.document import READABLE, Document, ReadingOptions, Unreadable
from app.errors import DocumentUnreadable, Parameter, ReaderFailed, shortened
from app.files import scratch_file
from app.work import NEVER_CANCELLED, CancelToken

logger = logging.getLogger(__name__)

_ROOT = Path(__file__).parent.parent.parent
# The folder that the server was started in is kept out of what is imported, and no file is written.
_PYTHON = (sys.executable, "-P", "-B", "-c")
_CODE = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from app.documents.child import main; main(*sys.argv[2:])"
)
# Characters take four bytes at most in UTF-8, pictures four for three, names and quotes the rest.
_MAX_ANSWER_BYTES = 5 * DOCUMENT_CHARACTERS + 2 * COVER_BYTES
_FILENAME_CHARACTERS = 100
_NOTHING = ReadingOptions()


def read_document(
    data: bytes,
    filename: str,
    options: ReadingOptions = _NOTHING,
    *,
    cancel: CancelToken = NEVER_CANCELLED,
    limits: ChildLimits = PARSER,
) -> Document:
    """Read a document of any kind that is known. Blocks, for some tenths of a second at least.

    Args:
        filename: tells the kind where the contents do not; it may be empty.
        cancel: ends the reading, and its process, when nobody waits for it.

    Raises:
        DocumentUnreadable: it is empty, of no kind that is known, damaged, encrypted, too large,
            or takes too long.
        ReaderFailed: the process does not start, or somebody has ended it.
        StorageFailed: the disk has no room for it.
    """
    field = Parameter.DOCUMENT
    if not data:
        raise DocumentUnreadable(f"{field} is empty; send {READABLE}")
    command = [*_PYTHON, _CODE, str(_ROOT)]
    name = filename.replace("\0", "")[-_FILENAME_CHARACTERS:].encode("utf-8", "replace").decode()
    command += [name, json.dumps(asdict(options))]
    with scratch_file() as file:
        file.write(data)
        file.flush()
        file.seek(0)
        try:
            outcome = run_limited(
                command, limits, stdin=file, max_bytes=_MAX_ANSWER_BYTES, cancel=cancel
            )
        except OSError as error:
            logger.exception("no process for reading a document starts")
            raise ReaderFailed("this server cannot read documents now; its log says why") from error
    _check_end(outcome)
    try:
        return document_in(outcome.data)
    except Unreadable as error:
        raise DocumentUnreadable(f"{field} {shortened(str(error), 300)}") from None


def _check_end(outcome: ChildOutcome) -> None:
    field = Parameter.DOCUMENT
    if outcome.timed_out:
        raise DocumentUnreadable(f"{field} takes too long to read; send it in smaller parts")
    said = outcome.messages.strip()
    if outcome.was_killed or outcome.exit_status == NOT_INSTALLED_STATUS:
        logger.error("a reader of documents ended with status %s: %s", outcome.exit_status, said)
        raise ReaderFailed("the reader broke while the document was read")
    if outcome.exit_status != 0 or len(outcome.data) >= _MAX_ANSWER_BYTES:
        # Parsers stumble over damage in many ways; so do those of what was made to break them.
        logger.warning("a document cannot be read: %s", said)
        raise DocumentUnreadable(f"{field} cannot be read: it is damaged")
