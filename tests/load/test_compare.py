"""Two results side by side, and the gates."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from hamms_trio.errors import LoadError
from hamms_trio.load.result.compare import (
    MAX_FILE_OCTETS,
    Gates,
    ResultSummary,
    check,
    comparison_json,
    markdown,
    read_summary,
)

LATENCIES = {"mean": 1.0, "p50": 1.0, "p90": 2.0, "p95": 3.0, "p99": 4.0, "p99.9": 5.0, "max": 6.0}
BEFORE = ResultSummary(requests=1000, errors=0, error_rate=0.0, rps=100.0, latency_ms=LATENCIES)
SILENT = ResultSummary(requests=10, errors=10, error_rate=1.0, rps=0.0, latency_ms={})
NO_GATES = Gates(max_error_rate=None, max_p95_ms=None)


def failing(after: ResultSummary, gates: Gates, before: ResultSummary = BEFORE) -> list[str]:
    return [each.name for each in check(before, after, gates) if not each.passed]


def test_equal_results_pass_every_gate() -> None:
    strictest = Gates(0.0, 1.0, 3.0, 4.0, 1.0, 0.0, 0.0, 0.0, 0.0)
    checks = check(BEFORE, BEFORE, strictest)
    assert len(checks) == 9
    assert all(each.passed for each in checks)


@pytest.mark.parametrize(
    ("after", "names"),
    [
        (replace(BEFORE, error_rate=0.01), []),
        (replace(BEFORE, error_rate=0.0101), ["error_rate_le_1pct"]),
        (replace(BEFORE, latency_ms={**LATENCIES, "p95": 200.0}), []),
        (replace(BEFORE, latency_ms={**LATENCIES, "p95": 200.1}), ["p95_le_200ms"]),
        (SILENT, ["error_rate_le_1pct", "p95_le_200ms"]),
        (replace(SILENT, requests=0, error_rate=0.0), ["error_rate_le_1pct", "p95_le_200ms"]),
    ],
)
def test_the_default_gates_can_be_switched_off(after: ResultSummary, names: list[str]) -> None:
    assert failing(after, Gates()) == names
    assert failing(after, NO_GATES) == []


@pytest.mark.parametrize(
    ("gates", "after", "name"),
    [
        ({"max_p50_ms": 0.9}, BEFORE, "p50_le_0_9ms"),
        ({"max_p99_ms": 3.9}, BEFORE, "p99_le_3_9ms"),
        ({"min_rps_ratio": 1.8}, replace(BEFORE, rps=179.9), "rps_ge_1_8x"),
        ({"min_rps_ratio": 0.5}, SILENT, "rps_ge_0_5x"),
        ({"max_rps_regression": 0.1}, replace(BEFORE, rps=89.9), "rps_regression_le_10pct"),
        *(
            (
                {f"max_{key}_regression": 0.1},
                replace(BEFORE, latency_ms={**LATENCIES, key: LATENCIES[key] * 1.11}),
                f"{key}_regression_le_10pct",
            )
            for key in ("p50", "p95", "p99")
        ),
        ({"max_p99_regression": 0.1}, SILENT, "p99_regression_le_10pct"),
    ],
)
def test_a_gate_fails_by_its_name(gates: dict[str, float], after: ResultSummary, name: str) -> None:
    assert failing(after, replace(NO_GATES, **gates)) == [name]


@pytest.mark.parametrize(
    "gates",
    [
        {"min_rps_ratio": 1.8},
        {"max_rps_regression": 0.1},
        {"max_p50_regression": 0.1, "max_p95_regression": 0.1, "max_p99_regression": 0.1},
    ],
)
def test_a_much_better_result_passes(gates: dict[str, float]) -> None:
    fast = {key: ms / 10 for key, ms in LATENCIES.items()}
    after = replace(BEFORE, rps=1000.0, latency_ms=fast)
    assert failing(after, replace(NO_GATES, **gates)) == []


def test_gates_fail_against_a_result_without_answers() -> None:
    gates = replace(NO_GATES, min_rps_ratio=1.0, max_p99_regression=0.1, max_rps_regression=0.1)
    assert len(failing(BEFORE, gates, before=SILENT)) == 3
    assert comparison_json(SILENT, BEFORE, [], ("a", "b"))["rps_ratio"] is None
    assert "| p99 ms | - | 4 | - |" in markdown(SILENT, BEFORE, ("a", "b"))


def test_a_file_s_name_stays_in_its_cell() -> None:
    assert markdown(BEFORE, BEFORE, ("a|b", "c")).startswith("| | a\\|b | c | change |\n")


GOOD = {
    "schema": 1,
    "requests": 10,
    "errors": 0,
    "error_rate": 0.0,
    "rps": 5,
    "latency_ms": LATENCIES,
    "more": "that is not compared",
}


def test_a_result_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text(json.dumps(GOOD))
    assert read_summary(path) == ResultSummary(10, 0, 0.0, 5.0, LATENCIES)
    path.write_text(json.dumps({**GOOD, "latency_ms": None}))
    assert read_summary(path).latency_ms == {}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "5",
        "null",
        "[" * 100_000,
        "\ud800".encode("utf-8", "surrogatepass"),
        json.dumps({}),
        *(
            json.dumps({key: value for key, value in GOOD.items() if key != left_out})
            for left_out in ("schema", "requests", "errors", "error_rate", "rps", "latency_ms")
        ),
        *(
            json.dumps({**GOOD, **changed})
            for changed in (
                {"schema": 2},
                {"rps": "5"},
                {"rps": None},
                {"rps": True},
                {"rps": -1},
                {"rps": float("nan")},
                {"requests": float("inf")},
                {"latency_ms": 5},
                {"latency_ms": [1]},
                {"latency_ms": {**LATENCIES, "p99": "4"}},
                {"latency_ms": {"p50": 1.0}},
            )
        ),
    ],
)
def test_a_file_that_is_no_result_is_named(tmp_path: Path, content: str | bytes) -> None:
    path = tmp_path / "result.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(LoadError, match=r"result\.json"):
        read_summary(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([], "the content is not an object"),
        ({"requests": 1}, "the key 'schema' is missing"),
        ({**GOOD, "schema": 2}, "the schema is 2: expected 1"),
        ({**GOOD, "rps": "5"}, "rps is '5': expected a number"),
        ({**GOOD, "rps": -1}, "rps is -1"),
        ({**GOOD, "more": "x" * MAX_FILE_OCTETS}, "is too long for a result"),
    ],
)
def test_the_error_says_why_a_file_is_no_result(
    tmp_path: Path, content: object, words: str
) -> None:
    path = tmp_path / "result.json"
    path.write_text(json.dumps(content))
    with pytest.raises(LoadError, match=words):
        read_summary(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing.json", tmp_path):
        with pytest.raises(LoadError, match="can't read"):
            read_summary(path)
