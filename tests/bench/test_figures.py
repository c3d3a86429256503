"""What the tables of the measurements say. That they can be made is for ``make bench``."""

from __future__ import annotations

import pytest

from bench.figures import OURS, AtMost, Below, Figure, interleave
from bench.report import summary, table
from bench.statistics import quantiles


@pytest.fixture
def figure() -> Figure:
    rounds = {OURS: [10.0, 20.0, 10.0], "nginx": [20.0, 40.0, 90.0]}
    return Figure("CPU", "us", (AtMost(12), Below("nginx", 2.5)), rounds)


def test_a_ratio_is_the_median_of_each_round_s_own(figure: Figure) -> None:
    assert figure.ratio("nginx") == 2.0


def test_a_table_tells_which_targets_hold(figure: Figure) -> None:
    ours, nginx = table(figure).splitlines()[-2:]
    assert " ".join(ours.split()) == "hamms-trio 10.0 10.0 20.0 at most 12.0 yes"
    assert " ".join(nginx.split()) == "nginx 40.0 20.0 90.0 2.00 x 2.5 times less NO"


def test_the_summary_names_what_does_not_hold(figure: Figure) -> None:
    assert summary([figure]).splitlines() == [
        "1 of 2 targets hold.",
        "  CPU: nginx takes 2.00 times ours, 2.5 times less wanted",
    ]


def test_a_peer_that_is_missing_is_told_and_counts_for_nothing(figure: Figure) -> None:
    del figure.rounds["nginx"]
    lines = table(figure).splitlines()
    assert " ".join(lines[-1].split()) == "nginx - - - - 2.5 times less missing here"
    assert summary([figure]) == "1 of 1 targets hold."


@pytest.mark.parametrize(
    ("times", "wanted"),
    [(2.5, "2.5 times less"), (1 / 0.85, "1.18 times less"), (1.0, "no more than it")],
)
def test_a_target_beside_a_peer_is_told_in_few_digits(times: float, wanted: str) -> None:
    assert str(Below("nginx", times)) == wanted


def test_subjects_take_turns_and_each_round_begins_with_another() -> None:
    order = []

    def sample(subject: str) -> dict[str, float]:
        order.append(subject)
        return {"cpu_us": 1.0}

    figure = Figure("CPU", "us")
    interleave(2, {"a": lambda: sample("a"), "b": lambda: sample("b")}, {"cpu_us": figure})
    assert order == ["a", "b", "b", "a"]
    assert figure.rounds == {"a": [1.0, 1.0], "b": [1.0, 1.0]}


@pytest.mark.parametrize(("share", "value"), [(0.0, 1), (0.5, 50), (0.99, 99), (1.0, 100)])
def test_a_quantile_is_a_value_that_was_seen(share: float, value: int) -> None:
    assert quantiles(range(100, 0, -1), share) == [value]
