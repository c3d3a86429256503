"""``hamms-trio certs``: certificates for servers under test."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

import click

from hamms_trio.cli.options import NamedPath
from netsplode.usage import Refused


@click.command(short_help="Make a certificate and the authority that signs it.")
@click.argument("directory", type=NamedPath(file_okay=False, path_type=Path), default=Path("certs"))
@click.option(
    "--name",
    "names",
    multiple=True,
    help="Host name or address of the server; may be repeated. Default: localhost, 127.0.0.1, ::1.",
)
@click.option(
    "--days",
    type=click.IntRange(1, 3650),
    default=365,
    show_default=True,
    help="Days until the certificate expires.",
)
def certs(directory: Path, names: tuple[str, ...], days: int) -> None:
    """Make a certificate in DIRECTORY (default: certs), signed by the authority in that directory."""
    from hamms_trio.errors import CertificateUnusable
    from hamms_trio.pki.folder import LOCAL_NAMES, make_certificates

    try:
        made = make_certificates(directory, names or LOCAL_NAMES, days=days)
    except CertificateUnusable as error:
        raise Refused(str(error)) from None
    trusted = quote(str(made.authority))
    click.echo(
        f"authority    {made.authority}    trusted by clients, as in: curl --cacert {trusted}"
    )
    click.echo(f"certificate  {made.certificate}")
    click.echo(f"key          {made.key}")
