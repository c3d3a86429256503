"""SIGTERM, while every client has something in flight, and a connection that it keeps."""

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
from tests.clients.workbench.serving import GET, served
from tests.files.asking import make
from tests.http.commands import Running

BIG = content(1 << 20) * 6  # more than is on the way to a client that does not read
GREETING = Answer(200, b"Hello World")
TLS = ["--enable-tls", "--https-port", "0", "--no-redirect-http"]
REFUSED = [Failure.REFUSED, Failure.REFUSED]

Kind = type[Session]


class Uploads:
    """A body of each client to /submit, of which the second half is not sent until it may be."""

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
        yield whole[
            : LIMIT // 2
        ]  # more than the pipe to curl holds, so who wants the rest has sent some
        has_begun.set()
        self._goes_on.wait(SAFETY_NET)
        yield whole[LIMIT // 2 :]


@dataclass
class Story:
    """What each client met.

    Attributes:
        kept: two requests after the signal, the first on a connection that was kept.
        exit_code: of the server.
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
        kept = keeping(stack, running)
        begin_drain(running)
        return Story(
            kept={kind: get_twice(session, url) for kind, session in kept.items()},
            uploads=uploads.outcomes(),
            downloads={kind: b"".join((first, *rest)) for kind, (first, rest) in downloads.items()},
            exit_code=running.ended()[0],
        )


def keeping(stack: ExitStack, running: Running) -> dict[Kind, Session]:
    """A session of each client, with a connection."""
    opened = {kind: kind(authority=running.authority) for kind in SESSIONS.values()}
    sessions = {kind: stack.enter_context(session) for kind, session in opened.items()}
    for session in sessions.values():
        assert session.get(f"{running.url}/") == GREETING
    return sessions


def get_twice(session: Session, url: str) -> list[Outcome]:
    return [session.outcome("GET", f"{url}/") for _ in range(2)]


def begin_drain(running: Running) -> None:
    """Return when the drain has begun, before which everything was heard that had been said."""
    with ExitStack() as stack:
        sock = stack.enter_context(raw.connected(("127.0.0.1", running.port)))
        if running.authority is not None:
            trusting = context(running.authority)
            sock = stack.enter_context(trusting.wrap_socket(sock, server_hostname="localhost"))
        for _ in range(2):  # by the first, all connections are accepted
            assert status(sock) == 200
        running.process.send_signal(signal.SIGTERM)
        while status(sock) == 200:
            pass


def status(sock: socket.socket) -> int:
    sock.sendall(GET)
    return raw.receive_messages(sock, 1)[0].status


def test_what_is_being_sent_is_taken_and_answered(kind: Kind, story: Story) -> None:
    assert story.uploads[kind] == echo(LIMIT)


def test_what_is_being_received_arrives_whole(kind: Kind, story: Story) -> None:
    assert story.downloads[kind] == BIG


def test_what_comes_after_is_told_to_come_again_and_then_refused(kind: Kind, story: Story) -> None:
    if kind is CurlSession:  # which keeps nothing from one process to the next
        assert story.kept[kind] == REFUSED
        return
    told, then = story.kept[kind]

    assert isinstance(told, Answer)
    assert told.json()["error"]["code"] == "draining"
    assert (told.status, told.fields["retry-after"]) == (503, "2")
    assert told.fields["connection"] == "close"
    assert then is Failure.REFUSED


def test_the_server_ends_well_then(story: Story) -> None:
    assert story.exit_code == 0


@pytest.fixture(scope="module")
def after_an_idle_end() -> dict[Kind, list[Outcome]]:
    """What each client meets that keeps a connection to a server which has ended, with nothing in flight."""
    with served("--no-access-log", "--drain-timeout", f"{SAFETY_NET}") as running:
        with ExitStack() as stack:
            kept = keeping(stack, running)
            running.stop()
            return {kind: get_twice(session, running.url) for kind, session in kept.items()}


def test_kept_connections_hinder_neither_the_end_nor_the_client(
    kind: Kind, after_an_idle_end: dict[Kind, list[Outcome]]
) -> None:
    told = after_an_idle_end[kind]

    assert told == (REFUSED if kind.notices_ends else [Failure.CLOSED, Failure.REFUSED])
