"""Ends a process in which the model's library may still be at work."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress
from typing import NoReturn


def end_process(code: int) -> NoReturn:
    """Write out what was logged and printed, and end with `code`.

    Call it when all else is done: nothing that is registered to happen at exit happens.
    """
    # An engine that is still loading cannot be stopped within torch. When the interpreter is taken
    # down around such a thread, the process aborts or never ends, whatever its code was to be.
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # it was closed when the process began
            with suppress(OSError):  # whoever read it has left
                stream.flush()
    os._exit(code)
