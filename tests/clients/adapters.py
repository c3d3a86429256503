"""All HTTP clients that the tests have, each by its name; and each as one function, to which all GETs are alike."""

from __future__ import annotations

from collections.abc import Callable

from tests.clients.event_loops import AiohttpSession, HttpxInTrioSession
from tests.clients.outcomes import Outcome
from tests.clients.programs import CurlSession, FetchSession, NodeHttpSession, NodeProcess
from tests.clients.sessions import (
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
    """A GET with a timeout, on a connection of its own."""

    def get(url: str, timeout: float) -> Outcome:
        with kind(timeout=timeout) as session:
            return session.outcome("GET", url)

    return get


def get_by_fetch(url: str, timeout: float) -> Outcome:
    return fetch(url, timeout)


def fetch(url: str, timeout: float, method: str = "GET") -> Outcome:
    """The same in a process of its own, because its connections last as long as that."""
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
