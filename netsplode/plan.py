"""Plans: which techniques to try on a connection, in which order, and for how long."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from netsplode.targets import Target
from netsplode.techniques import ABORT, CLOSE, RST, TECHNIQUES, Technique, in_order

TechniqueName = str | Sequence[str]
# A technique, and its time limit in seconds; None gives it a share of the time that is left.
Turn: TypeAlias = tuple[Technique, float | None]
Plan = Callable[[Target], Sequence[Turn]]


def plan_of(technique: TechniqueName) -> Plan:
    """Make the plan for "auto", for one technique, or for several in this order.

    Raises:
        ValueError: there is no technique of such a name.
    """
    if technique == "auto":
        return _auto
    names = [technique] if isinstance(technique, str) else list(technique)
    known = {each.name: each for each in TECHNIQUES}
    for name in names or [""]:
        if name not in known:
            raise ValueError(f"{name!r} is no technique: {', '.join(['auto', *known])}")
    chosen: list[Turn] = [(known[name], None) for name in names]
    return lambda target: chosen


def _auto(target: Target) -> Sequence[Turn]:
    return [(each, None) for each in in_order(target)]


def plan_from_legacy_arguments(
    use_abortive_close: bool | None, fallback_to_abortive_close_after: float | None
) -> Plan:
    """Make the plan that the first netsplode's arguments describe.

    Raises:
        ValueError: the time is negative.
    """
    abortive: list[Turn] = [(ABORT, None), (CLOSE, None)]
    if use_abortive_close:
        return lambda target: abortive
    seconds = fallback_to_abortive_close_after
    if seconds is not None and seconds < 0:
        raise ValueError(f"fallback_to_abortive_close_after={seconds}: give 0 seconds or more")
    injecting: list[Turn] = [(RST, seconds)]
    return lambda target: injecting if seconds is None else injecting + abortive
