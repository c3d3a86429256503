"""``hamms-trio load``: many clients on one server."""

from __future__ import annotations

import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hamms_trio.cli.load_compare import compare
from hamms_trio.cli.options import FILE, NamedPath
from hamms_trio.cli.quantities import SECONDS, Quantity
from hamms_trio.load.limits import (
    MAX_BODY_OCTETS,
    MAX_CONCURRENCY,
    MAX_DURATION,
    MAX_PIPELINE_DEPTH,
    MAX_RATE,
    MAX_REQUESTS,
)
from netsplode.usage import Refused

if TYPE_CHECKING:
    from hamms_trio.load.result import Result

OTHER_DESCRIPTORS = 64  # than those of the connections
STANDARD_OUTPUT = Path("-")

_TIME = Quantity("seconds", SECONDS, most=MAX_DURATION)


class LoadCommand(click.Command):
    """A command with one sub-command, which no URL can be taken for."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        if args[:1] == [compare.name]:
            return compare.make_context(f"{info_name} {compare.name}", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)


@click.command(
    cls=LoadCommand,
    epilog="`hamms-trio load compare A B` compares two results; docs/load.md explains them.",
)
@click.argument("url", required=False)
@click.option(
    "-c",
    "--concurrency",
    default=100,
    show_default=True,
    type=click.IntRange(1, MAX_CONCURRENCY),
    help="Clients at once, each with a connection.",
)
@click.option(
    "-d",
    "--duration",
    default="10s",
    show_default=True,
    type=_TIME,
    help="How long requests are made: 500ms, 30s, 5m.",
)
@click.option(
    "-n",
    "--requests",
    default=MAX_REQUESTS,
    type=click.IntRange(1, MAX_REQUESTS),
    metavar="N",
    help="How many are made at most, within the duration.",
)
@click.option(
    "-r",
    "--rate",
    type=Quantity("rate", {"": 1.0}, most=MAX_RATE),
    help="Requests to begin each second, whatever becomes of them. "
    "Without it a client asks again once it is answered.",
)
@click.option(
    "--keepalive/--no-keepalive",
    default=True,
    show_default=True,
    help="Whether a client uses its connection again.",
)
@click.option(
    "--pipeline-depth",
    default=1,
    show_default=True,
    type=click.IntRange(1, MAX_PIPELINE_DEPTH),
    help="Requests that a client has out at once.",
)
@click.option("-X", "--method", metavar="TOKEN", help="GET, or POST if there is a --body.")
@click.option("--body", metavar="TEXT|@FILE", help="What each request carries.")
@click.option(
    "-H", "--header", multiple=True, metavar="'NAME: VALUE'", help="A field; more may follow."
)
@click.option(
    "--timeout",
    default="2s",
    show_default=True,
    type=_TIME,
    help="How long a client waits for an answer, connecting included.",
)
@click.option(
    "--warmup",
    default="0s",
    show_default=True,
    type=_TIME,
    help="How long requests are made before anything counts.",
)
@click.option("--insecure", is_flag=True, help="Trust whoever answers at an https URL.")
@click.option(
    "--ca",
    type=FILE,
    metavar="FILE",
    help="Trust these certificates (PEM), and not the system's.",
)
@click.option("--i-own-the-target", is_flag=True, help="Go to addresses that are not loopback.")
@click.option(
    "--json",
    "json_file",
    is_flag=False,
    flag_value="-",
    type=NamedPath(dir_okay=False, path_type=Path, allow_dash=True),
    metavar="[FILE]",
    help="Write the result as JSON; without a file to standard output, instead of the report.",
)
def load(json_file: Path | None, **options: Any) -> None:
    """Put a server of your own under load.

    URL is http:// or https://, on a loopback address; what it does is printed.
    """
    from hamms_trio.cli import load_report
    from hamms_trio.errors import LoadError

    try:
        if options["url"] is None and str(json_file).startswith(("http:", "https:")):
            raise LoadError("--json took the URL for its FILE: put the URL first, or --json=FILE")
        if json_file is not None:
            _check_writable(json_file)
        result = _make(**options)
        if json_file is not None:
            _write(json_file, result)
    except LoadError as error:
        raise Refused(str(error)) from None
    if json_file != STANDARD_OUTPUT:
        load_report.show(result)
    if not result.tally.answered:
        click.echo(f"hamms-trio: {load_report.why_silent(result)}", err=True)
        sys.exit(1)


def _make(
    url: str | None,
    *,
    method: str | None,
    body: str | None,
    header: tuple[str, ...],
    i_own_the_target: bool,
    insecure: bool,
    ca: Path | None,
    **shape: Any,
) -> Result:
    """Make the load that the options ask for.

    Raises:
        LoadError: they are no good.
    """
    import trio

    from hamms_trio.cli.load_progress import watch
    from hamms_trio.cli.process import collect_garbage_rarely
    from hamms_trio.errors import LoadError
    from hamms_trio.load.generate import generate
    from hamms_trio.load.plan import Plan
    from hamms_trio.load.request import make_request, parse_field
    from hamms_trio.load.target import client_tls, parse_url

    if url is None:
        raise LoadError("say which URL, such as http://127.0.0.1:8080/")
    where, plan = parse_url(url), Plan(**shape)
    _check_descriptors(plan.concurrency)
    request = make_request(
        where,
        method=method,
        fields=[parse_field(text) for text in header],
        body=None if body is None else _body(body),
        keepalive=plan.keepalive,
    )
    if where.scheme == "http" and (insecure or ca is not None):
        raise LoadError("--insecure and --ca are for an https URL")
    if insecure and ca is not None:
        raise LoadError("--insecure trusts whoever answers, so --ca would do nothing")
    tls = client_tls(ca=ca, insecure=insecure) if where.scheme == "https" else None
    make = partial(generate, tls=tls, anywhere=i_own_the_target, watch=watch)
    collect_garbage_rarely()  # every answer due meanwhile would look late
    return trio.run(make, where, request, plan)


def _body(text: str) -> bytes:
    from hamms_trio.errors import LoadError

    if text[:1] != "@":
        return text.encode("utf-8", "surrogateescape")
    try:
        with open(text[1:], "rb") as file:
            return file.read(MAX_BODY_OCTETS + 1)
    except OSError as error:
        raise LoadError(f"can't read the body {text[1:]!r}: {error.strerror}") from None


def _check_descriptors(concurrency: int) -> None:
    from hamms_trio.cli.process import raise_descriptor_limit
    from hamms_trio.errors import LoadError

    limit = raise_descriptor_limit()
    if concurrency + OTHER_DESCRIPTORS > limit:
        needed = concurrency + OTHER_DESCRIPTORS
        raise LoadError(
            f"{concurrency} clients need {needed} descriptors, and we may have {limit:g}: ask for fewer "
            "by --concurrency, or raise the limit by ulimit -n"
        )


def _check_writable(path: Path) -> None:
    """Find out before the load and not after it."""
    from hamms_trio.errors import LoadError

    if path == STANDARD_OUTPUT:
        return
    if not os.access(path if os.path.exists(path) else path.parent, os.W_OK):
        raise LoadError(
            f"can't write {str(path)!r}: nothing may be written there, or there is no such place"
        )


def _write(path: Path, result: Result) -> None:
    from hamms_trio.errors import LoadError
    from hamms_trio.load.result import as_json

    text = json.dumps(as_json(result), indent=2, ensure_ascii=False)
    if path == STANDARD_OUTPUT:
        click.echo(text)
        return
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise LoadError(f"can't write {str(path)!r}: {error.strerror}") from None
