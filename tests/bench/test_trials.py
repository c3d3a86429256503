"""The tables and outcomes of tries."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.report import summary, table
from bench.trials import Always, Trials


@pytest.fixture
def trials() -> Trials:
    trials = Trials("connection", "ms", "both down")
    trials.add("rst", [1.0, 2.0, 9.0], Always(5.0))
    trials.add("abort", [1.0, None], Always())
    trials.add("tcpkill", [None])
    return trials


def test_a_table_shows_the_share_of_successes_and_their_times(trials: Trials) -> None:
    rst, abort, tcpkill = (" ".join(line.split()) for line in table(trials).splitlines()[2:])
    assert rst == "rst 3 100 % 2.00 9.00 9.00 all, median below 5.00 yes"
    assert abort == "abort 2 50 % 1.00 1.00 1.00 all NO"
    assert tcpkill == "tcpkill 1 0 % - - -"


def test_a_target_is_missed_where_tries_are_too_slow(trials: Trials) -> None:
    trials.add("rst", [6.0, 7.0])
    assert not trials.holds("rst")


def test_the_reason_for_a_missing_line_stands_below_the_table(trials: Trials) -> None:
    trials.unmeasured.append("tcpkill is missing")
    assert table(trials).endswith("\n  not measured: tcpkill is missing")


def test_the_summary_has_a_line_for_each_way_with_a_target(trials: Trials) -> None:
    assert summary({"injection": [trials]}).splitlines() == [
        "  holds    injection: connection: rst: 100 %, median 2.00 ms, target all, median below 5.00",
        "  missed   injection: connection: abort: 50 %, median 1.00 ms, target all",
        "1 of 2 targets hold.",
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="network namespaces exist on Linux only")
def test_nothing_is_reset_outside_a_private_namespace() -> None:
    here = os.readlink("/proc/self/ns/net")
    tried = subprocess.run(
        [sys.executable, "-m", "bench.resets", "own", '{"how": "plain", "tries": 1}', here, "9"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "refused" in tried.stderr
