"""What the user typed to reach the command line, for usage lines and examples."""

from __future__ import annotations

import sys
from pathlib import Path

CONSOLE_SCRIPT = "pocket-speech"
"""The command that installing the package makes (pyproject.toml)."""

PROGRAM = CONSOLE_SCRIPT if Path(sys.argv[0]).stem == CONSOLE_SCRIPT else "python -m app"
