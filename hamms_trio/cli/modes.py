"""``hamms-trio modes``: the catalogue."""

from __future__ import annotations

import json

import click


@click.command()
@click.argument("slug", required=False)
@click.option("--json", "as_json", is_flag=True, help="As JSON, with everything known.")
def modes(slug: str | None, as_json: bool) -> None:
    """List the failure modes, or describe the one called SLUG."""
    from hamms_trio.app import select_modes
    from hamms_trio.cli import catalogue
    from hamms_trio.errors import UnknownMode

    try:
        selected = select_modes([] if slug is None else [slug])
    except UnknownMode as error:
        raise click.UsageError(str(error)) from None
    if as_json:
        described = [catalogue.as_json(mode) for mode in selected]
        click.echo(json.dumps(described[0] if slug else described, indent=2, ensure_ascii=False))
    elif slug:
        click.echo(catalogue.as_text(selected[0]))
    else:
        for line in catalogue.as_lines(selected):
            click.echo(line)
