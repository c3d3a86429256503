"""``hamms-trio certs``: how to trust the lab's authority, and certificates for servers under test."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from urllib.parse import urlsplit

import click

from hamms_trio.cli import options
from hamms_trio.cli.options import FILE, NamedPath, given
from hamms_trio.cli.secure import CA_DIR
from netsplode.usage import Refused

DIRECTORY = Path("certs")
SERVER = "http://127.0.0.1:5599"
SERVER_SECONDS = 10.0
MAX_ROOT_OCTETS = 64 * 1024  # of a root in PEM


@dataclass(frozen=True, kw_only=True)
class Trusted:
    """The root that clients are to trust, and the files and forms that the user wants."""

    ca_dir: Path | None
    server: str
    env: bool
    pem: Path | None
    pkcs12: Path | None
    client: Path | None


TRUSTED = options.together(
    "trusted",
    Trusted,
    click.option("--ca-dir", type=CA_DIR, help="Folder of the authority, as for serve."),
    click.option(
        "--server",
        default=SERVER,
        show_default=True,
        help="A running server, whose /_hamms/ca.pem is read unless --ca-dir is given.",
    ),
    click.option(
        "--env",
        is_flag=True,
        help='Print variables by which clients trust the root, for eval "$(hamms-trio certs --env)".',
    ),
    click.option("--pem", type=FILE, help="Write the root to this file, in PEM."),
    click.option(
        "--pkcs12", type=FILE, help="Write the root to this file as a truststore for Java."
    ),
    click.option(
        "--client",
        type=FILE,
        help="Write a client's certificate and its key to this file, in PEM; needs --ca-dir.",
    ),
)


@click.command(short_help="Trust the lab's certificates, or make one for a server.")
@click.argument("directory", type=NamedPath(file_okay=False, path_type=Path), default=DIRECTORY)
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
@TRUSTED
def certs(directory: Path, names: tuple[str, ...], days: int, trusted: Trusted) -> None:
    """Print how clients trust the authority of a running server, or of --ca-dir, and export its root.

    With DIRECTORY, make a certificate there for a server of your own, signed by the authority in that directory.
    """
    from hamms_trio.errors import CertificateUnusable

    makes = any(map(given, ("directory", "names", "days")))
    asked = [name for name in ("ca_dir", "server", "env", "pem", "pkcs12", "client") if given(name)]
    if makes and asked:
        option = "--" + asked[0].replace("_", "-")
        raise click.UsageError(
            f"{option} is about an authority: leave DIRECTORY, --name and --days out"
        )
    try:
        if makes:
            _make(directory, names, days)
        else:
            _trust(trusted)
    except CertificateUnusable as error:
        raise Refused(str(error)) from None
    except OSError as error:
        raise Refused(f"{error.filename}: {error.strerror}") from None


def _make(directory: Path, names: tuple[str, ...], days: int) -> None:
    from hamms_trio.pki.folder import SERVER_NAMES, make_certificates

    made = make_certificates(directory, names or SERVER_NAMES, days=days)
    authority = quote(str(made.authority))
    click.echo(
        f"authority    {made.authority}    trusted by clients, as in: curl --cacert {authority}"
    )
    click.echo(f"certificate  {made.certificate}")
    click.echo(f"key          {made.key}")


def _trust(trusted: Trusted) -> None:
    from hamms_trio.pki.trust import describe, truststore

    root = _root_of(trusted)
    try:
        described, store = describe(root), truststore(root)
    except ValueError as error:
        raise Refused(
            f"the root of {trusted.ca_dir or trusted.server} is unusable: {error}"
        ) from None
    folder = _folder(trusted, root)
    pem, pkcs12 = trusted.pem or folder / "ca.pem", trusted.pkcs12 or folder / "ca.p12"
    for path, octets in ((pem, root), (pkcs12, store)):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.suffix != ".pem" or not path.exists() or path.read_bytes() != octets:
            path.write_bytes(octets)
    if trusted.client is not None:
        _write_client(trusted)
    if trusted.env:
        _print_variables(pem, pkcs12)
    else:
        _print_instructions(pem, pkcs12, described, trusted)


def _print_variables(pem: Path, pkcs12: Path) -> None:
    from hamms_trio.pki.trust import variables

    for name, value in variables(pem.absolute(), pkcs12.absolute()).items():
        click.echo(f"export {name}={quote(value)}")


def _print_instructions(pem: Path, pkcs12: Path, described: str, trusted: Trusted) -> None:
    from hamms_trio.pki.trust import PASSWORD, instructions

    click.echo(f"root        {pem}    {described}")
    click.echo(f"truststore  {pkcs12}    for Java; the password is {PASSWORD}")
    if trusted.client is not None:
        click.echo(
            f"client      {trusted.client}    as in: curl --cert {quote(str(trusted.client))}"
        )
    click.echo()
    for client, line in instructions(pem.absolute(), pkcs12.absolute()):
        click.echo(f"{client:<10}  {line}")
    source = f" --ca-dir {quote(str(trusted.ca_dir))}" if trusted.ca_dir else ""
    click.echo(f'all         eval "$(hamms-trio certs{source} --env)"')


def _root_of(trusted: Trusted) -> bytes:
    """Return the root in PEM, from the folder or from a running server."""
    import http.client  # only now: no other command needs it

    if trusted.ca_dir is not None:
        path = trusted.ca_dir / "ca.pem"
        if not path.exists():
            raise Refused(
                f"{trusted.ca_dir} has no ca.pem: hamms-trio serve --ca-dir {trusted.ca_dir} makes one"
            )
        return path.read_bytes()
    scheme, host, port = "", None, None
    with suppress(ValueError):
        url = urlsplit(trusted.server)
        scheme, host, port = url.scheme, url.hostname, url.port
    if scheme != "http" or not host:
        raise Refused(f"--server {trusted.server} is no URL: give one such as {SERVER}")
    connection = http.client.HTTPConnection(host, port, timeout=SERVER_SECONDS)
    try:
        connection.request("GET", "/_hamms/ca.pem")
        answer = connection.getresponse()
        octets = answer.read(MAX_ROOT_OCTETS)
    except (OSError, http.client.HTTPException) as error:
        raise Refused(
            f"no server answers at {trusted.server}: {error}; start hamms-trio serve, or give --ca-dir"
        ) from None
    finally:
        connection.close()
    if answer.status != http.client.OK:
        raise Refused(f"{trusted.server} has no /_hamms/ca.pem: it answers {answer.status}")
    return octets


def _folder(trusted: Trusted, root: bytes) -> Path:
    """Return the folder for files that no option names: the authority's, or a cache of this user for the root."""
    from hamms_trio.pki.trust import fingerprint

    if trusted.ca_dir is not None:
        return trusted.ca_dir
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache, "hamms-trio", fingerprint(root))


def _write_client(trusted: Trusted) -> None:
    from hamms_trio.pki.folder import write_client_certificate

    if trusted.ca_dir is None or trusted.client is None:
        raise Refused("--client needs the authority's key: give --ca-dir")
    write_client_certificate(trusted.ca_dir, trusted.client)
