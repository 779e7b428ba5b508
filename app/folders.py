"""Looks at the folders that settings name, before anything is kept in them."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from app.settings import SettingsError

logger = logging.getLogger(__name__)


def check_folder(setting: str, folder: Path, *, otherwise: str) -> None:
    """Refuse a folder that is a file, and log one that cannot be written, which may be on purpose.

    Args:
        setting: the name of the setting, for the message.
        folder: it need not exist yet.
        otherwise: what does not work if it cannot be written.

    Raises:
        SettingsError: the folder, or one that it would be in, is a file.
    """
    there = folder.absolute()
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir():
        raise SettingsError(f"{setting}: {folder} cannot be used: {there} is a file, not a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        logger.warning("%s: %s cannot be written, so that %s", setting, folder, otherwise)
