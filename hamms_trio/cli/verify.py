"""``hamms-trio verify``: check that the expected requests came."""

from __future__ import annotations

from typing import Any

import click

from hamms_trio.cli.remote import REMOTE, Remote, RemoteDocument
from netsplode.usage import Refused

NOT_VERIFIED = 3  # the exit code


@click.command(short_help="Check which requests reached a running workbench.")
@click.argument("method")
@click.argument("path")
@click.option("--times", type=click.IntRange(0), help="Exact number of requests.")
@click.option("--at-least", type=click.IntRange(0), help="Least number of requests; 1 by default.")
@click.option("--at-most", type=click.IntRange(0), help="Greatest number of requests.")
@click.option("--within-seconds", type=float, help="Only requests of the last so many seconds.")
@click.option(
    "--header",
    "headers",
    multiple=True,
    metavar="NAME:VALUE",
    help="A field of the request; may be repeated.",
)
@click.option(
    "--query",
    multiple=True,
    metavar="NAME=VALUE",
    help="A parameter of the query; may be repeated.",
)
@click.option("--body-contains", help="A text in the content.")
@REMOTE
@click.pass_context
def verify(
    context: click.Context,
    /,
    headers: tuple[str, ...],
    query: tuple[str, ...],
    remote: Remote,
    **wanted: Any,
) -> None:
    """Check that requests with METHOD and PATH reached a running workbench.

    Exit code 0 if they did; 3 if they did not, and the nearest request is shown.
    """
    document: RemoteDocument = {name: value for name, value in wanted.items() if value is not None}
    document["headers"] = dict(_pair(text, ":", "--header") for text in headers)
    document["query"] = dict(_pair(text, "=", "--query") for text in query)
    verdict = remote.ask("POST", "/api/verify", document)
    times = "once" if verdict["count"] == 1 else f"{verdict['count']} times"
    remote.show(verdict, verdict["message"] or f"verified: the request came {times}")
    context.exit(0 if verdict["verified"] else NOT_VERIFIED)


def _pair(text: str, mark: str, option: str) -> tuple[str, str]:
    name, found, value = text.partition(mark)
    if not found:
        raise Refused(f"{option} {text!r} has no {mark!r}: give NAME{mark}VALUE")
    return name.strip(), value.strip()
