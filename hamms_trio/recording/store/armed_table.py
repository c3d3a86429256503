"""The table of armed faults."""

from __future__ import annotations

import sqlite3

import msgspec

from hamms_trio.recording.store.seam import StoredFault

_COLUMNS = "id, fault, match, times, until_ms"
_READY = "times > 0 AND until_ms > ?"


def add(connection: sqlite3.Connection, fault: StoredFault) -> None:
    connection.execute(
        f"INSERT OR REPLACE INTO armed ({_COLUMNS}) VALUES (?, ?, ?, ?, ?)",
        msgspec.structs.astuple(fault),
    )


def select(connection: sqlite3.Connection, now_ms: int) -> list[StoredFault]:
    """Return the faults that may strike yet, the oldest first."""
    found = connection.execute(
        f"SELECT {_COLUMNS} FROM armed WHERE {_READY} ORDER BY position", (now_ms,)
    )
    return [StoredFault(*row) for row in found]


def remove(connection: sqlite3.Connection, id: str) -> bool:
    return connection.execute("DELETE FROM armed WHERE id = ?", (id,)).rowcount > 0


def take(connection: sqlite3.Connection, match: str, now_ms: int) -> StoredFault | None:
    """Take one strike of the oldest fault with this match; faults that are spent are deleted."""
    connection.execute(f"DELETE FROM armed WHERE NOT ({_READY})", (now_ms,))
    found = connection.execute(
        "UPDATE armed SET times = times - 1 WHERE position = "
        f"(SELECT min(position) FROM armed WHERE match = ?) RETURNING {_COLUMNS}",
        (match,),
    ).fetchone()
    return StoredFault(*found) if found else None
