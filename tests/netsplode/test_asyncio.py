"""Connections of asyncio and uvloop, plain and with TLS, reset on the loop's thread and from others."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Any

import pytest

import netsplode
import netsplode.aio
from netsplode import ResetResult, TechniqueUnavailable
from tests.netsplode.scenes import (
    SAFETY_NET,
    Ends,
    Sight,
    assert_open,
    connected,
    far_end,
    on_linux,
    secrets,
)

pytestmark = on_linux

Play = Callable[[], Awaitable[None]]
LOOPS = ["asyncio", "uvloop"]
SECURED = pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])


def play(loop: str, scene: Play) -> None:
    """Run ``scene`` on a loop of this kind; an error that the loop reports fails the test."""
    errors: list[dict[str, Any]] = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
        async with asyncio.timeout(SAFETY_NET):
            await scene()

    factory = pytest.importorskip("uvloop").new_event_loop if loop == "uvloop" else None
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main())
    assert errors == []


async def connect(
    address: tuple[str, int], tls: bool
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    context: ssl.SSLContext | None = secrets().client if tls else None
    name = "localhost" if tls else None
    reader, writer = await asyncio.open_connection(*address, ssl=context, server_hostname=name)
    assert await reader.readexactly(5) == b"hello"
    return reader, writer


async def sight_of_end(far: Future[Sight]) -> Sight:
    return await asyncio.wrap_future(far)


# The error of our own reader: an abort looks like a reset by the peer, and a close like its own close.
READER_SEES: dict[str, type[Exception] | bytes] = {"abort": ConnectionResetError, "close": b""}


Call = Callable[[object, str], Awaitable[ResetResult]]


async def on_the_loop(target: object, technique: str) -> ResetResult:
    return netsplode.reset_connection(target, technique=technique)


async def from_a_thread(target: object, technique: str) -> ResetResult:
    return await asyncio.to_thread(netsplode.reset_connection, target, technique=technique)


async def awaited(target: object, technique: str) -> ResetResult:
    return await netsplode.aio.reset_connection(target, technique=technique)


def can_close(loop: str, held: str, call: Call) -> bool:
    """Return True if close applies: a socket does not name its transport, nor a transport of uvloop its loop."""
    return held != "socket" and not (loop == "uvloop" and call is from_a_thread)


@pytest.mark.parametrize(
    ("loop", "held", "call", "technique"),
    [
        pytest.param(loop, held, call, technique, id=f"{loop}-{held}-{call.__name__}-{technique}")
        for loop in LOOPS
        for held in ("writer", "transport", "socket")
        for call in (on_the_loop, from_a_thread, awaited)
        for technique in READER_SEES
        if technique != "close" or can_close(loop, held, call)
    ],
)
@SECURED
def test_both_ends_of_a_transport_see_the_reset(
    tls: bool, loop: str, held: str, call: Call, technique: str
) -> None:
    async def scene() -> None:
        with far_end(tls=tls) as far:
            reader, writer = await connect(far.address, tls)
            targets = {"writer": writer, "transport": writer.transport}
            target = targets.get(held) or writer.get_extra_info("socket")
            result = await call(target, technique)
            assert (result.technique, result.remote) == (technique, far.address)
            assert await sight_of_end(far.seen) is Sight.RESET
            expected = READER_SEES[technique]
            if isinstance(expected, bytes):
                assert await reader.read() == expected
            else:
                with pytest.raises(expected):
                    await reader.read()
            writer.transport.abort()

    play(loop, scene)


@SECURED
@pytest.mark.parametrize("loop", LOOPS)
def test_a_reset_wakes_a_waiting_reader(loop: str, tls: bool) -> None:
    async def scene() -> None:
        with far_end(tls=tls) as far:
            reader, writer = await connect(far.address, tls)
            waiting = asyncio.create_task(reader.read(1))
            await asyncio.sleep(0)
            netsplode.reset_connection(writer)
            with pytest.raises(ConnectionResetError):
                await waiting
            writer.transport.abort()

    play(loop, scene)


@pytest.mark.parametrize(
    ("loop", "held", "why"),
    [
        pytest.param(
            "asyncio",
            "socket",
            "would not notice",
            id="asyncio-socket",
        ),
        pytest.param("uvloop", "socket", "would not notice", id="uvloop-socket"),
        pytest.param("uvloop", "transport", "on the loop's thread", id="uvloop-transport"),
    ],
)
def test_a_transport_that_cannot_be_closed_stays_open(loop: str, held: str, why: str) -> None:
    async def scene() -> None:
        with far_end() as far:
            reader, writer = await connect(far.address, tls=False)
            target = writer.transport if held == "transport" else writer.get_extra_info("socket")
            try:
                with pytest.raises(TechniqueUnavailable, match=why):
                    await from_a_thread(target, "close")
                writer.write_eof()
                assert await sight_of_end(far.seen) is Sight.FINISHED
                assert await reader.read() == b"anybody there?"
            finally:
                writer.transport.abort()

    play(loop, scene)


@pytest.mark.parametrize("loop", LOOPS)
def test_the_accepting_side_is_reset(loop: str) -> None:
    async def scene() -> None:
        accepted: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()
        server = await asyncio.start_server(
            lambda _, writer: accepted.put_nowait(writer), "127.0.0.1", 0
        )
        async with server:
            address = server.sockets[0].getsockname()
            reader, writer = await asyncio.open_connection(*address)
            accepting = await accepted.get()
            netsplode.reset_connection(accepting)
            with pytest.raises(ConnectionResetError):
                await reader.read()
            for one in (writer, accepting):
                one.transport.abort()

    play(loop, scene)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_server_and_a_closed_transport_hold_no_connection(loop: str) -> None:
    async def scene() -> None:
        server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
        async with server:
            with pytest.raises(netsplode.UnsupportedConnection):
                netsplode.reset_connection(server)
            with pytest.raises(netsplode.UnsupportedConnection, match="listens"):
                netsplode.reset_connection(server.sockets[0])
        with far_end() as far:
            _, writer = await connect(far.address, tls=False)
            writer.close()
            await writer.wait_closed()
            with pytest.raises(netsplode.UnsupportedConnection):
                netsplode.reset_connection(writer)

    play(loop, scene)


def test_cancelling_the_task_cancels_a_waiting_reset(ends: Ends) -> None:
    async def scene() -> None:
        waiting = asyncio.create_task(netsplode.aio.reset_connection(ends.client, delay=SAFETY_NET))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert_open(ends)

    play("asyncio", scene)


def test_finding_an_address_does_not_block_the_loop(ends: Ends) -> None:
    async def scene() -> None:
        addresses = ends.client.getsockname(), ends.server.getsockname()
        assert (await netsplode.aio.reset_connection(*addresses)).is_confirmed

    play("asyncio", scene)


def test_a_loop_that_ends_first_leaves_no_descriptor_open(ends: Ends) -> None:
    async def begin_and_give_up() -> None:
        pending = netsplode.aio.reset_connection(ends.client, delay=SAFETY_NET)
        for _ in range(2):
            pending.send(None)
        pending.close()  # like a task that is collected with its loop

    asyncio.run(begin_and_give_up())
    assert_open(ends)


def test_resolving_a_name_does_not_block_the_loop(
    private_network: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up: list[threading.Thread] = []
    getaddrinfo = socket.getaddrinfo

    def noted(*arguments: Any, **keywords: Any) -> Any:
        looked_up.append(threading.current_thread())
        return getaddrinfo(*arguments, **keywords)

    monkeypatch.setattr(socket, "getaddrinfo", noted)
    with connected() as ends:
        asyncio.run(netsplode.aio.reset_connection(("localhost", ends.client.getsockname()[1])))
    assert looked_up
    assert threading.main_thread() not in looked_up
