"""Figures as tables for people, and as JSON for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.figures import OURS, Figure, number

_HEADING = ("", "median", "lowest", "highest", "of ours", "target", "holds")


def table(figure: Figure) -> str:
    """One line for each subject, ours first."""
    rows = [_row(figure, subject) for subject in sorted(figure.rounds, key=lambda s: s != OURS)]
    widths = [max(map(len, column)) for column in zip(_HEADING, *rows, strict=True)]
    lines = [f"{figure.what} [{figure.unit}]"]
    for row in (_HEADING, *rows):
        name, *values, target, holds = row
        cells = [name.ljust(widths[0])]
        cells += [v.rjust(w) for v, w in zip(values, widths[1:-2], strict=True)]
        cells += [target.ljust(widths[-2]), holds]
        lines.append("  " + "  ".join(cells).rstrip())
    return "\n".join(lines)


def _row(figure: Figure, subject: str) -> tuple[str, ...]:
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


def summary(figures: Sequence[Figure]) -> str:
    """How many targets hold, and which do not."""
    held = [(f, t, t.holds(f)) for f in figures for t in f.targets]
    missed = [f"  {f.what}: {_sentence(f, t)}" for f, t, holds in held if not holds]
    return "\n".join([f"{len(held) - len(missed)} of {len(held)} targets hold.", *missed])


def _sentence(figure: Figure, target: object) -> str:
    peer = getattr(target, "peer", None)
    if peer is None:
        return f"{number(figure.median(OURS))} {figure.unit}, {target} wanted"
    return f"{peer} takes {figure.ratio(peer):.2f} times ours, {target} wanted"


def as_json(figures: Mapping[str, Sequence[Figure]]) -> dict[str, object]:
    return {
        name: [
            {
                "what": figure.what,
                "unit": figure.unit,
                "rounds": figure.rounds,
                "targets": [
                    {"text": str(t), "peer": getattr(t, "peer", None), "holds": t.holds(figure)}
                    for t in figure.targets
                ],
            }
            for figure in measured
        ]
        for name, measured in figures.items()
    }
