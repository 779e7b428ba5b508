"""Shares the folders in which voices and consents may be kept: the same tests hold for each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pytest

from app.stores.changes import ChangingFolder, OwnFolder

if TYPE_CHECKING:
    from tests.stores.s3 import S3

KeptIn: TypeAlias = Callable[[Path], ChangingFolder]


@pytest.fixture(params=["folder", "s3"])
def kept_in(request: pytest.FixtureRequest) -> KeptIn:
    """Make a folder of one server, or its part of one that several servers share."""
    if request.param == "folder":
        return OwnFolder
    from app.stores.bucket import Bucket  # noqa: PLC0415 - with obstore
    from app.stores.shared import SharedFolder  # noqa: PLC0415 - the same

    s3: S3 = request.getfixturevalue("s3")
    url = s3.bucket()

    def shared(directory: Path) -> ChangingFolder:
        folder = SharedFolder(Bucket(url), "voices", directory)
        folder.recover()
        return folder

    return shared
