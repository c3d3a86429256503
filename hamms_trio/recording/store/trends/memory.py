"""Trends that end with the process."""

from __future__ import annotations

from collections.abc import Sequence

from hamms_trio.recording.store.seam import TrendRow


class TrendMemory:
    """The `TrendStore` without a file."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, int], TrendRow] = {}

    def note_trends(self, rows: Sequence[TrendRow]) -> None:
        """Add counts to those of the same minute and route."""
        for row in rows:
            key = row.route_key, row.bucket_start
            known = self._rows.get(key)
            self._rows[key] = row if known is None else known.plus(row)

    async def trends(self, route_key: str, since: int) -> list[TrendRow]:
        """Return the rows of one route from ``since`` on, in seconds since the epoch."""
        found = (row for (key, _), row in self._rows.items() if key == route_key)
        return sorted(
            (row for row in found if row.bucket_start >= since), key=lambda row: row.bucket_start
        )

    async def prune_trends(self, before: int) -> None:
        """Delete the rows of minutes before ``before``, in seconds since the epoch."""
        self._rows = {key: row for key, row in self._rows.items() if row.bucket_start >= before}
