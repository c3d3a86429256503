"""Persistent connections, and clients whose connection the server closes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import product

import pytest

from tests.clients.adapters import SESSIONS
from tests.clients.outcomes import Answer, Failure
from tests.clients.programs import CurlSession
from tests.clients.sessions import Session
from tests.clients.workbench.bodies import FRAMED, body, echo
from tests.clients.workbench.server import (
    Connections,
    served,
    wait_until_idle_connections_have_ended,
)
from tests.http.commands import Running

GREETING = Answer(200, b"Hello World")
POOLING = {name: kind for name, kind in SESSIONS.items() if kind is not CurlSession}


def test_ten_requests_take_one_connection(session: Session, workbench: Running) -> None:
    connections = Connections(workbench)

    assert session.get_in_a_row([f"{workbench.url}/"] * 10) == [GREETING] * 10
    assert connections.opened() <= 1  # fetch may have one already


@pytest.mark.parametrize("kind", POOLING.values(), ids=POOLING)
def test_answers_of_every_kind_keep_the_connection(kind: type[Session], workbench: Running) -> None:
    connections = Connections(workbench)
    url = workbench.url
    with kind() as session:
        page = session.get(f"{url}/static/test.html")
        tag = page.fields["etag"]
        answers = [
            session.request("HEAD", f"{url}/stream"),
            session.get(f"{url}/stream"),
            session.request("POST", f"{url}/submit", body(100_000, "in-chunks")),
            session.request("HEAD", f"{url}/static/test.html"),
            session.get(f"{url}/static/test.html", {"If-None-Match": tag}),
            session.get(f"{url}/static/test.html", {"Range": "bytes=-5"}),
            session.request("OPTIONS", f"{url}/"),
            session.request("POST", f"{url}/nowhere", body(100_000, "by-length")),
            session.request("DELETE", f"{url}/", b""),
            session.request("POST", f"{url}/submit", b""),
            session.get(f"{url}/"),
        ]

    statuses = [answer.status for answer in answers]
    assert statuses == [200, 200, 200, 200, 304, 206, 204, 404, 405, 200, 200]
    assert connections.opened() <= (1 if kind.keeps_after_head else 3)


@pytest.fixture(scope="module")
def three_requests_each() -> Iterator[Running]:
    with served("--no-access-log", "--max-requests", "3") as running:
        yield running


def test_a_client_opens_another_connection_after_the_last_request(
    session: Session, three_requests_each: Running
) -> None:
    connections = Connections(three_requests_each)
    answers = session.get_in_a_row([f"{three_requests_each.url}/"] * 9)

    assert answers == [GREETING] * 9
    assert [answer.fields["connection"] for answer in answers] == [
        "keep-alive",
        "keep-alive",
        "close",
    ] * 3
    assert connections.opened() == 3


@pytest.mark.parametrize("framed", FRAMED)
def test_the_last_request_of_a_connection_may_have_a_body(
    session: Session, three_requests_each: Running, framed: str
) -> None:
    for octets in (100_000, 1, 0) * 2:
        answer = session.request("POST", f"{three_requests_each.url}/submit", body(octets, framed))

        assert answer == echo(octets)


IDEMPOTENT_OR_NOT = {"GET": ("/", None), "POST": ("/submit", b"x")}
Rested = Callable[[type[Session], str], tuple[Session, str]]


@pytest.fixture(scope="module")
def rested() -> Iterator[Rested]:
    """Yield a function that returns a session whose idle connection has timed out, and the URL."""
    sessions = {}
    with ExitStack() as stack:
        running = stack.enter_context(served("--no-access-log", "--keepalive-timeout", "0.7"))
        for kind, method in product(SESSIONS.values(), IDEMPOTENT_OR_NOT):
            session = sessions[kind, method] = stack.enter_context(kind())
            assert session.get(f"{running.url}/") == GREETING
        wait_until_idle_connections_have_ended(running)
        yield lambda kind, method: (sessions[kind, method], running.url)


@pytest.mark.parametrize("method", IDEMPOTENT_OR_NOT)
def test_a_client_recovers_when_its_idle_connection_has_ended(
    kind: type[Session], rested: Rested, method: str
) -> None:
    session, url = rested(kind, method)
    path, sent = IDEMPOTENT_OR_NOT[method]
    if not session.notices_ends:
        assert session.outcome(method, f"{url}{path}", sent) is Failure.CLOSED

    assert session.request(method, f"{url}{path}", sent).status == 200


def test_the_log_records_which_requests_shared_a_connection() -> None:
    with served("--log-format", "json") as running:
        for name, kind in POOLING.items():
            with kind() as session:
                for _ in range(3):
                    session.get(f"{running.url}/", {"X-Request-ID": name.replace(" ", "-")})
        logged = [json.loads(line) for line in running.stop()[1].splitlines()]

    seen = set()
    for name in POOLING:
        lines = [line for line in logged if line.get("trace_id") == name.replace(" ", "-")]
        assert [line["request_id"] for line in lines] == [1, 2, 3]
        assert [line["connection_reused"] for line in lines] == [False, True, True]
        (connection,) = {line["connection_id"] for line in lines}
        seen.add(connection)
    assert len(seen) == len(POOLING)
