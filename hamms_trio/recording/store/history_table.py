"""The history's two tables: a narrow one that filters scan, and the documents beside it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from time import time
from typing import Any

from hamms_trio.recording.store.seam import PAGE_OCTETS, HistoryBounds, HistoryQuery, HistoryRow

# Rows of one statement. SQLite gives up Python's lock once a statement, and getting it back from a busy loop
# takes up to 5 ms each time.
ROWS_AT_ONCE = 200

_COLUMNS = "number, at_ms, request_id, method, path, status"


class HistoryWriter:
    """The history's only writer, which knows how many octets the history has.

    Args:
        bounds: the size that the oldest rows are evicted beyond.
    """

    def __init__(self, bounds: HistoryBounds) -> None:
        self._bounds = bounds
        self._octets: int | None = None  # None until it is read from the table

    def add(self, connection: sqlite3.Connection, rows: Sequence[HistoryRow]) -> None:
        """Add rows, and evict the oldest ones beyond the bounds."""
        octets, self._octets = self._octets, None
        if octets is None:
            octets = _octets(connection, "")
        first = _last_number(connection) + 1
        _insert(connection, first, rows)
        octets += sum(row.octets for row in rows)
        oldest = _oldest_within(connection, first + len(rows) - 1, octets, self._bounds)
        octets -= _octets(connection, f"WHERE number < {oldest}")
        connection.execute("DELETE FROM history WHERE number < ?", (oldest,))
        connection.execute("DELETE FROM history_documents WHERE number < ?", (oldest,))
        self._octets = octets

    def start_afresh(self) -> None:
        """Discard the known size: rows were changed elsewhere, or were not committed."""
        self._octets = None


def select(connection: sqlite3.Connection, query: HistoryQuery) -> list[HistoryRow]:
    """Return one page; its cost does not depend on its place, since it begins after a given row.

    The page ends early at the row with which it has `PAGE_OCTETS`.
    """
    conditions, values = _conditions(query)
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    order = "DESC" if query.newest_first else "ASC"
    narrow = connection.execute(
        f"SELECT {_COLUMNS}, octets FROM history {where} ORDER BY number {order} LIMIT ?",
        [*values, query.limit],
    )
    chosen, octets = [], 0
    for *columns, size_of_row in narrow:
        chosen.append(columns)
        octets += size_of_row
        if octets >= PAGE_OCTETS:
            break
    documents: dict[int, bytes] = {}
    for begin in range(0, len(chosen), ROWS_AT_ONCE):
        some = [columns[0] for columns in chosen[begin : begin + ROWS_AT_ONCE]]
        documents |= connection.execute(
            "SELECT number, document FROM history_documents "
            f"WHERE number IN ({', '.join('?' * len(some))})",
            some,
        )
    return list(_rows((*columns, documents[columns[0]]) for columns in chosen))


def find(connection: sqlite3.Connection, request_id: str) -> HistoryRow | None:
    """Return the newest row with this request id; a client may have used it more than once."""
    found = connection.execute(
        f"SELECT {_COLUMNS}, document FROM history JOIN history_documents USING (number) "
        "WHERE request_id = ? ORDER BY number DESC LIMIT 1",
        (request_id,),
    )
    return next(_rows(found), None)


def size(connection: sqlite3.Connection) -> int:
    count: int = connection.execute("SELECT count(*) FROM history").fetchone()[0]
    return count


def clear(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM history")
    connection.execute("DELETE FROM history_documents")


def _narrow(number: int, row: HistoryRow) -> tuple[object, ...]:
    return number, row.at_ms, row.request_id, row.method, row.path, row.status, row.octets


def _rows(found: Iterable[Sequence[Any]]) -> Iterator[HistoryRow]:
    for number, at_ms, request_id, method, path, status, document in found:
        yield HistoryRow(at_ms, request_id, method, path, status, document, number)


def _conditions(query: HistoryQuery) -> tuple[list[str], list[object]]:
    beyond = "number < ?" if query.newest_first else "number > ?"
    known = (
        (beyond, query.beyond),
        ("method = ?", query.method),
        ("instr(path, ?) > 0", query.path),
        ("status = ?", query.status),
        ("at_ms >= ?", query.from_ms),
        ("at_ms <= ?", query.to_ms),
    )
    given = [(condition, value) for condition, value in known if value is not None]
    return [condition for condition, _ in given], [value for _, value in given]


def _last_number(connection: sqlite3.Connection) -> int:
    """Return the greatest number that was ever used, so that a cursor never meets a number again."""
    found = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'history'").fetchone()
    return int(found[0]) if found else 0


def _insert(connection: sqlite3.Connection, first: int, rows: Sequence[HistoryRow]) -> None:
    waiting = iter(enumerate(rows, first))
    while some := list(islice(waiting, ROWS_AT_ONCE)):
        narrow = ", ".join(["(?, ?, ?, ?, ?, ?, ?)"] * len(some))
        values = [value for number, row in some for value in _narrow(number, row)]
        connection.execute(f"INSERT INTO history ({_COLUMNS}, octets) VALUES {narrow}", values)
        wide = ", ".join(["(?, ?)"] * len(some))
        documents = [value for number, row in some for value in (number, row.document)]
        connection.execute(f"INSERT INTO history_documents VALUES {wide}", documents)


def _octets(connection: sqlite3.Connection, where: str) -> int:
    return int(connection.execute(f"SELECT total(octets) FROM history {where}").fetchone()[0])


def _oldest_within(
    connection: sqlite3.Connection, last: int, octets: int, bounds: HistoryBounds
) -> int:
    """Return the number of the oldest row that every bound lets stay."""
    oldest = max(0, last - bounds.rows + 1)
    if bounds.seconds is not None:
        cut = int((time() - bounds.seconds) * 1000)
        found = connection.execute(
            "SELECT number FROM history WHERE at_ms >= ? ORDER BY number LIMIT 1", (cut,)
        ).fetchone()
        oldest = max(oldest, found[0] if found else last + 1)
    if octets <= bounds.octets:
        return oldest
    for number, size_of_row in connection.execute(
        "SELECT number, octets FROM history ORDER BY number"
    ):
        if octets <= bounds.octets:
            return max(oldest, int(number))
        octets -= size_of_row
    return last + 1
