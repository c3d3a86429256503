"""``hamms-trio events``: the events of a running workbench, live."""

from __future__ import annotations

import json
from contextlib import suppress

import click

from hamms_trio.cli.remote import REMOTE, Remote
from netsplode.usage import Commands


@click.group(cls=Commands, short_help="Watch a running workbench.")
def events() -> None:
    """Watch the events of a running workbench."""


@events.command("tail")
@click.option("--topics", help="Types of events, separated by commas.")
@click.option("--since-id", type=click.IntRange(0), help="Begin after the event with this id.")
@click.option("--count", type=click.IntRange(1), help="Number of events before the end.")
@REMOTE
def tail(topics: str | None, since_id: int | None, count: int | None, remote: Remote) -> None:
    """Print events as they happen, one a line, until interrupted."""
    with suppress(KeyboardInterrupt):
        _tail(topics, since_id, count, remote)


def _tail(topics: str | None, since_id: int | None, count: int | None, remote: Remote) -> None:
    seen = 0
    for line in remote.lines("/api/events/stream", topics=topics, since_id=since_id):
        if not line.startswith("data: "):
            continue
        text = line.removeprefix("data: ")
        click.echo(text if remote.json else _line(json.loads(text)))
        seen += 1
        if seen == count:
            return


def _line(event: dict[str, object]) -> str:
    if "type" not in event:  # a gap
        return f"-- the events before {event['oldest_id']} are gone --"
    payload = json.dumps(event["payload"], sort_keys=True)
    return f"{event['ts']}  {event['id']}  {event['type']}  {payload}"
