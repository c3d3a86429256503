"""Exchanges for tests."""

from __future__ import annotations

from typing import Any

from hamms_trio.workbench.history import RecordedExchange


def exchange(target: str = "/", method: str = "GET", **more: Any) -> RecordedExchange:
    """Return an exchange of which a test says only what matters to it."""
    usual: dict[str, Any] = {
        "request_id": "id",
        "status": 200,
        "at_ms": 1_000,
        "latency": 0.0015,
        "octets_in": 10,
        "octets_out": 20,
    }
    return RecordedExchange(method=method, target=target, **{**usual, **more})
