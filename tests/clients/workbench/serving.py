"""Servers in processes of their own, as their users start them, and what can be known of them from outside."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from tests.clients import raw
from tests.clients.sessions import HttpClientSession
from tests.http.commands import Running, starting

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"

MANY_TESTS = 600.0  # seconds; more than all that share one server take


@contextmanager
def served(*arguments: str, command: str = "workbench") -> Iterator[Running]:
    """A command that serves; it must end well, and have met no bug."""
    with starting(command, safety_net=MANY_TESTS) as run:
        running = run(*arguments)
        yield running
        code, errors = running.stop()
        assert code == 0
        assert "Traceback" not in errors


class Connections:
    """How many a server accepts from now on."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._before = self._accepted()

    def opened(self) -> int:
        """All but the one that this takes; to be called once."""
        return self._accepted() - self._before - 1

    def _accepted(self) -> int:
        with HttpClientSession(authority=self._running.authority) as session:
            told = session.get(f"{self._running.url}/metrics").body.decode()
        found = re.search(r"^hamms_connections_total (\S+)$", told, re.MULTILINE)
        assert found, told
        return int(float(found[1]))


def wait_until_idle_connections_have_ended(running: Running) -> None:
    """Until one has that is younger than all others."""
    assert raw.exchange(("127.0.0.1", running.port), GET)
