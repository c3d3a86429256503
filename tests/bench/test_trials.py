"""What the tables of tries say."""

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


def test_a_table_tells_the_share_of_successes_and_how_long_those_took(trials: Trials) -> None:
    rst, abort, tcpkill = (" ".join(line.split()) for line in table(trials).splitlines()[2:])
    assert rst == "rst 3 100 % 2.00 9.00 9.00 all, median below 5.00 yes"
    assert abort == "abort 2 50 % 1.00 1.00 1.00 all NO"
    assert tcpkill == "tcpkill 1 0 % - - -"


def test_one_that_is_too_slow_does_not_hold(trials: Trials) -> None:
    trials.add("rst", [6.0, 7.0])
    assert not trials.holds("rst")


def test_what_is_missing_is_said_below_the_table(trials: Trials) -> None:
    trials.unmeasured.append("tcpkill is missing")
    assert table(trials).endswith("\n  could not be measured: tcpkill is missing")


def test_the_summary_names_whose_target_does_not_hold(trials: Trials) -> None:
    assert summary([trials]).splitlines() == [
        "1 of 2 targets hold.",
        "  connection: abort: 50 %, median 1.00 ms, all wanted",
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="network namespaces are a thing of Linux")
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
