"""SIGTERM while every client uploads, downloads and keeps an idle connection."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from threading import Event

import pytest

from tests.clients import raw
from tests.clients.adapters import SESSIONS
from tests.clients.outcomes import SAFETY_NET, Answer, Failure, Outcome
from tests.clients.programs import CurlSession
from tests.clients.sessions import Session, context
from tests.clients.workbench.bodies import LIMIT, content, echo
from tests.clients.workbench.server import GET, served
from tests.files.answers import make
from tests.http.commands import Running

BIG = content(1 << 20) * 6  # more than is on the way to a client that does not read
GREETING = Answer(200, b"Hello World")
TLS = ["--enable-tls", "--https-port", "0", "--no-redirect-http"]
REFUSED = [Failure.REFUSED, Failure.REFUSED]

Kind = type[Session]


class Uploads:
    """One upload per client to /submit; the second half waits for `outcomes`."""

    def __init__(self, stack: ExitStack, running: Running) -> None:
        self._running = running
        self._goes_on = Event()
        threads = stack.enter_context(ThreadPoolExecutor(len(SESSIONS)))
        stack.callback(self._goes_on.set)
        begun = {kind: Event() for kind in SESSIONS.values()}
        self._outcomes: dict[Kind, Future[Outcome]] = {
            kind: threads.submit(self._send, kind, begun[kind]) for kind in begun
        }
        for has_begun in begun.values():
            assert has_begun.wait(SAFETY_NET)

    def outcomes(self) -> dict[Kind, Outcome]:
        self._goes_on.set()
        return {kind: outcome.result(SAFETY_NET) for kind, outcome in self._outcomes.items()}

    def _send(self, kind: Kind, has_begun: Event) -> Outcome:
        with kind(authority=self._running.authority) as session:
            url = f"{self._running.url}/submit"
            return session.outcome("POST", url, self._pieces(has_begun))

    def _pieces(self, has_begun: Event) -> Iterator[bytes]:
        whole = content(LIMIT)
        # More than the pipe to curl holds, so a client that reads the second half has sent some of the first.
        yield whole[: LIMIT // 2]
        has_begun.set()
        self._goes_on.wait(SAFETY_NET)
        yield whole[LIMIT // 2 :]


@dataclass
class Story:
    """The outcomes of each client.

    Attributes:
        kept: those of two requests after the signal, the first on a persistent connection.
        exit_code: the server's exit code.
    """

    uploads: dict[Kind, Outcome]
    downloads: dict[Kind, bytes]
    kept: dict[Kind, list[Outcome]]
    exit_code: int


@pytest.fixture(scope="module", params=[[], TLS], ids=["plain", "tls"])
def story(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Story:
    directory = tmp_path_factory.mktemp("files")
    make(directory / "big", BIG)
    challenge = ["--codecrafters-mode", "--directory", str(directory)]
    patient = ["--drain-timeout", f"{SAFETY_NET}"]
    options = ["--no-access-log", *patient, *challenge, *request.param]
    with served(*options) as running, ExitStack() as stack:
        url, trusted = running.url, running.authority
        downloads = {}
        for kind in SESSIONS.values():
            session = stack.enter_context(kind(authority=trusted))
            pieces = stack.enter_context(session.stream(f"{url}/files/big"))
            downloads[kind] = next(pieces), pieces
        uploads = Uploads(stack, running)
        kept = open_sessions(stack, running)
        begin_drain(running)
        return Story(
            kept={kind: get_twice(session, url) for kind, session in kept.items()},
            uploads=uploads.outcomes(),
            downloads={kind: b"".join((first, *rest)) for kind, (first, rest) in downloads.items()},
            exit_code=running.ended()[0],
        )


def open_sessions(stack: ExitStack, running: Running) -> dict[Kind, Session]:
    """Open a session of each client with a persistent connection."""
    opened = {kind: kind(authority=running.authority) for kind in SESSIONS.values()}
    sessions = {kind: stack.enter_context(session) for kind, session in opened.items()}
    for session in sessions.values():
        assert session.get(f"{running.url}/") == GREETING
    return sessions


def get_twice(session: Session, url: str) -> list[Outcome]:
    return [session.outcome("GET", f"{url}/") for _ in range(2)]


def begin_drain(running: Running) -> None:
    """Send SIGTERM and return when the drain has begun; the server has read all earlier octets by then."""
    with ExitStack() as stack:
        sock = stack.enter_context(raw.connected(("127.0.0.1", running.port)))
        if running.authority is not None:
            trusting = context(running.authority)
            sock = stack.enter_context(trusting.wrap_socket(sock, server_hostname="localhost"))
        for _ in range(2):  # after the first, the server has accepted all connections
            assert status(sock) == 200
        running.process.send_signal(signal.SIGTERM)
        while status(sock) == 200:
            pass


def status(sock: socket.socket) -> int:
    sock.sendall(GET)
    return raw.receive_messages(sock, 1)[0].status


def test_an_upload_in_flight_is_read_and_answered(kind: Kind, story: Story) -> None:
    assert story.uploads[kind] == echo(LIMIT)


def test_a_download_in_flight_arrives_whole(kind: Kind, story: Story) -> None:
    assert story.downloads[kind] == BIG


def test_a_later_request_gets_503_then_connections_are_refused(kind: Kind, story: Story) -> None:
    if kind is CurlSession:  # its connections end with each process
        assert story.kept[kind] == REFUSED
        return
    first, second = story.kept[kind]

    assert isinstance(first, Answer)
    assert first.json()["error"]["code"] == "draining"
    assert (first.status, first.fields["retry-after"]) == (503, "2")
    assert first.fields["connection"] == "close"
    assert second is Failure.REFUSED


def test_the_drained_server_exits_with_code_zero(story: Story) -> None:
    assert story.exit_code == 0


@pytest.fixture(scope="module")
def after_an_idle_end() -> dict[Kind, list[Outcome]]:
    """Stop a server to which each client keeps an idle connection; return the outcomes of two requests."""
    with served("--no-access-log", "--drain-timeout", f"{SAFETY_NET}") as running:
        with ExitStack() as stack:
            kept = open_sessions(stack, running)
            running.stop()
            return {kind: get_twice(session, running.url) for kind, session in kept.items()}


def test_idle_connections_delay_neither_shutdown_nor_client(
    kind: Kind, after_an_idle_end: dict[Kind, list[Outcome]]
) -> None:
    outcomes = after_an_idle_end[kind]

    assert outcomes == (REFUSED if kind.notices_ends else [Failure.CLOSED, Failure.REFUSED])
