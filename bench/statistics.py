"""The few statistics that the figures need."""

from __future__ import annotations

from collections.abc import Sequence


def quantiles(values: Sequence[float], *shares: float) -> list[float]:
    """Return for each share the smallest value that this share does not exceed (nearest rank)."""
    ranked = sorted(values)
    return [
        ranked[max(0, min(len(ranked) - 1, round(share * len(ranked)) - 1))] for share in shares
    ]
