"""Handover of connections between owners, with octets that are read but not used."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from socket import create_server

import pytest
import trio

from hamms_trio.lab.connection import ModeConnection
from hamms_trio.lab.doors import Door
from hamms_trio.lab.host import Host
from hamms_trio.lab.listeners import open_listeners
from hamms_trio.lab.mode_acceptor import DoorPlayer
from hamms_trio.modes import CATALOGUE
from hamms_trio.modes.model.environment import Environment
from hamms_trio.net.accepted import AcceptedSocket, Handover
from hamms_trio.net.hubs.hub import IN, Hub, open_hub
from hamms_trio.net.observer import Ending
from hamms_trio.recording.ledger import Ledger
from hamms_trio.recording.recorder import Recording
from hamms_trio.testing.memory import MemoryHub, memory_connection
from tests.lab.servers import open_sockets, read_all

STATUS = Door("status", CATALOGUE["status"])
CLIENT = ("192.0.2.1", 49152)
GET = b"GET /?status=503 HTTP/1.1\r\nHost: a\r\n\r\n"
LAST_GET = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")


class Reception(AcceptedSocket):
    """An owner that reads a line, answers it, and hands over the connection with the octets after the line."""

    def __init__(self, hub: Hub, handover: Handover, then: Callable[[Handover], None]) -> None:
        super().__init__(hub, handover.sock, IN, octets=handover.octets)
        self._then = then
        self._line = b""

    def on_event(self, _events: int) -> None:
        self._line += self.read(100) or b""
        line, end, rest = self._line.partition(b"\n")
        if end:
            self.write(line.upper() + b"\n")
            self._then(self.release(CLIENT, rest))


@asynccontextmanager
async def hosting_status(
    kind: str, recording: Recording, *, same_hub: bool
) -> AsyncIterator[tuple[Host, Hub]]:
    """Run a host of the status mode; yield the host and a hub for connections of another owner."""
    hub = open_hub(kind)
    others = hub if same_hub else open_hub(kind)
    listeners = open_listeners([STATUS], host="127.0.0.1")
    host = Host(listeners, Environment(), recording, hub=hub)
    with trio.fail_after(30):  # a safety net
        async with trio.open_nursery() as nursery:
            await nursery.start(host.run)
            if not same_hub:
                nursery.start_soon(others.run)
            yield host, others
            nursery.cancel_scope.cancel()


@pytest.mark.parametrize("same_hub", [True, False], ids=["one hub", "two hubs"])
async def test_a_failure_mode_plays_on_a_connection_of_another_owner(
    hub_kind: str, same_hub: bool
) -> None:
    before = open_sockets()
    ended = 0

    def count_end() -> None:
        nonlocal ended
        ended += 1

    recording = Recording(Ledger(CATALOGUE.names))
    ledger = recording.ledger
    async with hosting_status(hub_kind, recording, same_hub=same_hub) as (host, hub):
        with create_server(("127.0.0.1", 0)) as listening:
            client = await trio.open_tcp_stream(*listening.getsockname())
            sock, _ = listening.accept()
        sock.setblocking(False)

        def hand_over(handover: Handover) -> None:
            given = Handover(handover.sock, handover.client, handover.octets, on_end=count_end)
            host.adopt(STATUS, given)

        Reception(hub, Handover(sock, CLIENT), hand_over)
        async with client:
            await client.send_all(b"hello\n" + LAST_GET)  # the request arrives with the line
            answer = await read_all(client)
        assert answer.startswith(b"HELLO\nHTTP/1.1 503 ")
        await ledger.wait_until(lambda ledger: not ledger.open_connections())
        (record,) = ledger.connections("status")
        assert (record.client, record.left, record.ended) == (CLIENT, Ending.FIN, Ending.FIN)
        assert ended == 1
    assert not open_sockets() - before


async def test_a_failure_mode_hands_its_connection_back(
    autojump_clock: trio.testing.MockClock,
) -> None:
    hub, recording = MemoryHub(), Recording(Ledger(CATALOGUE.names))
    ledger = recording.ledger
    sock, client = memory_connection()
    handed_back: list[Handover] = []

    async def answer_once(connection: ModeConnection) -> None:
        octets = await connection.receive()
        await connection.send(b"one")
        connection.hand_over(handed_back.append, octets[1:])

    async with trio.open_nursery() as nursery:
        nursery.start_soon(hub.run)
        observer = recording.opened("status", "status", CLIENT)
        record = observer.record
        connection = ModeConnection(hub, sock, CLIENT, observer, 1.0, lambda: None)
        connection.start(answer_once(connection))
        await client.send_all(b"1" + LAST_GET)
        assert await client.receive_some() == b"one"
        (given,) = handed_back
        assert (given.octets, given.observer) == (LAST_GET, observer)
        assert ledger.open_connections() == [record]

        DoorPlayer(hub, STATUS, Environment(), recording).play(given)
        answer = b"".join([octets async for octets in client])
        assert answer.startswith(b"HTTP/1.1 503 ")
        await client.aclose()
        await ledger.wait_until(lambda ledger: not ledger.open_connections())
        assert ledger.connections() == [record]
        nursery.cancel_scope.cancel()
    assert record.octets_sent == len(b"one" + answer)
    assert record.octets_received == 1 + len(LAST_GET)
