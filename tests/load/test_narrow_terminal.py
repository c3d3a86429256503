"""Reports on narrow terminals: columns are dropped, digits are not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hamms_trio import HammsServer
from hamms_trio.cli.load.progress import fit_parts
from tests.load.terminal import Shown, show

WIDE = ["min", "mean", "stddev", "p50", "p90", "p95", "p99", "p99.9", "max"]


def table_of(shown: Shown) -> dict[str, list[str]]:
    """Return the rows of a table by their first word, without the notes."""
    rows: dict[str, list[str]] = {}
    for line in shown.lines:
        if words := line.split():
            rows.setdefault(words[0], words[1:])
    return rows


@pytest.mark.parametrize("columns", [30, 40, 50, 60, 100])
def test_the_latencies_lose_columns_and_no_digits(hamms: HammsServer, columns: int) -> None:
    shown = show("load", hamms.url("status"), "-n", "20", "-r", "10000", columns=columns)

    assert shown.returncode == 0
    assert "\u2026" not in shown.text
    assert max(map(len, shown.lines)) <= columns
    rows = table_of(shown)
    header = rows["ms"]
    assert set(header) <= set(WIDE)
    assert {"p50", "p99"} <= set(header)
    assert header == WIDE or columns < 80
    for name in ("latency", "service"):
        assert len(rows[name]) == len(header)
        assert all(float(number) >= 0 for number in rows[name])
    if "min" in header:
        assert header.index("min") == 0


@pytest.mark.parametrize("columns", [40, 50, 60])
def test_a_comparison_loses_its_change_and_no_digits(tmp_path: Path, columns: int) -> None:
    latencies = dict.fromkeys(("mean", "p50", "p90", "p95", "p99", "p99.9", "max"), 12345.678)
    for name, rps in (("a.json", 123456.789), ("b" * 50 + ".json", 234567.891)):
        counts = {"requests": 10_000_000, "errors": 1, "error_rate": 0.0000001, "rps": rps}
        content = {"schema": 1, **counts, "latency_ms": latencies}
        (tmp_path / name).write_text(json.dumps(content))
    names = [path.name for path in sorted(tmp_path.iterdir())]
    shown = show("load", "compare", *names, "--max-p95", "off", columns=columns, cwd=tmp_path)

    assert shown.returncode == 0
    assert "\u2026" not in shown.text
    assert max(map(len, shown.lines)) <= columns
    rows = table_of(shown)
    assert rows["rps"][:2] == ["123456.789", "234567.891"]
    assert rows["requests"][:2] == ["10000000", "10000000"]
    assert rows["p99.9"][1:3] == ["12345.678", "12345.678"]


def test_progress_loses_whole_parts() -> None:
    parts = ["  1.5 s of 10 s", "123,456 answers/s", "0 errors", "p50 1.23 ms"]
    assert fit_parts(parts, 80) == "  1.5 s of 10 s, 123,456 answers/s, 0 errors, p50 1.23 ms"
    assert fit_parts(parts, 45) == "  1.5 s of 10 s, 123,456 answers/s, 0 errors"
    assert fit_parts(parts, 33) == "  1.5 s of 10 s"
    assert fit_parts(parts, 10) == ""
