"""The few statistics that the figures need."""

from __future__ import annotations

from collections.abc import Sequence


def quantiles(values: Sequence[float], *shares: float) -> list[float]:
    """For each share the value that so many of them do not exceed (nearest rank)."""
    ranked = sorted(values)
    return [
        ranked[max(0, min(len(ranked) - 1, round(share * len(ranked)) - 1))] for share in shares
    ]
