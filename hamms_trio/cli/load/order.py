"""The options that shape a load, and the load that they describe."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hamms_trio.cli.options import FILE, engine, given, together
from hamms_trio.cli.units import SECONDS, Quantity
from hamms_trio.load.limits import (
    MAX_BODY_OCTETS,
    MAX_CONCURRENCY,
    MAX_DURATION,
    MAX_PIPELINE_DEPTH,
    MAX_RATE,
    MAX_REQUESTS,
)

if TYPE_CHECKING:
    from hamms_trio.load.alternate import Generate
    from hamms_trio.load.generate import LoadWatch
    from hamms_trio.load.plan import Plan

OTHER_DESCRIPTORS = 64  # descriptors that are not connections

_TIME = Quantity("seconds", SECONDS, most=MAX_DURATION)


@dataclass(frozen=True, kw_only=True)
class LoadOrder:
    """The load that the options describe, for any target."""

    concurrency: int
    duration: float
    requests: int
    rate: float | None
    keepalive: bool
    pipeline_depth: int
    method: str | None
    body: str | None
    header: tuple[str, ...]
    timeout: float
    warmup: float
    insecure: bool
    ca: Path | None
    i_own_the_target: bool

    @property
    def plan(self) -> Plan:
        """The shape of the load."""
        from hamms_trio.load.plan import Plan

        return Plan(**{field.name: getattr(self, field.name) for field in fields(Plan)})

    def prepare(self, url: str, watch: LoadWatch) -> Generate:
        """Check the order for a URL, and return the function that makes the load by a plan.

        Raises:
            LoadError: the options don't fit each other or the URL.
        """
        from hamms_trio.errors import LoadError
        from hamms_trio.load.generate import generate
        from hamms_trio.load.plan.request import make_request, parse_field
        from hamms_trio.load.plan.target import client_tls, parse_url

        target = parse_url(url)
        _check_descriptors(self.concurrency)
        request = make_request(
            target,
            method=self.method,
            fields=[parse_field(text) for text in self.header],
            body=None if self.body is None else _read_body(self.body),
            keepalive=self.keepalive,
        )
        if target.scheme == "http" and (self.insecure or self.ca is not None):
            raise LoadError("--insecure and --ca are for an https URL")
        if self.insecure and self.ca is not None:
            raise LoadError("--insecure trusts any server, so --ca would do nothing")
        https = target.scheme == "https"
        tls = client_tls(ca=self.ca, insecure=self.insecure) if https else None
        anywhere = self.i_own_the_target
        return partial(generate, target, request, tls=tls, anywhere=anywhere, watch=watch)

    async def check_address(self, url: str) -> None:
        """Look up the address of a URL, and refuse those that are not allowed.

        Raises:
            LoadError: the URL has no address, or one that is not loopback.
        """
        from hamms_trio.load.plan.target import parse_url, resolve

        await resolve(parse_url(url), anywhere=self.i_own_the_target)


def given_options() -> list[str]:
    """Name the options of an order that the user gave to the running command."""
    names = [*(field.name for field in fields(LoadOrder)), "engine"]
    return [f"--{name.replace('_', '-')}" for name in names if given(name)]


def _read_body(text: str) -> bytes:
    from hamms_trio.errors import LoadError

    if text[:1] != "@":
        return text.encode("utf-8", "surrogateescape")
    try:
        with open(text[1:], "rb") as file:
            return file.read(MAX_BODY_OCTETS + 1)
    except OSError as error:
        raise LoadError(f"can't read the body {text[1:]!r}: {error.strerror}") from None


def _check_descriptors(concurrency: int) -> None:
    from hamms_trio.cli.running.process import raise_descriptor_limit
    from hamms_trio.errors import LoadError

    limit = raise_descriptor_limit()
    needed = concurrency + OTHER_DESCRIPTORS
    if needed > limit:
        raise LoadError(
            f"{concurrency} clients need {needed} descriptors, and this process may open {limit:g}: "
            "give a smaller --concurrency, or raise the limit by ulimit -n"
        )


ORDER = together(
    "order",
    LoadOrder,
    click.option(
        "-c",
        "--concurrency",
        default=100,
        show_default=True,
        type=click.IntRange(1, MAX_CONCURRENCY),
        help="Clients at once, each with a connection.",
    ),
    click.option(
        "-d",
        "--duration",
        default="10s",
        show_default=True,
        type=_TIME,
        help="Time in which requests begin: 500ms, 30s, 5m.",
    ),
    click.option(
        "-n",
        "--requests",
        default=MAX_REQUESTS,
        type=click.IntRange(1, MAX_REQUESTS),
        metavar="N",
        help="End after N requests, if the duration does not end first.",
    ),
    click.option(
        "-r",
        "--rate",
        type=Quantity("rate", {"": 1.0}, most=MAX_RATE),
        help="Requests to begin each second, however slow the answers are. "
        "Without a rate a client sends its next request after each answer.",
    ),
    click.option(
        "--keepalive/--no-keepalive",
        default=True,
        show_default=True,
        help="Let a client use its connection again.",
    ),
    click.option(
        "--pipeline-depth",
        default=1,
        show_default=True,
        type=click.IntRange(1, MAX_PIPELINE_DEPTH),
        help="Requests that a client sends before the first answer.",
    ),
    click.option("-X", "--method", metavar="TOKEN", help="GET, or POST if there is a --body."),
    click.option("--body", metavar="TEXT|@FILE", help="Body of each request."),
    click.option(
        "-H",
        "--header",
        multiple=True,
        metavar="'NAME: VALUE'",
        help="Header field of each request; may be repeated.",
    ),
    click.option(
        "--timeout",
        default="2s",
        show_default=True,
        type=_TIME,
        help="Longest wait of a client for an answer, connecting included.",
    ),
    click.option(
        "--warmup",
        default="0s",
        show_default=True,
        type=_TIME,
        help="Time before the duration in which requests don't count.",
    ),
    click.option("--insecure", is_flag=True, help="Trust any server at an https URL."),
    click.option(
        "--ca",
        type=FILE,
        metavar="FILE",
        help="Trust these certificates (PEM) instead of the system's.",
    ),
    engine(),
    click.option("--i-own-the-target", is_flag=True, help="Allow addresses that are not loopback."),
)
