"""Connections of trio: sockets, streams, and TLS at any depth, reset in the loop and from threads."""

from __future__ import annotations

import os
import socket
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import pytest
import trio
import trio.testing

import netsplode
import netsplode.trio
from netsplode import (
    ConnectionNotFound,
    ResetResult,
    ResetTimeout,
    TechniqueUnavailable,
    UnsupportedConnection,
    reset_connection,
)
from tests.netsplode.scenes import (
    SAFETY_NET,
    Ends,
    assert_open,
    assert_reset,
    connected,
    on_linux,
    secrets,
)

pytestmark = on_linux


class Held(NamedTuple):
    """The object to reset, and the streams of both ends."""

    target: object
    ours: trio.abc.Stream
    peer: trio.abc.Stream


def stream_of(sock: socket.socket) -> trio.SocketStream:
    sock.setblocking(False)
    return trio.SocketStream(trio.socket.from_stdlib_socket(sock))


async def with_tls(ours: trio.abc.Stream, peer: trio.abc.Stream) -> Held:
    """Put TLS over both ends, and finish the handshake."""
    client = trio.SSLStream(ours, secrets().client, server_hostname="localhost")
    server = trio.SSLStream(peer, secrets().server, server_side=True)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.do_handshake)
        nursery.start_soon(server.do_handshake)
    await server.send_all(b"hello")  # the session tickets of TLS 1.3 arrive with it
    assert await client.receive_some(5) == b"hello"
    return Held(client, client, server)


async def a_stream(ends: Ends) -> Held:
    ours, peer = stream_of(ends.client), stream_of(ends.server)
    return Held(ours, ours, peer)


async def a_socket(ends: Ends) -> Held:
    _, ours, peer = await a_stream(ends)
    assert isinstance(ours, trio.SocketStream)
    return Held(ours.socket, ours, peer)


async def both_halves_stapled(ends: Ends) -> Held:
    _, ours, peer = await a_stream(ends)
    return Held(trio.StapledStream(ours, ours), ours, peer)


async def the_receiving_half(ends: Ends) -> Held:
    stapled, ours, peer = await both_halves_stapled(ends)
    assert isinstance(stapled, trio.StapledStream)
    return Held(stapled.receive_stream, ours, peer)


async def tls(ends: Ends) -> Held:
    return await with_tls(stream_of(ends.client), stream_of(ends.server))


async def tls_stapled(ends: Ends) -> Held:
    _, ours, peer = await tls(ends)
    return Held(trio.StapledStream(ours, ours), ours, peer)


async def tls_within_tls(ends: Ends) -> Held:
    _, *below = await tls(ends)
    return await with_tls(*below)


async def in_the_loop(target: object, technique: str) -> ResetResult:
    return reset_connection(target, technique=technique)


async def from_a_thread(target: object, technique: str) -> ResetResult:
    return await trio.to_thread.run_sync(lambda: reset_connection(target, technique=technique))


async def awaited(target: object, technique: str) -> ResetResult:
    return await netsplode.trio.reset_connection(target, technique=technique)


def causes(error: BaseException) -> list[type[BaseException]]:
    found = []
    cause: BaseException | None = error
    while cause is not None:
        found.append(type(cause))
        cause = cause.__cause__
    return found


Hold = Callable[[Ends], Awaitable[Held]]
Call = Callable[[object, str], Awaitable[ResetResult]]
STREAMS: list[Hold] = [
    a_stream,
    a_socket,
    both_halves_stapled,
    the_receiving_half,
    tls,
    tls_stapled,
    tls_within_tls,
]


@pytest.mark.parametrize("call", [in_the_loop, from_a_thread, awaited])
@pytest.mark.parametrize("hold", STREAMS)
async def test_both_ends_of_a_stream_see_an_abort(ends: Ends, hold: Hold, call: Call) -> None:
    with trio.fail_after(SAFETY_NET):
        target, ours, peer = await hold(ends)
        assert (await call(target, "abort")).is_confirmed
        for stream in (ours, peer):
            with pytest.raises(trio.BrokenResourceError) as raised:
                await stream.receive_some()
            assert ConnectionResetError in causes(raised.value)
            await trio.aclose_forcefully(stream)


@pytest.mark.parametrize("call", [in_the_loop, awaited])
@pytest.mark.parametrize("hold", STREAMS)
async def test_trio_raises_closed_after_a_close(ends: Ends, hold: Hold, call: Call) -> None:
    with trio.fail_after(SAFETY_NET):
        target, ours, peer = await hold(ends)
        result = await call(target, "close")
        assert result.ends == {"local": "closed", "remote": "reset"}
        with pytest.raises((trio.ClosedResourceError, trio.BrokenResourceError)) as raised:
            await ours.receive_some()
        assert trio.ClosedResourceError in causes(raised.value)
        with pytest.raises(trio.BrokenResourceError) as raised:
            await peer.receive_some()
        assert ConnectionResetError in causes(raised.value)
        for stream in (ours, peer):
            await trio.aclose_forcefully(stream)


async def test_close_is_refused_outside_the_thread_of_trio(ends: Ends) -> None:
    _, ours, peer = await a_stream(ends)
    async with ours, peer:
        with pytest.raises(TechniqueUnavailable, match="on trio's thread"):
            await from_a_thread(ours, "close")
        await ours.send_all(b"x")
        assert await peer.receive_some() == b"x"


ERRORS_OF_TRIO = {"abort": trio.BrokenResourceError, "close": trio.ClosedResourceError}


@pytest.mark.parametrize("technique", list(ERRORS_OF_TRIO))
async def test_a_reset_wakes_a_receiving_task(ends: Ends, technique: str) -> None:
    _, ours, peer = await a_stream(ends)

    async def wait() -> None:
        with pytest.raises(ERRORS_OF_TRIO[technique]):
            await ours.receive_some()

    with trio.fail_after(SAFETY_NET):
        async with peer, trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked()
            reset_connection(ours, technique=technique)
    await trio.aclose_forcefully(ours)


async def test_a_tls_stream_is_reset_before_its_handshake(ends: Ends) -> None:
    ours = trio.SSLStream(stream_of(ends.client), secrets().client, server_hostname="localhost")
    reset_connection(ours)
    assert_reset(ends.server)
    await trio.aclose_forcefully(ours)


async def test_listeners_and_memory_streams_are_refused() -> None:
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    stream, _ = trio.testing.memory_stream_pair()
    async with listeners[0]:
        with pytest.raises(UnsupportedConnection, match="the socket listens"):
            reset_connection(listeners[0])
        with pytest.raises(UnsupportedConnection, match="reset one of its accepted"):
            reset_connection(listeners[0].socket)
    with pytest.raises(UnsupportedConnection, match="closed already"):
        reset_connection(listeners[0].socket)
    with pytest.raises(UnsupportedConnection, match="holds no TCP connection"):
        reset_connection(stream)


async def test_a_waiting_reset_can_be_cancelled(ends: Ends) -> None:
    with trio.move_on_after(0) as scope:
        await netsplode.trio.reset_connection(ends.client, delay=SAFETY_NET)
    assert scope.cancelled_caught
    assert_open(ends)


async def test_a_reused_descriptor_is_not_reset(
    ends: Ends, autojump_clock: trio.testing.MockClock
) -> None:
    descriptor = ends.client.fileno()

    async def wait() -> None:
        with pytest.raises(ConnectionNotFound, match="another connection by now"):
            await netsplode.trio.reset_connection(descriptor, delay=1.0)

    with connected() as other:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked()
            ends.client.close()
            os.dup2(other.client.fileno(), descriptor)
        os.close(descriptor)
        assert_open(other)


async def test_the_check_of_the_remote_end_can_be_cancelled(ends: Ends) -> None:
    with ends.client.dup():  # so that the close sends no RST yet
        with trio.move_on_after(0.01) as scope:
            await netsplode.trio.reset_connection(
                ends.client, technique="close", timeout=SAFETY_NET
            )
        assert scope.cancelled_caught
    assert_reset(ends.server)


async def test_the_timeout_ends_the_check_of_the_remote_end(ends: Ends) -> None:
    with ends.client.dup():
        with pytest.raises(ResetTimeout):
            await netsplode.trio.reset_connection(ends.client, technique="close", timeout=0.01)


async def test_finding_an_address_does_not_block_the_loop(ends: Ends) -> None:
    addresses = ends.client.getsockname(), ends.server.getsockname()
    assert (await netsplode.trio.reset_connection(*addresses)).is_confirmed
    assert_reset(ends.client)


@pytest.mark.parametrize(("technique", "is_open"), [("auto", True), ("close", False)])
async def test_the_owner_closes_a_stream_after_its_reset(technique: str, is_open: bool) -> None:
    with connected() as ends:
        stream = stream_of(ends.client)
        number = stream.socket.fileno()
        await netsplode.trio.reset_connection(stream, technique=technique)
        assert (stream.socket.fileno() == number) is is_open

        with socket.socket() as other:  # takes the number, if that is free
            await stream.aclose()
            assert stream.socket.fileno() == -1
            assert os.fstat(other.fileno())
