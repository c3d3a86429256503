"""Requests of each client to the workbench, and the answers that its user gets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import trio

from hamms_trio.http import Request, Response, Router
from tests.clients.adapters import SESSIONS
from tests.clients.outcomes import Answer, Failure
from tests.clients.programs import FetchSession
from tests.clients.sessions import Session
from tests.clients.workbench.bodies import FAR_ABOVE, FRAMED, LIMIT, body, echo
from tests.clients.workbench.server import served
from tests.http.commands import Running
from tests.http.server import serving
from tests.ports import skip_without_ipv6

GREETING = Answer(200, b"Hello World")
# undici refuses to send Expect.
EXPECTING = {name: kind for name, kind in SESSIONS.items() if kind is not FetchSession}


def test_the_greeting_is_text(session: Session, workbench: Running) -> None:
    answer = session.get(f"{workbench.url}/")

    assert answer == GREETING
    assert answer.fields["content-type"] == "text/plain; charset=utf-8"


def test_the_metrics_are_json(session: Session, workbench: Running) -> None:
    answer = session.get(f"{workbench.url}/_metrics?unused=%20")

    assert answer.fields["content-type"] == "application/json"
    assert answer.json()["engine"] == "trio"


@pytest.mark.parametrize("framed", FRAMED)
def test_a_body_of_any_size_arrives_intact(
    session: Session, workbench: Running, framed: str
) -> None:
    for octets in (0, 1, 100_000, LIMIT, 1):
        sent = body(octets, framed)

        assert session.request("POST", f"{workbench.url}/submit", sent) == echo(octets)


@pytest.mark.parametrize("framed", FRAMED)
@pytest.mark.parametrize("octets", [LIMIT + 1, FAR_ABOVE])
def test_a_body_above_the_limit_gets_413(
    session: Session, workbench: Running, octets: int, framed: str
) -> None:
    answer = session.request("POST", f"{workbench.url}/submit", body(octets, framed))

    assert answer.status == 413
    assert answer.json()["error"]["code"] == "content_too_large"
    assert session.get(f"{workbench.url}/") == GREETING


@pytest.mark.parametrize("framed", FRAMED)
def test_an_unread_body_does_not_hide_404_or_405(
    session: Session, workbench: Running, framed: str
) -> None:
    for octets in (0, 100_000, 1):
        lost = session.request("POST", f"{workbench.url}/nowhere", body(octets, framed))
        unwanted = session.request("POST", f"{workbench.url}/", body(octets, framed))

        assert (lost.status, lost.json()["error"]["code"]) == (404, "not_found")
        assert (unwanted.status, unwanted.fields["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert session.get(f"{workbench.url}/") == GREETING


@pytest.mark.parametrize("framed", FRAMED)
def test_404_arrives_after_a_body_too_long_to_drain(
    session: Session, workbench: Running, framed: str
) -> None:
    answer = session.request("POST", f"{workbench.url}/nowhere", body(FAR_ABOVE, framed))

    assert answer.status == 404
    if answer.fields["connection"] == "keep-alive" and not session.notices_ends:
        assert session.outcome("GET", f"{workbench.url}/") is Failure.CLOSED
    assert session.get(f"{workbench.url}/") == GREETING


@pytest.mark.parametrize("framed", FRAMED)
@pytest.mark.parametrize("kind", EXPECTING.values(), ids=EXPECTING)
def test_a_body_that_expects_100_continue_arrives_intact(
    kind: type[Session], workbench: Running, framed: str
) -> None:
    url, expecting = f"{workbench.url}/submit", {"Expect": "100-continue"}
    with kind() as session:
        for octets in (1, 100_000, 1):
            answer = session.request("POST", url, body(octets, framed), fields=expecting)

            assert answer == echo(octets)


@pytest.mark.parametrize("framed", FRAMED)
@pytest.mark.parametrize("kind", EXPECTING.values(), ids=EXPECTING)
def test_a_final_status_replaces_100_continue(
    kind: type[Session], workbench: Running, framed: str
) -> None:
    url, expecting = workbench.url, {"Expect": "100-continue"}
    with kind() as session:
        for path, status in (("/submit", 413), ("/nowhere", 404), ("/", 405)):
            sent = body(LIMIT + 1, framed)

            assert session.request("POST", url + path, sent, fields=expecting).status == status
            assert session.get(f"{url}/") == GREETING


def test_head_gets_the_fields_of_get_and_no_body(session: Session, workbench: Running) -> None:
    for path in ("/", "/stream", "/static/test.html", "/nowhere"):
        head = session.request("HEAD", workbench.url + path)
        got = session.get(workbench.url + path)

        assert (head.status, head.body) == (got.status, b"")
        for name in ("content-type", "content-length", "transfer-encoding", "etag"):
            assert head.fields.get(name) == got.fields.get(name)


def test_a_stream_arrives_whole(session: Session, workbench: Running) -> None:
    with session.stream(f"{workbench.url}/stream") as pieces:
        assert b"".join(pieces) == b"chunk-one\nchunk-two\nchunk-three\n"


async def test_a_client_reads_a_piece_before_the_next_is_made(kind: type[Session]) -> None:
    router, is_read = Router(), trio.Event()

    @router.get("/")
    def pieces(_request: Request) -> Response:
        async def made() -> AsyncIterator[bytes]:
            yield b"first"
            await is_read.wait()
            yield b"second"

        return Response(200, made())

    def read(port: int) -> list[bytes]:
        with kind() as session, session.stream(f"http://127.0.0.1:{port}/") as pieces:
            first = next(pieces)
            trio.from_thread.run_sync(is_read.set)
            return [first, *pieces]

    async with serving(router) as server:
        assert await trio.to_thread.run_sync(read, server.port) == [b"first", b"second"]


def test_the_answer_echoes_the_request_id(session: Session, workbench: Running) -> None:
    for name in ("first-1", "second.2"):
        answer = session.get(f"{workbench.url}/", {"X-Request-ID": name})

        assert answer.fields["x-request-id"] == name
    unnamed = [session.get(f"{workbench.url}/").fields["x-request-id"] for _ in range(2)]
    assert len(set(unnamed)) == 2


@pytest.fixture(scope="module")
def on_ipv6() -> Iterator[Running]:
    skip_without_ipv6()
    with served("--no-access-log", "--host", "::1") as running:
        yield running


def test_the_workbench_answers_over_ipv6(session: Session, on_ipv6: Running) -> None:
    assert on_ipv6.url.startswith("http://[::1]:")
    assert session.get(f"{on_ipv6.url}/") == GREETING
    assert session.request("POST", f"{on_ipv6.url}/submit", b"x") == Answer(
        200, b"Received POST body: x"
    )
