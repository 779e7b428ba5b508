"""Reads files of pronunciations from requests."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from fastapi import UploadFile

from app.bounds import DICTIONARY_BYTES
from app.errors import InvalidRequest, TooLarge
from app.lexicon import Pronunciation
from app.pronunciations.formats import read_file
from app.services import Services


async def pronunciations_in(services: Services, upload: UploadFile) -> Sequence[Pronunciation]:
    """Read an uploaded file of pronunciations, whose field is called `file`.

    Raises:
        InvalidRequest: it is empty, or something in it is wrong.
        TooLarge: it has too many bytes.
    """
    data = await upload.read(DICTIONARY_BYTES + 1)
    if len(data) > DICTIONARY_BYTES:
        raise TooLarge(f"file is larger than the {DICTIONARY_BYTES} bytes allowed", field="file")
    if not data:
        raise InvalidRequest("file is empty", field="file")
    return await services.pools.bodies.run(partial(read_file, data, upload.filename or ""))
