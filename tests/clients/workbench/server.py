"""Servers in processes of their own, started as a user starts them, and a count of their connections."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from tests.clients import raw
from tests.clients.sessions import HttpClientSession
from tests.http.commands import Running, starting

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"

MANY_TESTS = 600.0  # seconds; more than all that share one server take


@contextmanager
def served(*arguments: str, command: str = "workbench") -> Iterator[Running]:
    """Run a serving command; require exit code 0 and no traceback at the end."""
    with starting(command, safety_net=MANY_TESTS) as run:
        running = run(*arguments)
        yield running
        code, errors = running.stop()
        assert code == 0
        assert "Traceback" not in errors


class Connections:
    """A count of the connections that a server accepts from now on."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._before = self._accepted()

    def opened(self) -> int:
        """Count the connections, except the two that the metrics take; call this once."""
        return self._accepted() - self._before - 1

    def _accepted(self) -> int:
        with HttpClientSession(authority=self._running.authority) as session:
            metrics = session.get(f"{self._running.url}/metrics").body.decode()
        found = re.search(r"^hamms_connections_total (\S+)$", metrics, re.MULTILINE)
        assert found, metrics
        return int(float(found[1]))


def wait_until_idle_connections_have_ended(running: Running) -> None:
    """Wait for the idle timeout of a new connection, by which all older ones have ended."""
    assert raw.exchange(("127.0.0.1", running.port), GET)
