"""``hamms-trio hosts``: lines for /etc/hosts, so that every client can reach a mode by name."""

from __future__ import annotations

from ipaddress import ip_address

import click

from hamms_trio.cli import options
from netsplode.usage import Refused


@click.command(short_help="Print lines for /etc/hosts, with a name for each failure mode.")
@click.option(
    "--address",
    default="127.0.0.1",
    show_default=True,
    help="The server's IP address, as its clients reach it.",
)
@options.MODES_FROM
def hosts(address: str, modes_from: tuple[str, ...]) -> None:
    """Print lines for /etc/hosts, with SLUG.hamms.localhost for each mode that a host name can choose.

    curl and browsers resolve these names themselves; many other clients ask the system, which may not know them.
    """
    from hamms_trio.app import catalogue_with
    from hamms_trio.errors import CatalogueError
    from hamms_trio.modes.catalogue import modes_of_module

    try:
        where = ip_address(address)
        known = catalogue_with(modes_of_module(name) for name in modes_from)
    except (CatalogueError, ValueError) as error:
        raise Refused(str(error)) from None
    for mode in known.values():
        if mode.speaks_tls or not mode.needs_port:
            click.echo(f"{where} {mode.slug}.hamms.localhost {mode.slug}.hamms")
