"""Tells whether a figure grows: the slope of samples, with its confidence interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from scipy.stats import theilslopes


class Trend(NamedTuple):
    """Holds the growth for each unit of what the samples were taken over; 95 % lie within."""

    slope: float
    low: float
    high: float

    def told(self) -> str:
        """Return the slope and its interval in words."""
        return f"{self.slope:+.2f} (95 %: {self.low:+.2f} to {self.high:+.2f})"


def trend(samples: Sequence[tuple[float, float]]) -> Trend:
    """Estimate the slope of (x, y) samples as the median of all pairs', which outliers leave alone.

    The interval is Sen's, of the ranks of those slopes (Sen 1968, doi:10.2307/2285891).
    """
    xs, ys = zip(*samples, strict=True)
    found = theilslopes(ys, xs, alpha=0.95)
    return Trend(float(found.slope), float(found.low_slope), float(found.high_slope))
