"""``hamms-trio decisions``: the requests that a failure mode strikes, before any client has sent one."""

from __future__ import annotations

import json

import click

from hamms_trio.cli import options
from netsplode.usage import Refused

MOST_DECISIONS = 10_000


def _modifier(name: str, takes: str) -> options.Option:
    return click.option(f"--{name}", metavar="VALUE", help=takes)


@click.command(short_help="Print which requests a failure mode strikes.")
@click.argument("slug", metavar="SLUG")
@click.option("--seed", default=0, show_default=True, help="Seed of every random choice.")
@click.option(
    "--count",
    default=20,
    show_default=True,
    type=click.IntRange(1, MOST_DECISIONS),
    help="Number of requests.",
)
@_modifier("key", "Key of the requests.")
@_modifier("share", "The share of the requests that is struck, 0 to 1.")
@_modifier("every", "Strike every n-th request only.")
@_modifier("first", "Strike the first n requests only.")
@_modifier("skip", "Spare the first n requests.")
@options.SET
@options.MODES_FROM
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def decisions(
    slug: str,
    seed: int,
    count: int,
    given: tuple[str, ...],
    modes_from: tuple[str, ...],
    as_json: bool,
    **modifiers: str | None,
) -> None:
    """Print the requests that the failure mode SLUG strikes, in their order.

    Chance is a function of seed, mode, key and index, so every server with this seed makes the same decisions.
    """
    from hamms_trio.app import catalogue_with
    from hamms_trio.errors import CatalogueError, ParameterError, UnknownMode
    from hamms_trio.lab.doors import Door, Doors
    from hamms_trio.modes.catalogue import modes_of_module
    from hamms_trio.testing.decisions import decisions as decided

    chosen = {name: value for name, value in modifiers.items() if value is not None}
    arguments = {**options.settings(given), **chosen}
    try:
        doors = Doors(catalogue_with(modes_of_module(name) for name in modes_from))
        known = doors.find(slug)
        door = Door(known.name, known.mode, {**known.given, **known.mode.checked(arguments)})
    except (CatalogueError, ParameterError, UnknownMode) as error:
        raise Refused(str(error)) from None
    if not door.listens:
        raise Refused(f"{door.slug} has nothing to decide: {door.mode.needs_port}")
    table = list(decided(door, seed=seed, count=count))
    if as_json:
        click.echo(json.dumps({"mode": door.slug, "seed": seed, "strikes": table}))
        return
    click.echo(f"{door.slug}, seed {seed}")
    for number, strikes in enumerate(table, 1):
        click.echo(f"{number:>6}  {'strikes' if strikes else 'spares'}")
