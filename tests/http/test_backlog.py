"""Unread answers have a limit over all clients together."""

from __future__ import annotations

import socket
import sys

import pytest
import trio
import trio.testing

from hamms_trio.http import Request, Response, Router, ServerLimits, Service, text
from hamms_trio.http.exchange.conversation import Conversation
from hamms_trio.http.limits.backlog import Backlog
from tests.descriptors import no_gaps, reset_in_place
from tests.http.conversations import CLIENT, statuses
from tests.http.server import Serving, read_all, serving, wait_until


class Client:
    """Stands for a connection."""

    def __init__(self) -> None:
        self.is_gone = False

    def evict(self) -> None:
        self.is_gone = True


def test_the_client_that_read_nothing_for_longest_is_evicted() -> None:
    backlog = Backlog(100)
    first, second, third = Client(), Client(), Client()
    backlog.keep(first, 40)
    backlog.keep(second, 40)
    backlog.keep(first, 40)  # it has read something
    backlog.keep(third, 40)

    assert [client.is_gone for client in (first, second, third)] == [False, True, False]
    assert backlog.octets == 80


def test_a_client_that_has_read_everything_is_not_in_the_backlog() -> None:
    backlog = Backlog(100)
    first, second = Client(), Client()
    backlog.keep(first, 90)
    backlog.release(first)
    backlog.release(first)
    backlog.keep(second, 90)

    assert not first.is_gone
    assert backlog.octets == 90


def test_one_answer_may_be_larger_than_the_limit() -> None:
    backlog = Backlog(100)
    first, second = Client(), Client()
    backlog.keep(first, 50)
    backlog.keep(second, 1000)

    assert (first.is_gone, second.is_gone) == (True, False)


@pytest.mark.parametrize(
    "field", [b"", b"X-Request-ID: a\r\n"], ids=["called by us", "called alike"]
)
@pytest.mark.parametrize("octets", [100, 10_000, 200_000])
def test_pipelined_answers_are_made_only_while_the_backlog_has_room(
    octets: int, field: bytes
) -> None:
    """However many of them one read has asked for."""
    router, limits = Router(), ServerLimits(requests=0)
    router.fixed("GET", "/", Response(200, b"x" * octets))
    service = Service(router, limits=limits)
    request, asked = b"GET / HTTP/1.1\r\nHost: a\r\n%b\r\n" % field, 100
    for _ in range(3):
        Conversation(service, CLIENT).receive(request)
    talk = Conversation(service, CLIENT)
    answered = [talk.receive(request * asked)]
    while talk.has_more:
        answered.append(talk.advance())

    whole = b"".join(answered)
    assert whole.count(b"HTTP/1.1 200 OK\r\n") == asked
    assert max(map(len, answered)) <= limits.waiting_output + 2 * len(whole) // asked


OCTETS = 8_000_000  # more than the kernel takes for a client that does not read
LIMIT = 20_000_000


async def connect(server: Serving) -> trio.SocketStream:
    """Open a client with a small receive buffer."""
    sock = trio.socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    await sock.connect(("127.0.0.1", server.port))
    return trio.SocketStream(sock)


async def test_unread_answers_are_kept_up_to_a_limit(hub_kind: str) -> None:
    router = Router()

    @router.get("/big")
    def big(_request: Request) -> Response:
        return Response(200, b"x" * OCTETS)

    limits = ServerLimits(waiting_output_total=LIMIT)
    async with serving(router, limits, hub=hub_kind) as server:
        service = server.service
        clients = []
        for count in range(1, 5):
            client = await connect(server)
            clients.append(client)
            await client.send_all(b"GET /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            while service.backlog.octets < min(count, 2) * OCTETS or service.accepted < count:
                await trio.lowlevel.checkpoint()
            await wait_until(lambda: service.connections <= 2)
            assert service.backlog.octets <= LIMIT

        assert service.account.write_errors == {"BacklogFull": 2}
        for client in clients[:2]:
            with pytest.raises(trio.BrokenResourceError):
                await read_all(client)
        for client in clients[2:]:
            assert statuses(await read_all(client)) == [200]
        for client in clients:
            await trio.aclose_forcefully(client)
        await wait_until(lambda: not service.connections)
        assert service.backlog.octets == 0


GET_BIG = b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.skipif(sys.platform != "linux", reason="the hub needs epoll")
async def test_an_evicted_client_leaves_nothing_to_the_next_connection() -> None:
    """Its descriptor would be the newcomer's, and so what the hub knows already."""
    router = Router()

    @router.get("/big")
    def big(_request: Request) -> Response:
        return Response(200, b"x" * OCTETS)

    router.fixed("GET", "/", text("Hello World"))
    limits = ServerLimits(waiting_output_total=OCTETS)
    async with serving(router, limits) as server:
        address = ("127.0.0.1", server.port)
        service = server.service
        with (
            socket.create_connection(address) as first,
            socket.create_connection(address) as second,
            no_gaps(),
            socket.socket() as newcomer,
        ):
            first.send(GET_BIG)
            await wait_until(lambda: service.connections >= 2 and service.backlog.octets)
            await trio.testing.wait_all_tasks_blocked()
            # All of this before the hub has its turn, which then hears it in this order.
            second.send(GET_BIG)
            newcomer.connect(address)
            newcomer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            reset_in_place(first)
            newcomer.setblocking(False)
            answer = await trio.socket.from_stdlib_socket(newcomer).recv(1000)
            assert answer.endswith(b"Hello World")
