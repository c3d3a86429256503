"""The modes that a check would run, without running any."""

from __future__ import annotations

import click

from hamms_trio.app import catalogue_with
from hamms_trio.check.plan.arguments import CheckTimes
from hamms_trio.check.plan.calls import Place, calls_for
from hamms_trio.check.plan.needs import Need, needs_of
from hamms_trio.check.plan.suites import chosen
from hamms_trio.check.running.cells import Cell
from hamms_trio.check.running.lab import described
from hamms_trio.check.running.options import Options
from hamms_trio.modes import FailureMode
from hamms_trio.modes.catalogue import ModeSource

_EVERYTHING = frozenset(Need)


def show_plan(options: Options, modes: tuple[ModeSource, ...], *, with_calls: bool) -> None:
    """Print each mode of the suites, what it needs, and, if wanted, its arguments, its calls and its times."""
    planned = chosen(catalogue_with(modes), options.suites, options.excluded)
    for slug, mode in planned.items():
        needs = ", ".join(need.word for need in needs_of(slug)) or "-"
        click.echo(f"{slug:30}  {mode.client.outcome.name.lower():15}  {needs}")
        if with_calls:
            click.echo(f"{'':4}{_calls(mode, options)}")
    click.echo(f"{len(planned)} modes", err=True)


def _calls(mode: FailureMode, options: Options) -> str:
    times = CheckTimes(options.timeout, cap=options.cap)
    cell = Cell(mode, options.seed)
    place = Place("URL", _EVERYTHING, options.timeout)
    calls = " ".join(call.method for call in calls_for(mode.slug, place))
    arguments = " ".join(described(mode, cell.arguments(times)))
    late, cap = times.late(cell.attempts()), times.cap_for(cell.attempts())
    return f"{calls}, late after {late:g} s, stopped after {cap:g} s  {arguments}".rstrip()
