"""Finds out how the user has started the command line, for usage lines and examples."""

from __future__ import annotations

import sys
from pathlib import Path

CONSOLE_SCRIPT = "pocket-speech"
"""Installing the package makes this command (see pyproject.toml)."""

PROGRAM = CONSOLE_SCRIPT if Path(sys.argv[0]).stem == CONSOLE_SCRIPT else "python -m app"
