"""Two results side by side, and the gates that the second has to pass."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from hamms_trio.errors import LoadError
from hamms_trio.load.result.numbers import RESULT_SCHEMA, Result, as_json

MAX_FILE_OCTETS = 16 * 1024 * 1024

# Keys in ``latency_ms`` of the latencies that are compared.
LATENCIES = ("mean", "p50", "p90", "p95", "p99", "p99.9", "max")


@dataclass(frozen=True, slots=True)
class ResultSummary:
    """The numbers of a result that are compared; ``latency_ms`` is empty if nothing was answered."""

    requests: int
    errors: int
    error_rate: float
    rps: float
    latency_ms: dict[str, float]


@dataclass(frozen=True, slots=True)
class Gates:
    """The limits for the second result; None for no limit.

    Attributes:
        max_error_rate: share of the requests, from 0 to 1.
        max_p50_ms, max_p95_ms, max_p99_ms: milliseconds.
        min_rps_ratio: the second throughput divided by the first.
        max_p50_regression, max_p95_regression, max_p99_regression: how much longer a latency may be, as a
            share of the first result's.
        max_rps_regression: how much less the throughput may be, as a share of the first result's.
    """

    max_error_rate: float | None = 0.01
    max_p50_ms: float | None = None
    max_p95_ms: float | None = 200.0
    max_p99_ms: float | None = None
    min_rps_ratio: float | None = None
    max_p50_regression: float | None = None
    max_p95_regression: float | None = None
    max_p99_regression: float | None = None
    max_rps_regression: float | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """A gate with its outcome.

    Attributes:
        demand: the limit in words.
        found: the value that was compared; None if the results don't have it.
        passed: True if the value is within the limit.
    """

    name: str
    demand: str
    found: float | None
    passed: bool


def read_summary(path: Path) -> ResultSummary:
    """Read a result that `as_json` made.

    Raises:
        LoadError: the file can't be read, or is no result.
    """
    try:
        if path.stat().st_size > MAX_FILE_OCTETS:
            raise LoadError(f"{str(path)!r} is too long for a result of hamms-trio load")
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise LoadError(f"can't read {str(path)!r}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise LoadError(f"{str(path)!r} is not JSON: {error}") from None
    try:
        return _summary(content)
    except (KeyError, TypeError, ValueError) as error:
        what = f"the key {error} is missing" if isinstance(error, KeyError) else error
        raise LoadError(f"{str(path)!r} is not a result of hamms-trio load: {what}") from None


def summarize(result: Result) -> ResultSummary:
    """Take the numbers from a result that are compared."""
    return _summary(as_json(result))


def _summary(content: object) -> ResultSummary:
    if not isinstance(content, dict):
        raise TypeError("the content is not an object")
    if content["schema"] != RESULT_SCHEMA:
        raise ValueError(f"the schema is {content['schema']!r}: expected {RESULT_SCHEMA}")
    latencies = content["latency_ms"] or {}
    return ResultSummary(
        requests=int(_number(content, "requests")),
        errors=int(_number(content, "errors")),
        error_rate=_number(content, "error_rate"),
        rps=_number(content, "rps"),
        latency_ms={key: _number(latencies, key) for key in LATENCIES} if latencies else {},
    )


def _number(content: dict[str, object], key: str) -> float:
    value = content[key]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{key} is {value!r}: expected a number")
    if not isfinite(value) or value < 0:
        raise ValueError(f"{key} is {value!r}: expected 0 or more")
    return float(value)


def check(first: ResultSummary, second: ResultSummary, gates: Gates) -> list[Check]:
    """Check each gate that has a limit.

    A gate fails if a result lacks its value: the latencies of a result without answers, for example.
    """
    error_rate = second.error_rate if second.requests else None
    checks = [
        _at_most("error_rate", gates.max_error_rate, error_rate, _percent),
        *(
            _at_most(key, limit, second.latency_ms.get(key), _milliseconds)
            for key, limit in (
                ("p50", gates.max_p50_ms),
                ("p95", gates.max_p95_ms),
                ("p99", gates.max_p99_ms),
            )
        ),
        _ratio(first, second, gates.min_rps_ratio),
        *(
            _regression(key, limit, first.latency_ms.get(key), second.latency_ms.get(key))
            for key, limit in (
                ("p50", gates.max_p50_regression),
                ("p95", gates.max_p95_regression),
                ("p99", gates.max_p99_regression),
            )
        ),
        # A regression is less throughput here, so the two results change places.
        _regression("rps", gates.max_rps_regression, second.rps, first.rps, of=first.rps),
    ]
    return [check for check in checks if check is not None]


def change(first: float | None, second: float | None) -> float | None:
    """Return the change as a share of the first value; None if there is no first value."""
    return None if not first or second is None else second / first - 1


def _at_most(
    key: str, limit: float | None, found: float | None, written: Callable[[float], str]
) -> Check | None:
    if limit is None:
        return None
    passed = found is not None and found <= limit
    return Check(_name(key, "le", written(limit)), f"{key} <= {written(limit)}", found, passed)


def _ratio(first: ResultSummary, second: ResultSummary, limit: float | None) -> Check | None:
    if limit is None:
        return None
    found = second.rps / first.rps if first.rps else None
    passed = found is not None and found >= limit
    return Check(
        _name("rps", "ge", f"{limit:g}x"), f"rps >= {limit:g} x the first's", found, passed
    )


def _regression(
    key: str,
    limit: float | None,
    less: float | None,
    more: float | None,
    *,
    of: float | None = None,
) -> Check | None:
    if limit is None:
        return None
    whole = less if of is None else of
    found = None if less is None or more is None or not whole else (more - less) / whole
    passed = found is not None and found <= limit
    demand = f"{key} worse by {_percent(limit)} at most"
    return Check(_name(key, "regression_le", _percent(limit)), demand, found, passed)


def _name(*parts: str) -> str:
    return "_".join(parts).replace(".", "_").replace("%", "pct").replace(" ", "")


def _percent(share: float) -> str:
    return f"{share * 100:g}%"


def _milliseconds(ms: float) -> str:
    return f"{ms:g}ms"


def rows(
    first: ResultSummary, second: ResultSummary
) -> list[tuple[str, float | None, float | None]]:
    """List the rows of the table: a name and both numbers."""
    return [
        ("requests", first.requests, second.requests),
        ("errors", first.errors, second.errors),
        ("error rate %", first.error_rate * 100, second.error_rate * 100),
        ("rps", first.rps, second.rps),
        *(
            (f"{key} ms", first.latency_ms.get(key), second.latency_ms.get(key))
            for key in LATENCIES
        ),
    ]


def comparison_json(
    first: ResultSummary,
    second: ResultSummary,
    checks: list[Check],
    names: tuple[str, str],
    *,
    kind: str = "file",
) -> dict[str, object]:
    """Describe the comparison for programs.

    Args:
        first: the result to compare with.
        second: the result that the gates are for.
        checks: the gates with their outcomes.
        names: of both results.
        kind: the key of each name, which says where the result comes from.
    """
    return {
        "results": [
            {
                kind: name,
                **{key: getattr(summary, key) for key in summary.__slots__},
                "p50_ms": summary.latency_ms.get("p50"),
                "p95_ms": summary.latency_ms.get("p95"),
            }
            for name, summary in zip(names, (first, second), strict=True)
        ],
        "rps_ratio": second.rps / first.rps if first.rps else None,
        "gates": {
            "checks": {check.name: check.passed for check in checks},
            "found": {check.name: check.found for check in checks},
            "all_passed": all(check.passed for check in checks),
        },
        "markdown_table": markdown(first, second, names),
    }


def markdown(first: ResultSummary, second: ResultSummary, names: tuple[str, str]) -> str:
    """Write the table in Markdown."""
    first_name, second_name = (name.replace("|", "\\|") for name in names)
    lines = [f"| | {first_name} | {second_name} | change |", "|---|---:|---:|---:|"]
    for name, one, other in rows(first, second):
        cells = (name, number(one), number(other), signed_percent(change(one, other)))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def number(value: float | None) -> str:
    """Write a number for the table."""
    if value is None:
        return "-"
    return f"{value:.0f}" if value == int(value) else f"{value:.3f}"


def signed_percent(share: float | None) -> str:
    """Write a share as percent, with its sign."""
    return "-" if share is None else f"{share * 100:+.1f}%"
