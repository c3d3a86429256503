"""Timestamps: UTC with milliseconds on the wire, milliseconds since the epoch within."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def timestamp(at_ms: int) -> str:
    """Write an instant, such as ``2026-11-20T21:52:36.500Z``."""
    return f"{_second(at_ms // 1000)}.{at_ms % 1000:03d}Z"


@lru_cache(maxsize=64)  # each event has a timestamp, and most come in the same second
def _second(at: int) -> str:
    return f"{EPOCH + timedelta(seconds=at):%Y-%m-%dT%H:%M:%S}"


def instant(text: str) -> int:
    """Read a timestamp in ISO 8601; one without an offset is UTC.

    Raises:
        ValueError: the text is not a timestamp.
    """
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    try:
        return (at - EPOCH) // _MILLISECOND
    except OverflowError as error:
        raise ValueError(str(error)) from error
