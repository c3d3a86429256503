"""``hamms-trio history``: the answered requests of a running workbench."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import quote

import click

from hamms_trio.cli.remote import REMOTE, Remote, RemoteDocument


@click.command(short_help="Show the requests that a running workbench answered.")
@click.option("--method", help="Only this method.")
@click.option("--path", help="Only paths with this text in them.")
@click.option("--status", type=int, help="Only this status.")
@click.option("--from", "from_ts", metavar="TIME", help="From this instant on.")
@click.option("--to", "to_ts", metavar="TIME", help="Up to this instant.")
@click.option(
    "--limit", default=20, show_default=True, type=click.IntRange(1), help="Number of requests."
)
@click.option("--har", is_flag=True, help="Print HAR 1.2.")
@click.option("--follow", is_flag=True, help="Continue with each new request, until interrupted.")
@click.option(
    "--count",
    type=click.IntRange(1),
    help="With --follow, number of further requests before the end.",
)
@REMOTE
def history(
    har: bool,
    limit: int,
    follow: bool,
    count: int | None,
    remote: Remote,
    **filters: str | int | None,
) -> None:
    """Show the newest requests that a running workbench answered, the oldest of them first.

    With --follow and --json, each request is a document on a line of its own.
    """
    if follow and (har or filters["to_ts"]):
        raise click.UsageError("--follow has no end: leave out --har and --to")
    if count is not None and not follow:
        raise click.UsageError("--count is for --follow")
    if follow:
        _follow(remote, limit, count, filters)
        return
    if har:
        most = min(limit, 1_000)
        document = remote.ask("GET", "/api/history/har", limit=most, order="newest", **filters)
        click.echo(json.dumps(document, indent=2, sort_keys=True))
        return
    records = list(_newest(remote, limit, filters))[::-1]
    remote.show({"history": records}, "\n".join(map(_line, records)))


def _follow(
    remote: Remote, limit: int, count: int | None, filters: dict[str, str | int | None]
) -> None:
    """Print the newest requests, then each one that the event stream announces."""
    remote = replace(remote, is_silent=True)  # or each poll would be one more request to show
    lines = remote.lines("/api/events/stream", topics="request.completed")
    next(lines)  # from here on the stream has every request
    shown = list(_newest(remote, limit, filters))[::-1]
    for record in shown:
        _print(remote, record)
    known = {record["request_id"] for record in shown}
    seen = 0
    for line in lines:
        if not line.startswith("data: "):
            continue
        event = json.loads(line.removeprefix("data: "))
        if "type" not in event:  # a gap
            click.echo(
                f"-- the requests before event {event['oldest_id']} are missing here --", err=True
            )
            continue
        request_id = event["trace_id"]
        if not _is_wanted(event, filters) or request_id in known:
            continue
        _print(remote, remote.ask("GET", f"/api/history/{quote(request_id, safe='')}")["request"])
        seen += 1
        if seen == count:
            return


def _is_wanted(event: RemoteDocument, filters: dict[str, str | int | None]) -> bool:
    """Return True if the filters of the history select the request of an event."""
    payload = event["payload"]
    method, path, status = filters["method"], filters["path"], filters["status"]
    return (
        (method is None or payload["method"] == str(method).upper())
        and (path is None or str(path) in payload["path"])
        and (status is None or payload["status"] == status)
    )


def _print(remote: Remote, record: RemoteDocument) -> None:
    click.echo(json.dumps(record, sort_keys=True) if remote.json else _line(record))


def _newest(
    remote: Remote, limit: int, filters: dict[str, str | int | None]
) -> Iterator[RemoteDocument]:
    cursor: str | None = None
    while limit > 0:
        page = remote.ask(
            "GET", "/api/history", limit=min(limit, 500), order="newest", cursor=cursor, **filters
        )
        yield from page["history"]
        limit -= len(page["history"])
        cursor = page["next_cursor"]
        if cursor is None:
            return


def _line(record: RemoteDocument) -> str:
    return (
        f"{record['ts']}  {record['status']}  {record['latency_ms']:9.3f} ms  {record['method']:7}"
        f"{record['path']}  {record['request_id']}"
    )
