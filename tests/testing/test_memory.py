"""Connections in memory end, block and break as TCP's do."""

from __future__ import annotations

import errno
import socket
import struct

import pytest
import trio

from hamms_trio.net.accepted import AcceptedSocket
from hamms_trio.net.hubs.hub import IN
from hamms_trio.net.observer import Ending
from hamms_trio.testing.memory import BUFFER_OCTETS, MemoryHub, memory_connection


class Log(AcceptedSocket):
    """A connection that notes what it reads."""

    seen: list[bytes | None]

    def on_event(self, _events: int) -> None:
        octets = self.read(100)
        self.seen.append(octets)
        if not octets:
            self.watch_for(0)


class Record:
    """An observer that keeps what it is given."""

    def __init__(self) -> None:
        self.octets_in = self.octets_out = 0
        self.endings: list[tuple[str, Ending]] = []

    def received(self, octets: int) -> None:
        self.octets_in += octets

    def sent(self, data: bytes | memoryview, octets: int) -> None:
        self.octets_out += octets

    def note_left(self, how: Ending) -> None:
        self.endings.append(("left", how))

    def note_ended(self, how: Ending) -> None:
        self.endings.append(("ended", how))


async def test_a_hub_reads_what_a_stream_sends_at_its_exact_time(
    autojump_clock: trio.testing.MockClock,
) -> None:
    hub, record = MemoryHub(), Record()
    sock, stream = memory_connection()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(hub.run)
        begin = trio.current_time()
        fired: list[float] = []
        hub.call_at(begin + 3600.1, lambda due: fired.append(trio.current_time() - due))
        log = Log(hub, sock, IN, observer=record)
        log.seen = []
        await stream.send_all(b"one")
        await trio.sleep(1)
        await stream.send_all(b"two")
        await stream.send_eof()
        await trio.sleep(4000)
        assert log.seen == [b"one", b"two", b""]
        assert fired == [0.0]
        assert log.write(b"three") == 5
        log.close()
        assert [bytes(octets) async for octets in stream] == [b"three"]
        nursery.cancel_scope.cancel()
    assert (record.octets_in, record.octets_out) == (6, 5)
    assert record.endings == [("left", Ending.FIN), ("ended", Ending.FIN)]


async def test_a_stream_sees_the_reset_of_a_socket() -> None:
    hub, record = MemoryHub(), Record()
    sock, stream = memory_connection()
    connection = AcceptedSocket(hub, sock, observer=record)
    connection.write(b"on its way")
    connection.reset()
    with pytest.raises(trio.BrokenResourceError) as caught:
        await stream.receive_some()
    assert isinstance(caught.value.__cause__, ConnectionResetError)
    assert record.endings == [("ended", Ending.RST)]


async def test_a_socket_sees_the_reset_of_a_stream() -> None:
    sock, stream = memory_connection()
    stream.reset()
    with pytest.raises(ConnectionResetError):
        sock.recv(10)
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNRESET
    sock.close()


async def test_a_close_with_unread_octets_resets() -> None:
    sock, stream = memory_connection()
    await stream.send_all(b"unread")
    sock.close()
    with pytest.raises(trio.BrokenResourceError):
        await stream.receive_some()


async def test_a_writer_waits_for_a_reader_when_the_buffer_is_full() -> None:
    sock, stream = memory_connection()
    assert sock.send(bytes(BUFFER_OCTETS + 1)) == BUFFER_OCTETS
    with pytest.raises(BlockingIOError):
        sock.send(b"x")
    assert len(await stream.receive_some()) == BUFFER_OCTETS
    assert sock.send(b"x") == 1
    with pytest.raises(BlockingIOError):
        sock.recv(10)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 0, 0))
    sock.close()
    with pytest.raises(trio.BrokenResourceError):
        await stream.send_all(b"refused")
