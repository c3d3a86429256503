"""History rows for tests."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from hamms_trio.recording.store import HistoryQuery, HistoryRow, SqliteStore

ALL = HistoryQuery(limit=1_000_000)


class Event(NamedTuple):
    """An event whose document is written already."""

    id: int
    document: bytes


class Row(msgspec.Struct):
    """A request that is pending."""

    path: str = "/"
    method: str = "GET"
    status: int = 200
    at_ms: int = 1_000
    request_id: str = "id"
    document: bytes = b"{}"

    def row(self) -> HistoryRow:
        return HistoryRow(
            self.at_ms, self.request_id, self.method, self.path, self.status, self.document
        )


async def paths(store: SqliteStore, query: HistoryQuery = ALL) -> list[str]:
    """Return the paths of one page."""
    return [row.path for row in await store.history(query)]
