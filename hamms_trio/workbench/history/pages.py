"""Filters and pages of the history."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping

import msgspec

from hamms_trio.recording.store import HistoryQuery, HistoryRow, Store
from hamms_trio.recording.store.seam import PAGE_OCTETS
from hamms_trio.workbench.routing.documents import Document, show
from hamms_trio.workbench.routing.problems import Problem, not_found
from hamms_trio.workbench.routing.turns import Turns
from hamms_trio.workbench.times import instant

MAX_LIMIT = 1_000
DEFAULT_LIMIT = 500  # the reference's whole history
PAGE = 500  # records that are read at once, where all are read
FILTER_NAMES = ("method", "path", "status", "from_ts", "to_ts", "limit", "cursor", "order")

_CURSOR = re.compile(r"([on])([0-9]{1,18})")
_STATUS = re.compile(r"[0-9]{1,6}")
_LIMIT = re.compile(r"[0-9]{1,9}")


def page_query(given: Mapping[str, str]) -> HistoryQuery:
    """Read the parameters of a page.

    Raises:
        Problem: 400 for a parameter that is unknown, or has a value that can't be used.
    """
    for name in given.keys() - set(FILTER_NAMES):
        known = ", ".join(FILTER_NAMES)
        raise Problem(400, "invalid_filter", f"unknown parameter {show(name)}: known are {known}")
    newest_first, beyond = _order(given.get("order")), None
    if given.get("cursor"):
        newest_first, beyond = _position(given["cursor"])
    return HistoryQuery(
        limit=_limit(given.get("limit")),
        beyond=beyond,
        newest_first=newest_first,
        method=given["method"].upper() if given.get("method") else None,
        path=given.get("path") or None,
        status=_status(given.get("status")),
        from_ms=_instant("from_ts", given.get("from_ts")),
        to_ms=_instant("to_ts", given.get("to_ts")),
    )


def cursor(row: HistoryRow, query: HistoryQuery) -> str:
    """Return the cursor of the page that begins after a row."""
    return f"{'n' if query.newest_first else 'o'}{row.number}"


class History:
    """The history of one workbench."""

    def __init__(self, store: Store, turns: Turns | None = None) -> None:
        self._store = store
        self._turns = turns or Turns()

    async def page(self, query: HistoryQuery) -> tuple[list[bytes], str | None]:
        """Return the documents of a page as JSON, and the cursor of the next one; None on the last page."""
        rows = await self._store.history(msgspec.structs.replace(query, limit=query.limit + 1))
        page = rows[: query.limit]
        has_more = len(rows) > query.limit or sum(row.octets for row in page) >= PAGE_OCTETS
        return [row.document for row in page], cursor(page[-1], query) if has_more else None

    async def rows(self, query: HistoryQuery) -> list[HistoryRow]:
        """Return the rows of a page; a page of large rows ends early."""
        return await self._store.history(query)

    async def documents(self, query: HistoryQuery) -> AsyncIterator[Document]:
        """Yield every record that the filters select; other tasks run between the pages."""
        while rows := await self._store.history(query):
            for document in await self._turns.map(_document, rows):
                yield document
            query = msgspec.structs.replace(query, beyond=rows[-1].number)

    async def get(self, request_id: str) -> Document:
        """Return the newest record with this request id.

        Raises:
            Problem: 404.
        """
        row = await self._store.history_row(request_id)
        if row is None:
            raise not_found("request id")
        return _document(row)


def _document(row: HistoryRow) -> Document:
    return msgspec.json.decode(row.document, type=Document)


def _order(text: str | None) -> bool:
    if text not in (None, "", "oldest", "newest"):
        raise Problem(400, "invalid_order", f"order must be oldest or newest, and is {show(text)}")
    return text == "newest"


def _limit(text: str | None) -> int:
    if not text:
        return DEFAULT_LIMIT
    limit = int(text) if _LIMIT.fullmatch(text) else 0
    if not 1 <= limit <= MAX_LIMIT:
        rule = f"limit must be an integer from 1 to {MAX_LIMIT}"
        raise Problem(400, "invalid_limit", f"{rule}, and is {show(text)}")
    return limit


def _position(text: str) -> tuple[bool, int]:
    """Return the order of a cursor, and the number of the row that the page begins after."""
    found = _CURSOR.fullmatch(text)
    if found is None:
        rule = "cursor must be the next_cursor of a page"
        raise Problem(400, "invalid_cursor", f"{rule}, and is {show(text)}")
    return found[1] == "n", int(found[2])


def _status(text: str | None) -> int | None:
    """Read a status; text that is no number selects nothing, as in the reference."""
    if not text:
        return None
    return int(text) if _STATUS.fullmatch(text) else -1


def _instant(name: str, text: str | None) -> int | None:
    if not text:
        return None
    try:
        return instant(text.replace(" ", "+"))  # a plus sign that was not percent-encoded
    except ValueError:
        rule = f"{name} must be a timestamp such as 2026-11-20T21:53:50.000Z"
        raise Problem(400, "invalid_timestamp", f"{rule}, and is {show(text)}") from None
