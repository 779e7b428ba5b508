"""Reads the document on standard input, in a process of its own that may be ended at any time.

Parsers are large programs that read what strangers have made. Here nothing that they do reaches
the server: neither their memory, which goes with the process, nor a loop without end.
"""

from __future__ import annotations

import json
import sys
import traceback
from base64 import b64decode, b64encode
from dataclasses import asdict
from typing import Any

from app.documents.document import Chapter, Cover, Cue, Document, ReadingOptions, Unreadable

NOT_INSTALLED_STATUS = 3
_TOO_DEEP = "is nested too deeply to be read"
_TOO_MUCH = "takes more memory to read than is allowed"


def main(filename: str, options: str) -> None:
    """Write to standard output what stands in the document, or why it is not read.

    Args:
        filename: as the caller named it.
        options: the fields of `ReadingOptions` as JSON.
    """
    sys.stdout.buffer.write(json.dumps(_answer(filename, options), ensure_ascii=False).encode())


def _answer(filename: str, options: str) -> dict[str, Any]:
    from app.documents.formats import read  # noqa: PLC0415 - the server imports this module too

    try:
        document = read(sys.stdin.buffer.read(), filename, ReadingOptions(**json.loads(options)))
    except Unreadable as error:
        return {"unreadable": str(error)}
    except RecursionError:
        return {"unreadable": _TOO_DEEP}
    except MemoryError:
        return {"unreadable": _TOO_MUCH}
    except ImportError:  # no fault of the document's
        traceback.print_exc()
        sys.exit(NOT_INSTALLED_STATUS)
    cover = document.cover
    shown = cover and {"media_type": cover.media_type, "data": b64encode(cover.data).decode()}
    return {**asdict(document), "cover": shown}


def document_in(answer: bytes) -> Document:
    """Read what `main` has written.

    Raises:
        Unreadable: the document is not read.
    """
    said = json.loads(answer)
    if "unreadable" in said:
        raise Unreadable(said["unreadable"])
    cover = said["cover"]
    return Document(
        title=said["title"],
        author=said["author"],
        language=said["language"],
        chapters=tuple(
            Chapter(each["heading"], tuple(each["paragraphs"])) for each in said["chapters"]
        ),
        cover=cover and Cover(cover["media_type"], b64decode(cover["data"])),
        cues=tuple(Cue(**each) for each in said["cues"]),
    )
