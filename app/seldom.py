"""Says once a minute what would otherwise be said with every request."""

from __future__ import annotations

import time

SAY_AGAIN_SECONDS = 60.0


class Seldom:
    """Tells whether something that goes on is worth a line in the log. Any thread may ask."""

    def __init__(self) -> None:
        self._said_at_seconds: float | None = None

    def is_due(self) -> bool:
        """Tell whether to say it now, which counts as having said it."""
        now_seconds = time.monotonic()
        said_at_seconds = self._said_at_seconds
        if said_at_seconds is not None and now_seconds - said_at_seconds <= SAY_AGAIN_SECONDS:
            return False
        self._said_at_seconds = now_seconds
        return True

    def is_over(self) -> bool:
        """Take note that it goes on no longer; tell whether it had been said."""
        was_said, self._said_at_seconds = self._said_at_seconds is not None, None
        return was_said
