"""Figures as tables for people, and as JSON for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median

from bench.figures import OURS, Figure, number
from bench.statistics import quantiles
from bench.trials import Trials

_HEADING = ("", "median", "lowest", "highest", "of ours", "target", "holds")
_TRIALS_HEADING = ("median", "p95", "highest", "target", "holds")

HOLDS, MISSED, UNDECIDED = "holds", "missed", "no peer"

Row = tuple[str, ...]  # begins with the name, and ends with the target and whether it holds


def table(figure: Figure | Trials) -> str:
    """Return a table with one line for each subject; ours is the first line of a `Figure`."""
    if isinstance(figure, Trials):
        heading: Row = ("", "tries", figure.success, *_TRIALS_HEADING)
        rows = [_trials_row(figure, subject) for subject in figure.tries]
        title, absent = figure.what, [f"not measured: {reason}" for reason in figure.unmeasured]
    else:
        heading = _HEADING
        subjects = sorted(figure.rounds, key=lambda subject: subject != OURS)
        rows = [_row(figure, subject) for subject in subjects]
        title = figure.title
        absent = [f"{subject}: {reason}" for subject, reason in figure.absent.items()]
        absent += [f"{each}: {why}" for each, why in figure.remarks.items() if each in subjects]
    lines = [*_aligned(heading, rows), *(f"  {line}" for line in absent)]
    return "\n".join([f"{title} [{figure.unit}]", *lines])


def _aligned(heading: Row, rows: Sequence[Row]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(heading, *rows, strict=True)]
    lines = []
    for row in (heading, *rows):
        name, *values, target, holds = row
        cells = [name.ljust(widths[0])]
        cells += [v.rjust(w) for v, w in zip(values, widths[1:-2], strict=True)]
        cells += [target.ljust(widths[-2]), holds]
        lines.append("  " + "  ".join(cells).rstrip())
    return lines


def _row(figure: Figure, subject: str) -> Row:
    values = figure.rounds[subject]
    target = figure.target(subject)
    return (
        subject,
        number(figure.median(subject)),
        number(min(values)),
        number(max(values)),
        "" if subject == OURS else f"{figure.ratio(subject):.2f} x",
        str(target) if target else "",
        ("yes" if target.holds(figure) else "NO") if target else "",
    )


def _trials_row(trials: Trials, subject: str) -> Row:
    took = trials.took(subject)
    target = trials.targets.get(subject)
    return (
        subject,
        str(len(trials.tries[subject])),
        f"{trials.share(subject):.4g} %",
        *([number(v) for v in (median(took), *quantiles(took, 0.95, 1.0))] if took else "---"),
        str(target) if target else "",
        ("yes" if trials.holds(subject) else "NO") if target else "",
    )


def summary(measured: Mapping[str, Sequence[Figure | Trials]]) -> str:
    """Return a line for each target: its outcome, our figure, and the target; then the count."""
    outcomes = [
        (verdict, f"{name}: {sentence}")
        for name, figures in measured.items()
        for figure in figures
        for verdict, sentence in _outcomes(figure)
    ]
    counts = Counter(verdict for verdict, _ in outcomes)
    lines = [f"  {verdict:7}  {sentence}" for verdict, sentence in outcomes]
    decided = counts[HOLDS] + counts[MISSED]
    return "\n".join([*lines, f"{counts[HOLDS]} of {decided} targets hold."])


def _outcomes(figure: Figure | Trials) -> list[tuple[str, str]]:
    """Return the outcome of each target, and a sentence about it."""
    if isinstance(figure, Trials):
        return [
            (HOLDS if figure.holds(subject) else MISSED, _trials_sentence(figure, subject))
            for subject in figure.targets
        ]
    decided = [
        (
            HOLDS if target.holds(figure) else MISSED,
            f"{figure.title}: {target.outcome(figure)}, target {target}",
        )
        for target in figure.decided
    ]
    undecided = [
        (UNDECIDED, f"{figure.title}: {target.peer} was not measured, target {target}")
        for target in figure.undecided
    ]
    return decided + undecided


def _trials_sentence(trials: Trials, subject: str) -> str:
    _, _, share, half, *_ = _trials_row(trials, subject)
    target = trials.targets[subject]
    return f"{trials.what}: {subject}: {share}, median {half} {trials.unit}, target {target}"


def as_json(figures: Mapping[str, Sequence[Figure | Trials]]) -> dict[str, object]:
    """Return all figures with their rounds, tries and targets, for `json.dumps`."""
    return {name: [_as_json(figure) for figure in measured] for name, measured in figures.items()}


def _as_json(figure: Figure | Trials) -> dict[str, object]:
    kind = {"what": figure.what, "unit": figure.unit}
    if isinstance(figure, Trials):
        return {
            **kind,
            "success": figure.success,
            "tries": figure.tries,
            "targets": [
                {"text": str(target), "subject": subject, "holds": figure.holds(subject)}
                for subject, target in figure.targets.items()
            ],
            "unmeasured": figure.unmeasured,
        }
    return {
        **kind,
        "detail": figure.detail,
        "rounds": figure.rounds,
        "absent": figure.absent,
        "remarks": dict(figure.remarks),
        "targets": [
            {
                "text": str(target),
                "peer": getattr(target, "peer", None),
                "outcome": target.outcome(figure),
                "holds": target.holds(figure),
            }
            for target in figure.decided
        ],
    }
