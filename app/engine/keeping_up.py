"""Tells whether a machine keeps up with those who listen: arithmetic only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Need(NamedTuple):
    """Says what a listener, who plays without a pause, needs from now on.

    Attributes:
        slack_seconds: for how long there is something to play; negative if that should be more.
        left_seconds: how much audio is yet to be made.
    """

    slack_seconds: float
    left_seconds: float


def keeps_up(needs: Sequence[Need], rate: float) -> bool:
    """Tell whether a machine makes all that is needed in time, the most urgent first.

    It does if until any moment no more is needed than can be made. Only the moments have to be
    looked at at which somebody has everything: until then more and more was needed.

    Args:
        rate: how many seconds of audio the machine makes in a second.
    """
    slack, left = np.array([each for each in needs if each.left_seconds > 0]).reshape(-1, 2).T
    moments = np.maximum(0.0, np.append(slack + left, 0.0))
    needed = np.clip(moments[:, None] - slack, 0.0, left).sum(1)
    return bool((needed <= rate * moments).all())
