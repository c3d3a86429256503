"""``hamms-trio modes``: the catalogue."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from hamms_trio.cli import options
from netsplode.usage import Refused

if TYPE_CHECKING:
    from hamms_trio.modes import Catalogue


@click.command(short_help="List the failure modes, or describe one.")
@click.argument("wanted", required=False, metavar="[SLUG|PORT]")
@click.option("--search", metavar="WORDS", help="Only modes whose description has all these words.")
@click.option("--family", metavar="NAME", help="Only modes of this family.")
@click.option(
    "--level",
    type=click.Choice(["must", "should", "quality"], case_sensitive=False),
    help="Only modes whose requirement has this level.",
)
@options.MODES_FROM
@click.option("--json", "as_json", is_flag=True, help="Print JSON with all details.")
def modes(
    wanted: str | None,
    search: str | None,
    family: str | None,
    level: str | None,
    modes_from: tuple[str, ...],
    as_json: bool,
) -> None:
    """List the failure modes, or describe the one named SLUG or the one on PORT."""
    filtered = any(option is not None for option in (search, family, level))
    if wanted is not None and filtered:
        raise click.UsageError("--search, --family and --level filter the list: leave SLUG out")
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
    if filtered:
        doors = catalogue.selected(doors, word=search, family=family, level=level)
        if not doors:
            raise Refused(_nothing_found(known, family))
    if as_json:
        described = [catalogue.as_json(each) for each in ([door] if door else doors)]
        content = described[0] if door else described
        click.echo(json.dumps(content, indent=2, ensure_ascii=False))
    elif door:
        click.echo(catalogue.as_text(door))
    else:
        for line in catalogue.as_lines(doors):
            click.echo(line)


def _nothing_found(known: Catalogue, family: str | None) -> str:
    families = sorted({mode.family for mode in known.values()})
    if family is not None and family not in families:
        return f"there is no family {family!r}: give one of {', '.join(families)}"
    return "no failure mode matches: give fewer words, or another family or level"
