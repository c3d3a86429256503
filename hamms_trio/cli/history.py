"""``hamms-trio history``: the answered requests of a running workbench."""

from __future__ import annotations

import json
from collections.abc import Iterator

import click

from hamms_trio.cli.remote import REMOTE, Document, Remote


@click.command(short_help="Show the requests that a running workbench answered.")
@click.option("--method", help="Only this method.")
@click.option("--path", help="Only paths with this text in them.")
@click.option("--status", type=int, help="Only this status.")
@click.option("--from", "from_ts", metavar="TIME", help="From this instant on.")
@click.option("--to", "to_ts", metavar="TIME", help="Up to this instant.")
@click.option(
    "--limit", default=20, show_default=True, type=click.IntRange(1), help="The newest so many."
)
@click.option("--har", is_flag=True, help="Print them as HAR 1.2.")
@REMOTE
def history(har: bool, limit: int, remote: Remote, **filters: str | int | None) -> None:
    """Show the newest requests that a running workbench answered, the oldest of them first."""
    if har:
        most = min(limit, 1_000)
        document = remote.ask("GET", "/api/history/har", limit=most, order="newest", **filters)
        click.echo(json.dumps(document, indent=2, sort_keys=True))
        return
    records = list(_newest(remote, limit, filters))[::-1]
    remote.show({"history": records}, "\n".join(map(_line, records)))


def _newest(remote: Remote, limit: int, filters: dict[str, str | int | None]) -> Iterator[Document]:
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


def _line(record: Document) -> str:
    return (
        f"{record['ts']}  {record['status']}  {record['latency_ms']:9.3f} ms  {record['method']:7}"
        f"{record['path']}  {record['request_id']}"
    )
