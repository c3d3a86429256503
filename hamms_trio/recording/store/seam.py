"""The seam between the workbench and its store: one protocol, and the rows that cross it.

Documents are JSON octets; the store never looks into them. Everything that a reader waits for is a
coroutine, and everything that a busy server writes on the way is a plain call which never blocks. Several
instances may therefore share a store that stands on another machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

PAGE_OCTETS = 8 * 1024 * 1024  # of the rows of a page; it ends with the row that reaches them
MAX_TRENDS = 10_000  # rows of trends that wait until they are written
TREND_BUCKETS = 11  # latencies: ten bounds, and everything above the last


class HistoryRow(msgspec.Struct, frozen=True):
    """One answered request.

    Attributes:
        number: its place in the history, counted from 1; 0 until it is stored.
        at_ms: when it was answered, in milliseconds since the epoch.
        octets: its share of the history's bound in octets.
        document: the whole record as JSON.
    """

    at_ms: int
    request_id: str
    method: str
    path: str
    status: int
    document: bytes
    number: int = 0

    @property
    def octets(self) -> int:
        return len(self.document) + len(self.path)


class PendingRow(Protocol):
    """An answered request that the store renders later, off the request's path."""

    def row(self) -> HistoryRow: ...


class PendingEvent(Protocol):
    """An event whose document is written when somebody reads it."""

    @property
    def id(self) -> int: ...
    @property
    def document(self) -> bytes: ...


class HistoryQuery(msgspec.Struct, frozen=True):
    """A page of the history.

    Attributes:
        beyond: the number of the last row that the caller has; the page begins after it.
        newest_first: True if the page runs from the newest row to older ones.
        path: a part of the path.
        from_ms, to_ms: inclusive.
    """

    limit: int
    beyond: int | None = None
    newest_first: bool = False
    method: str | None = None
    path: str | None = None
    status: int | None = None
    from_ms: int | None = None
    to_ms: int | None = None


class HistoryBounds(msgspec.Struct, frozen=True):
    """The size of the history; the oldest rows are evicted first. ``seconds`` is None for any age."""

    rows: int = 500
    octets: int = 256 * 1024 * 1024
    seconds: float | None = None


class StoredFault(msgspec.Struct, frozen=True):
    """A fault that waits for the next requests which match it.

    Attributes:
        fault: the failure mode, as its slug with an optional query.
        match: the requests that it waits for; the store compares the whole text.
        times: the number of requests that it still strikes.
        until_ms: when it expires, in milliseconds since the epoch.
    """

    id: str
    fault: str
    match: str
    times: int
    until_ms: int


class TrendRow(msgspec.Struct, frozen=True):
    """The requests of one route in one minute.

    Attributes:
        bucket_start: the minute, in seconds since the epoch.
        buckets: a count for each range of latencies.
    """

    bucket_start: int
    route_key: str
    request_count: int
    status_4xx: int
    status_5xx: int
    buckets: tuple[int, ...]

    def plus(self, other: TrendRow) -> TrendRow:
        """Return the sum of this row and one of the same minute and route."""
        return TrendRow(
            self.bucket_start,
            self.route_key,
            self.request_count + other.request_count,
            self.status_4xx + other.status_4xx,
            self.status_5xx + other.status_5xx,
            tuple(a + b for a, b in zip(self.buckets, other.buckets, strict=True)),
        )


class StoreHealth(msgspec.Struct):
    """The store's losses.

    Attributes:
        refused: writes that a caller waited for, and that failed.
        lost: rows of history, events and trends that could not be written.
        problem: the last failure in words; empty while the store works.
    """

    refused: int = 0
    lost: int = 0
    problem: str = ""


class TrendStore(Protocol):
    """A store of trends alone, which may have a file of their own."""

    def note_trends(self, rows: Sequence[TrendRow]) -> None:
        """Add counts to those that the store has of the same minute and route."""

    async def trends(self, route_key: str, since: int) -> list[TrendRow]: ...
    async def prune_trends(self, before: int) -> None: ...


class Store(TrendStore, Protocol):
    """Records, history, counters, armed faults, event log and trends.

    Every coroutine raises `StoreUnavailable` if the store can't do its work at the moment.
    """

    @property
    def health(self) -> StoreHealth: ...

    # Records: documents by kind and id, in the order in which they were first put

    async def records(self, kind: str) -> list[tuple[str, bytes]]: ...
    async def put(self, kind: str, id: str, document: bytes) -> None: ...
    async def put_all(self, kind: str, documents: Sequence[tuple[str, bytes]]) -> None:
        """Put all documents, or none of them."""

    async def delete(self, kind: str, id: str) -> None: ...

    # History

    def note_request(self, pending: PendingRow) -> None:
        """Add an answered request; a reader that asks from now on sees it."""

    async def history(self, query: HistoryQuery) -> list[HistoryRow]: ...
    async def history_row(self, request_id: str) -> HistoryRow | None: ...
    async def history_size(self) -> int: ...
    async def clear_history(self) -> None: ...

    # Counters

    async def count(self, name: str, by: int = 1) -> int:
        """Add to a counter and return its new value."""

    async def counters(self) -> Mapping[str, int]: ...
    async def reset_counters(self, prefix: str) -> None: ...

    # Armed faults

    async def arm(self, fault: StoredFault) -> None: ...
    async def armed(self, now_ms: int) -> list[StoredFault]: ...
    async def disarm(self, id: str) -> bool:
        """Remove a fault; False if it is not there."""

    async def strike(self, match: str, now_ms: int) -> StoredFault | None:
        """Take one strike of the oldest fault with this match; None if there is none."""

    # Event log

    async def reserve_events(self, count: int) -> int:
        """Reserve so many event ids for the caller, and return the first one; no id is reserved twice."""

    async def return_events(self, first_unused: int) -> None:
        """Give back the ids of the caller's last block from this one on."""

    def note_event(self, event: PendingEvent) -> None:
        """Add an event, whose id is greater than those before."""

    async def events(self, after: int, limit: int) -> list[tuple[int, bytes]]:
        """Return the newest events with a greater id than ``after``, in order."""
