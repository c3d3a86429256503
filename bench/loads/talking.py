"""A client of the workbench's API on one connection."""

from __future__ import annotations

from collections.abc import Callable
from http.client import HTTPConnection

from bench.loads.connecting import Address

Ask = Callable[..., tuple[int, bytes]]


def ask(address: Address) -> Ask:
    """Connect, and return a function that sends one request and returns its status and content."""
    connection = HTTPConnection(*address)

    def talk(method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/json"} if path.startswith("/api/") else {}
        connection.request(method, path, body=body, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()

    return talk
