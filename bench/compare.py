"""``python -m bench compare BEFORE.json AFTER.json``: the change of our figures between two runs."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench.figures import OURS, number

TOLERANCE_PERCENT = 10.0


@dataclass(frozen=True, slots=True)
class Change:
    """One of our figures in two runs.

    Attributes:
        machine: how many times its first figure the median peer takes in the second run; 1 without peers.
    """

    what: str
    unit: str
    before: float
    after: float
    machine: float = 1.0

    @property
    def percent(self) -> float:
        """How much worse the figure is, in per cent, apart from the change that peers show too."""
        if not self.before:
            return 100.0 if self.after else 0.0
        return 100 * (self.after / self.before / self.machine - 1)

    def is_worse(self, tolerance: float) -> bool:
        """Return True if the figure is worse by more than the tolerance, in per cent."""
        return self.percent > tolerance


def main(arguments: Sequence[str]) -> int:
    """Print the change of each figure.

    Returns:
        0 if no figure is worse by more than the tolerance, or else 1.
    """
    parser = argparse.ArgumentParser(
        prog="python -m bench compare",
        description="Compare two result files of python -m bench --json, and exit 1 if a figure is worse.",
    )
    parser.add_argument("before", type=Path, help="result file of the first run")
    parser.add_argument("after", type=Path, help="result file of the second run")
    parser.add_argument(
        "--tolerance",
        type=float,
        default=TOLERANCE_PERCENT,
        metavar="PERCENT",
        help=f"how much worse a figure may be (default {TOLERANCE_PERCENT:g})",
    )
    options = parser.parse_args(arguments)
    try:
        before, after = _figures(options.before), _figures(options.after)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        parser.error(f"not a result file of python -m bench --json: {error!r}")
    changes = [
        change for what in before if what in after for change in _changes(what, before, after)
    ]
    worse = [change for change in changes if change.is_worse(options.tolerance)]
    for change in changes:
        print(_line(change, is_worse=change in worse))
    for what in sorted(before.keys() ^ after.keys()):
        print(f"  only in {options.before if what in before else options.after}: {what}")
    print(f"{len(worse)} of {len(changes)} figures are more than {options.tolerance:g} % worse.")
    return 1 if worse else 0


def _figures(path: Path) -> dict[str, Any]:
    """Return the figures of a result file by measurement and name."""
    measured = json.loads(path.read_text(encoding="utf-8"))["figures"]
    return {
        f"{name}: {figure['what']}": figure
        for name, figures in measured.items()
        for figure in figures
    }


def _changes(what: str, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Change]:
    first, second = before[what], after[what]
    if "tries" in first:
        for subject in first["targets"]:  # ours are those with a target
            yield from _change_of_tries(what, subject["subject"], first, second)
        return
    medians = [
        {subject: median(values) for subject, values in figure["rounds"].items()}
        for figure in (first, second)
    ]
    if not all(OURS in figure for figure in medians):
        return
    peers = [
        medians[1][peer] / value
        for peer, value in medians[0].items()
        if peer != OURS and value and medians[1].get(peer)
    ]
    machine = median(peers) if peers else 1.0
    yield Change(what, first["unit"], medians[0][OURS], medians[1][OURS], machine)


def _change_of_tries(
    what: str, subject: str, first: dict[str, Any], second: dict[str, Any]
) -> Iterator[Change]:
    """Yield the change of the failures and of the median time of a subject."""
    if subject not in second["tries"]:
        return
    tries = first["tries"][subject], second["tries"][subject]
    failed = [100 * sum(t is None for t in tried) / len(tried) for tried in tries]
    yield Change(f"{what}: {subject}: failures", "%", failed[0], failed[1])
    took = [[t for t in tried if t is not None] for tried in tries]
    if all(took):
        yield Change(f"{what}: {subject}", first["unit"], median(took[0]), median(took[1]))


def _line(change: Change, *, is_worse: bool) -> str:
    verdict = "WORSE" if is_worse else "ok"
    peers = "" if change.machine == 1 else f", peers {100 * (change.machine - 1):+.0f} %"
    figures = f"{number(change.before)} -> {number(change.after)} {change.unit}"
    return f"  {verdict:5}  {change.percent:+6.1f} %  {change.what}: {figures}{peers}"
