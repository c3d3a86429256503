"""Latencies of requests, counted in bounded space with three significant digits.

The histogram is an HdrHistogram of microseconds, and so is its stored form. Recording into HdrHistogram takes
a microsecond, ten times as long as counting in a dict, and happens for every request in the middle of a
measurement. So this module rounds values exactly as HdrHistogram does and counts them in a dict, which has a
bounded number of keys. It makes the HdrHistogram when the load is over.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hdrh.histogram import HdrHistogram

SIGNIFICANT_DIGITS = 3
LONGEST_US = 3600 * 1_000_000  # a longer latency counts as an hour

# Each microsecond below has a count of its own; above, each doubling of the latency has 1024 counts.
_EXACT = 1 << 11
_DIGITS = _EXACT.bit_length() - 1


class Latencies:
    """A histogram of seconds."""

    __slots__ = ("_counts", "count", "maximum", "minimum", "total")

    def __init__(self) -> None:
        self._counts: defaultdict[int, int] = defaultdict(int)
        self.count = 0
        self.total = 0.0
        self.minimum = float("inf")
        self.maximum = 0.0

    def add(self, seconds: float, count: int = 1) -> None:
        """Count a latency, or several equal ones."""
        self.count += count
        self.total += seconds * count
        if seconds > self.maximum:
            self.maximum = seconds
        if seconds < self.minimum:
            self.minimum = seconds
        us = int(seconds * 1e6)
        if us >= _EXACT:
            shift = min(us, LONGEST_US).bit_length() - _DIGITS
            us = min(us, LONGEST_US) >> shift << shift
        self._counts[us] += count

    def include(self, other: Latencies) -> None:
        """Add all that another histogram counts."""
        self.count += other.count
        self.total += other.total
        self.minimum = min(self.minimum, other.minimum)
        self.maximum = max(self.maximum, other.maximum)
        for us, count in other.counts:
            self._counts[us] += count

    @property
    def counts(self) -> list[tuple[int, int]]:
        """The least microseconds of each class that is not empty, and its count, in order."""
        return sorted(self._counts.items())

    def quick_percentiles(self, percents: Iterable[float]) -> list[float]:
        """Find percentiles in seconds; this is cheap enough to do during a measurement."""
        found, counted, counts = [], 0, iter(self.counts)
        us = 0
        for percent in percents:
            wanted = max(1, int(percent / 100 * self.count + 0.5))
            while counted < wanted:
                us, count = next(counts)
                counted += count
            found.append(us / 1e6)
        return found

    def histogram(self) -> HdrHistogram:
        """Make an HdrHistogram of microseconds."""
        from hdrh.histogram import HdrHistogram

        histogram = HdrHistogram(1, LONGEST_US, SIGNIFICANT_DIGITS)
        for us, count in self._counts.items():
            histogram.record_value(us, count)
        return histogram
