"""``python -m bench compare``: which figures of the second run are worse."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from bench.compare import main
from bench.figures import OURS, Figure
from bench.report import as_json
from bench.trials import Always, Trials


@pytest.fixture
def compare(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Compare:
    return Compare(tmp_path, capsys)


class Compare:
    """The command on two runs of one figure each."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._folder = folder
        self._capsys = capsys

    def __call__(
        self, before: Figure | Trials, after: Figure | Trials, *options: str
    ) -> tuple[int, list[str]]:
        """Return the exit status, and the lines of the output."""
        files = []
        for name, figure in (("before", before), ("after", after)):
            file = self._folder / f"{name}.json"
            file.write_text(json.dumps({"figures": as_json({"x": [figure]})}), encoding="utf-8")
            files.append(str(file))
        status = main([*files, *options])
        return status, self._capsys.readouterr().out.splitlines()


def cpu(rounds: Mapping[str, Sequence[float]], what: str = "CPU", detail: str = "") -> Figure:
    return Figure(what, "us", (), {name: list(r) for name, r in rounds.items()}, detail)


def tries(*took: float | None) -> Trials:
    trials = Trials("connection", "ms", "both down")
    trials.add("rst", took, Always())
    trials.add("tcpkill", [None])
    return trials


def test_a_figure_within_the_tolerance_is_fine(compare: Compare) -> None:
    status, lines = compare(cpu({OURS: [10.0, 10.0]}), cpu({OURS: [10.9, 10.9]}))
    assert status == 0
    assert lines[-1] == "0 of 1 figures are more than 10 % worse."


def test_a_figure_beyond_the_tolerance_is_worse(compare: Compare) -> None:
    status, lines = compare(cpu({OURS: [10.0]}), cpu({OURS: [12.0]}))
    assert status == 1
    assert " ".join(lines[0].split()) == "WORSE +20.0 % x: CPU: 10.0 -> 12.0 us"
    assert lines[-1] == "1 of 1 figures are more than 10 % worse."


def test_the_tolerance_can_be_chosen(compare: Compare) -> None:
    status, _ = compare(cpu({OURS: [10.0]}), cpu({OURS: [12.0]}), "--tolerance", "25")
    assert status == 0


def test_a_slower_machine_slows_peers_too_and_does_not_count(compare: Compare) -> None:
    before = cpu({OURS: [10.0], "uvicorn": [20.0], "nginx": [8.0]})
    after = cpu({OURS: [15.0], "uvicorn": [30.0], "nginx": [12.0]})
    status, lines = compare(before, after)
    assert status == 0
    assert lines[0].endswith("10.0 -> 15.0 us, peers +50 %")


def test_runs_at_different_rates_are_the_same_figure(compare: Compare) -> None:
    before = cpu({OURS: [1.0]}, detail=", at 9 a second")
    status, lines = compare(before, cpu({OURS: [1.0]}, detail=", at 8 a second"))
    assert (status, len(lines)) == (0, 2)


def test_a_figure_of_one_run_only_is_named(compare: Compare) -> None:
    status, lines = compare(cpu({OURS: [1.0]}), cpu({OURS: [1.0]}, "memory"))
    assert status == 0
    assert [line.rpartition("/")[2] for line in lines[:2]] == [
        "before.json: x: CPU",
        "after.json: x: memory",
    ]


def test_tries_that_fail_more_often_are_worse(compare: Compare) -> None:
    status, lines = compare(tries(1.0, 1.0), tries(1.0, None))
    assert status == 1
    assert "failures: 0.00 -> 50.0 %" in lines[0]
    assert lines[-1] == "1 of 2 figures are more than 10 % worse."
