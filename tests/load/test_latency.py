"""The histogram: its precision, and its form that other programs read."""

from __future__ import annotations

from math import floor

import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given, settings, strategies as st

from hamms_trio.load.counts.latency import LONGEST_US, Latencies
from hamms_trio.load.result.numbers import PERCENTS, spread
from tests.wire.pieces import DETERMINISTIC

MICROSECONDS = st.integers(0, 10_000) | st.integers(0, LONGEST_US)
# Reading an HdrHistogram takes long, because it has twenty thousand classes.
SOME = settings(DETERMINISTIC, max_examples=40)
SAMPLES = st.lists(MICROSECONDS, min_size=1, max_size=300)


def recorded(microseconds: list[int]) -> Latencies:
    latencies = Latencies()
    for us in microseconds:
        latencies.add((us + 0.5) / 1e6)
    return latencies


def exact_percentile(microseconds: list[int], percent: float) -> float:
    """Find a percentile in seconds: the longest of the shortest samples that make so many percent."""
    rank = max(1, floor(percent * len(microseconds) / 100 + 0.5))
    return sorted(microseconds)[rank - 1] / 1e6


@given(SAMPLES)
@SOME
def test_percentiles_are_exact_to_a_microsecond_or_one_part_in_a_thousand(
    microseconds: list[int],
) -> None:
    numbers = spread(recorded(microseconds))
    assert numbers is not None
    for percent, found in numbers.percentiles.items():
        exact = exact_percentile(microseconds, percent)
        assert found == pytest.approx(exact, rel=1e-3, abs=1.5e-6)
    assert list(numbers.percentiles) == sorted(PERCENTS)


@given(SAMPLES)
@SOME
def test_count_mean_minimum_and_maximum_are_exact(microseconds: list[int]) -> None:
    numbers = spread(recorded(microseconds))
    assert numbers is not None
    assert numbers.count == len(microseconds)
    assert numbers.minimum == pytest.approx((min(microseconds) + 0.5) / 1e6)
    assert numbers.maximum == pytest.approx((max(microseconds) + 0.5) / 1e6)
    mean = sum(us + 0.5 for us in microseconds) / len(microseconds) / 1e6
    assert numbers.mean == pytest.approx(mean)


@given(SAMPLES)
@SOME
def test_the_encoded_histogram_equals_hdrhistograms_own(microseconds: list[int]) -> None:
    own = HdrHistogram(1, LONGEST_US, 3)
    for us in microseconds:
        own.record_value(us)
    numbers = spread(recorded(microseconds))
    assert numbers is not None
    theirs = HdrHistogram.decode(numbers.encoded)

    assert theirs.get_total_count() == own.get_total_count()
    for percent in (0.1, 50, 99, 100):
        assert theirs.get_value_at_percentile(percent) == own.get_value_at_percentile(percent)


@given(SAMPLES, st.lists(st.floats(0.1, 100.0), min_size=1, max_size=5).map(sorted))
@DETERMINISTIC
def test_quick_percentiles_are_as_exact(microseconds: list[int], percents: list[float]) -> None:
    found = recorded(microseconds).quick_percentiles(percents)
    exact = [exact_percentile(microseconds, percent) for percent in percents]
    assert found == pytest.approx(exact, rel=1e-3, abs=1e-6)


def test_a_million_different_latencies_take_bounded_space() -> None:
    latencies = Latencies()
    for number in range(1_000_000):
        latencies.add(number * 3.6e-3)  # up to an hour
    assert latencies.count == 1_000_000
    assert len(latencies.counts) < 24_000


def test_a_latency_above_an_hour_counts_as_an_hour() -> None:
    latencies = Latencies()
    latencies.add(100_000.0)
    numbers = spread(latencies)
    assert numbers is not None
    assert numbers.percentiles[50.0] == pytest.approx(3600.0, rel=1e-3)
    assert numbers.maximum == 100_000.0


def test_without_latencies_there_is_no_standard_deviation() -> None:
    assert spread(Latencies()) is None
