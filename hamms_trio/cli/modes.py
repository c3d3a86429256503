"""``hamms-trio modes``: the catalogue."""

from __future__ import annotations

import json

import click

from hamms_trio.cli import options


@click.command()
@click.argument("wanted", required=False, metavar="[SLUG|PORT]")
@options.MODES_FROM
@click.option("--json", "as_json", is_flag=True, help="Print JSON with all details.")
def modes(wanted: str | None, modes_from: tuple[str, ...], as_json: bool) -> None:
    """List the failure modes, or describe the one named SLUG or the one on PORT."""
    from hamms_trio.app import catalogue_with
    from hamms_trio.cli import catalogue
    from hamms_trio.errors import CatalogueError, UnknownMode
    from hamms_trio.modes.catalogue import modes_of_module

    try:
        known = catalogue_with(modes_of_module(name) for name in modes_from)
        door = None if wanted is None else catalogue.find_door(known, wanted)
    except (CatalogueError, UnknownMode) as error:
        raise click.UsageError(str(error)) from None
    doors = catalogue.listed_doors(known)
    if as_json:
        described = [catalogue.as_json(each) for each in ([door] if door else doors)]
        content = described[0] if door else described
        click.echo(json.dumps(content, indent=2, ensure_ascii=False))
    elif door:
        click.echo(catalogue.as_text(door))
    else:
        for line in catalogue.as_lines(doors):
            click.echo(line)
