"""The result of a load in numbers, and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from hamms_trio.load.counts.latency import SIGNIFICANT_DIGITS, Latencies
from hamms_trio.load.counts.tally import Tally
from hamms_trio.load.plan import Plan
from hamms_trio.load.run import EndedBy, LoadOutcome
from hamms_trio.version import VERSION

RESULT_SCHEMA = 1  # of the JSON; a change that breaks its readers makes it 2
PERCENTS = (50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 99.99)


@dataclass(frozen=True, slots=True)
class Spread:
    """The distribution of a quantity in seconds.

    Attributes:
        percentiles: seconds by percent, to three significant digits.
        counts: least seconds of each class that is not empty, and its count.
        encoded: the whole histogram in HdrHistogram's own form.
    """

    count: int
    minimum: float
    mean: float
    stddev: float
    maximum: float
    percentiles: Mapping[float, float]
    counts: tuple[tuple[float, int], ...]
    encoded: str


@dataclass(frozen=True)
class Result:
    """A load and its outcome.

    Attributes:
        began: time of the start in the form of ISO 8601.
        elapsed: seconds from the start of the warm-up to the end of the last wait.
        cpu: processor seconds that the generator used meanwhile.
    """

    url: str
    address: str
    method: str
    request_octets: int
    plan: Plan
    outcome: LoadOutcome
    began: str
    elapsed: float
    cpu: float

    @cached_property
    def latency(self) -> Spread | None:
        return spread(self.tally.latencies)

    @cached_property
    def service(self) -> Spread | None:
        return spread(self.tally.service) if self.tally.service is not None else None

    @property
    def tally(self) -> Tally:
        return self.outcome.tally

    @property
    def ended_by(self) -> EndedBy:
        return self.outcome.ended_by

    @property
    def requests(self) -> int:
        """Number of requests that count, answered or not."""
        return self.tally.answered + self.tally.failed

    @property
    def errors_by_name(self) -> dict[str, int]:
        """Number of unanswered requests by their failure, and of answers with an error status by class."""
        named = {failure.value: count for failure, count in self.tally.failures.items()}
        for name, count in self.status_classes.items():
            if name not in ("2xx", "3xx"):
                named[f"status_{name}"] = count
        return named

    @property
    def errors(self) -> int:
        return self.tally.errors

    @property
    def error_rate(self) -> float:
        return self.errors / self.requests if self.requests else 0.0

    @property
    def rps(self) -> float:
        """Answers of any status by the seconds of the window."""
        window = self.outcome.window
        return self.outcome.answered_within / window if window else 0.0

    @property
    def status_classes(self) -> dict[str, int]:
        classes: dict[str, int] = {}
        for status, count in sorted(self.tally.statuses.items()):
            # A status outside the classes counts as a server error (RFC 9110 §15), under its own name.
            name = f"{status // 100}xx" if status < 600 else "other"
            classes[name] = classes.get(name, 0) + count
        return classes


def combine(plan: Plan, results: Sequence[Result]) -> Result:
    """Make one result of loads that were parts of one plan; there has to be at least one part."""
    first, last = results[0], results[-1]
    tally = Tally(first.tally.counted_from, with_service=plan.rate is not None)
    for result in results:
        tally.include(result.tally)
    outcome = LoadOutcome(
        tally,
        last.ended_by,
        window=sum(result.outcome.window for result in results),
        answered_within=sum(result.outcome.answered_within for result in results),
    )
    return replace(
        first,
        plan=plan,
        outcome=outcome,
        elapsed=sum(result.elapsed for result in results),
        cpu=sum(result.cpu for result in results),
    )


def spread(latencies: Latencies) -> Spread | None:
    """Take the numbers from a histogram; None if it is empty."""
    count, maximum = latencies.count, latencies.maximum
    if not count:
        return None
    histogram = latencies.histogram()
    found = histogram.get_percentile_to_value_dict(PERCENTS)
    return Spread(
        count=count,
        minimum=latencies.minimum,
        mean=latencies.total / count,
        stddev=histogram.get_stddev() / 1e6,
        maximum=maximum,
        percentiles={percent: min(us / 1e6, maximum) for percent, us in sorted(found.items())},
        counts=tuple((us / 1e6, many) for us, many in latencies.counts),
        encoded=histogram.encode().decode("ascii"),
    )


def as_json(result: Result) -> dict[str, object]:
    """Describe the result for programs; docs/load.md explains each key."""
    tally, plan = result.tally, result.plan
    percentiles = result.latency.percentiles if result.latency else {}
    return {
        "schema": RESULT_SCHEMA,
        "version": VERSION,
        "url": result.url,
        "address": result.address,
        "method": result.method,
        "request_octets": result.request_octets,
        "plan": {name: getattr(plan, name) for name in plan.__slots__},
        "began": result.began,
        "ended_by": result.ended_by.value,
        "elapsed": round(result.elapsed, 6),
        "window": round(result.outcome.window, 6),
        "cpu_seconds": round(result.cpu, 6),
        "requests": result.requests,
        "answered": tally.answered,
        "errors": result.errors,
        "error_rate": round(result.error_rate, 6),
        "rps": round(result.rps, 3),
        "p50_ms": _ms(percentiles.get(50.0)),
        "p95_ms": _ms(percentiles.get(95.0)),
        "latency_from": "intended start" if plan.rate is not None else "start",
        "latency_ms": _spread_json(result.latency),
        "service_ms": _spread_json(result.service),
        "status_counts": {str(status): n for status, n in sorted(tally.statuses.items())},
        "status_classes": result.status_classes,
        "interim_responses": tally.interim,
        "errors_by_name": result.errors_by_name,
        "error_details": {failure.value: words for failure, words in tally.details.items()},
        "connections": {
            name: getattr(tally.connections, name) for name in tally.connections.__slots__
        },
        "octets_sent": tally.octets_sent,
        "octets_received": tally.octets_received,
    }


def _spread_json(spread: Spread | None) -> dict[str, object] | None:
    if spread is None:
        return None
    return {
        "count": spread.count,
        "min": _ms(spread.minimum),
        "mean": _ms(spread.mean),
        "stddev": _ms(spread.stddev),
        "max": _ms(spread.maximum),
        **{f"p{percent:g}": _ms(seconds) for percent, seconds in spread.percentiles.items()},
        "histogram": {
            "unit": "us",
            "significant_digits": SIGNIFICANT_DIGITS,
            "hdr": spread.encoded,
        },
    }


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)
