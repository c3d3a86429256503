"""Figures as tables for people, and as JSON for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from bench.figures import OURS, Figure, number
from bench.statistics import quantiles
from bench.trials import Trials

_HEADING = ("", "median", "lowest", "highest", "of ours", "target", "holds")
_TRIALS_HEADING = ("median", "p95", "highest", "target", "holds")

Row = tuple[str, ...]  # the name first, target and whether it holds last


def table(figure: Figure | Trials) -> str:
    """One line for each subject; of a `Figure`, ours first."""
    title = f"{figure.what} [{figure.unit}]"
    if isinstance(figure, Trials):
        heading = ("", "tries", figure.success, *_TRIALS_HEADING)
        rows = [_trials_row(figure, subject) for subject in figure.tries]
        missing = [f"  could not be measured: {what}" for what in figure.unmeasured]
        return "\n".join([title, *_aligned(heading, rows), *missing])
    rows = [_row(figure, subject) for subject in sorted(figure.rounds, key=lambda s: s != OURS)]
    rows += [(t.peer, *"----", str(t), "missing here") for t in figure.missing]
    return "\n".join([title, *_aligned(_HEADING, rows)])


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


def summary(figures: Sequence[Figure | Trials]) -> str:
    """How many targets hold, and which do not."""
    verdicts = [verdict for figure in figures for verdict in _verdicts(figure)]
    missed = [f"  {sentence}" for sentence, holds in verdicts if not holds]
    return "\n".join([f"{len(verdicts) - len(missed)} of {len(verdicts)} targets hold.", *missed])


def _verdicts(figure: Figure | Trials) -> list[tuple[str, bool]]:
    """What is to be told of each target that does not hold, and whether it does."""
    if isinstance(figure, Figure):
        sentences = [(_sentence(figure, t), t.holds(figure)) for t in figure.told]
    else:
        sentences = [(_trials_sentence(figure, s), figure.holds(s)) for s in figure.targets]
    return [(f"{figure.what}: {sentence}", holds) for sentence, holds in sentences]


def _sentence(figure: Figure, target: object) -> str:
    peer = getattr(target, "peer", None)
    if peer is None:
        return f"{number(figure.median(OURS))} {figure.unit}, {target} wanted"
    return f"{peer} takes {figure.ratio(peer):.2f} times ours, {target} wanted"


def _trials_sentence(trials: Trials, subject: str) -> str:
    _, _, share, half, *_ = _trials_row(trials, subject)
    target = trials.targets[subject]
    return f"{subject}: {share}, median {half} {trials.unit}, {target} wanted"


def as_json(figures: Mapping[str, Sequence[Figure | Trials]]) -> dict[str, object]:
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
        "rounds": figure.rounds,
        "targets": [
            {"text": str(t), "peer": getattr(t, "peer", None), "holds": t.holds(figure)}
            for t in figure.told
        ],
    }
