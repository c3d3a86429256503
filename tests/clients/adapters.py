"""Every HTTP client of the tests by its name: as a session class, and as a function that sends one GET."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Unpack

from tests.clients.event_loops import AiohttpSession, HttpxInTrioSession
from tests.clients.outcomes import Outcome
from tests.clients.programs import CurlSession, FetchSession, NodeHttpSession, NodeProcess
from tests.clients.sessions import (
    How,
    HttpClientSession,
    HttpxSession,
    RequestsSession,
    Session,
    Urllib3Session,
)

SESSIONS: dict[str, type[Session]] = {
    "http.client": HttpClientSession,
    "urllib3": Urllib3Session,
    "requests": RequestsSession,
    "httpx": HttpxSession,
    "httpx in trio": HttpxInTrioSession,
    "aiohttp": AiohttpSession,
    "curl": CurlSession,
    "fetch": FetchSession,
    "node:http": NodeHttpSession,
}

Get = Callable[[str, float], Outcome]


def get_by(kind: type[Session]) -> Get:
    """Return a function that sends a GET with a timeout, each time on a new connection."""

    def get(url: str, timeout: float) -> Outcome:
        with kind(timeout=timeout) as session:
            return session.outcome("GET", url)

    return get


@contextmanager
def opened(name: str, **how: Unpack[How]) -> Iterator[Session]:
    """Open a session with a pool of its own, for which fetch needs a process of its own."""
    kind = SESSIONS[name]
    if kind is FetchSession:
        with NodeProcess(how.get("authority")) as process:
            yield FetchSession(process, **how)
    else:
        with kind(**how) as session:
            yield session


def get_by_fetch(url: str, timeout: float) -> Outcome:
    return fetch(url, timeout)


def fetch(url: str, timeout: float, method: str = "GET") -> Outcome:
    """Send one request by Node's fetch in a new process, since fetch pools connections per process."""
    with NodeProcess() as process:
        return FetchSession(timeout=timeout, process=process).outcome(method, url)


CLIENTS: dict[str, Get] = {
    "http.client": get_by(HttpClientSession),
    "urllib3": get_by(Urllib3Session),
    "requests": get_by(RequestsSession),
    "httpx": get_by(HttpxSession),
    "httpx in trio": get_by(HttpxInTrioSession),
    "aiohttp": get_by(AiohttpSession),
    "curl": get_by(CurlSession),
    "fetch": get_by_fetch,
}
