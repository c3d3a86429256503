"""The tables and outcomes of figures. ``make bench`` shows that the measurements work."""

from __future__ import annotations

import pytest

from bench.figures import OURS, AtMost, Below, Figure, interleave, times_at_most
from bench.report import summary, table
from bench.statistics import quantiles


@pytest.fixture
def figure() -> Figure:
    rounds = {OURS: [10.0, 20.0, 10.0], "nginx": [20.0, 40.0, 90.0]}
    return Figure("CPU", "us", (AtMost(12), Below("nginx", 2.5)), rounds)


def test_a_ratio_is_the_median_of_the_rounds_ratios(figure: Figure) -> None:
    assert figure.ratio("nginx") == 2.0


def test_a_table_shows_which_targets_hold(figure: Figure) -> None:
    ours, nginx = table(figure).splitlines()[-2:]
    assert " ".join(ours.split()) == "hamms-trio 10.0 10.0 20.0 at most 12.0 yes"
    assert " ".join(nginx.split()) == "nginx 40.0 20.0 90.0 2.00 x 2.5 times less NO"


def test_the_summary_has_a_line_for_each_target(figure: Figure) -> None:
    assert summary({"engine": [figure]}).splitlines() == [
        "  holds    engine: CPU: 10.0 us, target at most 12.0",
        "  missed   engine: CPU: nginx takes 2.00 times ours, target 2.5 times less",
        "1 of 2 targets hold.",
    ]


def test_the_summary_shows_how_many_times_a_peer_ours_takes() -> None:
    figure = Figure("CPU", "us", (times_at_most("nginx", 1.25),), {OURS: [3.0], "nginx": [2.0]})
    assert summary({"files": [figure]}).splitlines()[0] == (
        "  missed   files: CPU: ours takes 1.50 times nginx's, target at most 1.25 times it"
    )


def test_an_absent_peer_has_one_line_and_no_outcome(figure: Figure) -> None:
    del figure.rounds["nginx"]
    figure.absent["nginx"] = "not installed (apt-get install nginx-light)"
    assert table(figure).splitlines()[-1] == (
        "  nginx: not installed (apt-get install nginx-light)"
    )
    assert summary({"engine": [figure]}).splitlines()[1:] == [
        "  no peer  engine: CPU: nginx was not measured, target 2.5 times less",
        "1 of 1 targets hold.",
    ]


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (Below("nginx", 2.5), "2.5 times less"),
        (Below("nginx", 1 / 0.85), "1.18 times less"),
        (Below("nginx", 1.0), "no more than it"),
        (times_at_most("nginx", 1.6), "at most 1.6 times it"),
        (times_at_most("nginx", 1.25), "at most 1.25 times it"),
    ],
)
def test_a_target_beside_a_peer_has_few_digits(target: Below, words: str) -> None:
    assert str(target) == words


def test_each_round_begins_with_another_subject() -> None:
    order = []

    def sample(subject: str) -> dict[str, float]:
        order.append(subject)
        return {"cpu_us": 1.0}

    figure = Figure("CPU", "us")
    interleave(2, {"a": lambda: sample("a"), "b": lambda: sample("b")}, {"cpu_us": figure})
    assert order == ["a", "b", "b", "a"]
    assert figure.rounds == {"a": [1.0, 1.0], "b": [1.0, 1.0]}


@pytest.mark.parametrize(("share", "value"), [(0.0, 1), (0.5, 50), (0.99, 99), (1.0, 100)])
def test_a_quantile_is_one_of_the_values(share: float, value: int) -> None:
    assert quantiles(range(100, 0, -1), share) == [value]
