"""Resets of the objects that people hold instead of a socket: responses, readers, files and streams."""

from __future__ import annotations

import asyncio
import http.client
import sys
import urllib.request
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import aiohttp
import httpx
import pytest
import requests
import urllib3

from netsplode import UnsupportedConnection, reset_connection
from tests.netsplode import alone
from tests.netsplode.scenes import (
    SAFETY_NET,
    Ends,
    FarEnd,
    Sight,
    assert_reset,
    begin_a_response,
    connected,
    far_end,
    on_linux,
    url_of,
)

pytestmark = on_linux


def check_reset(held: object, far: FarEnd) -> None:
    """Reset the connection inside an object, and check that it was the right one."""
    assert reset_connection(held).remote == far.address
    assert far.seen.result(SAFETY_NET) is Sight.RESET


def hold_response_of_http_client(far: FarEnd) -> None:
    with closing(http.client.HTTPConnection(*far.address, timeout=SAFETY_NET)) as connection:
        connection.request("GET", "/")
        with connection.getresponse() as response:
            check_reset(response, far)


def hold_response_of_urllib(far: FarEnd) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url_of(far), timeout=SAFETY_NET) as response:
        check_reset(response, far)


def hold_response_of_requests(far: FarEnd) -> None:
    with requests.Session() as session:
        session.trust_env = False  # no proxies
        with session.get(url_of(far), stream=True, timeout=SAFETY_NET) as response:
            check_reset(response, far)


def hold_response_of_urllib3(far: FarEnd) -> None:
    with urllib3.PoolManager(timeout=SAFETY_NET) as pools:
        response = pools.request("GET", url_of(far), preload_content=False)
        check_reset(response, far)
        response.close()


def hold_response_of_httpx(far: FarEnd) -> None:
    with httpx.Client(trust_env=False, timeout=SAFETY_NET) as client:
        with client.stream("GET", url_of(far)) as response:
            check_reset(response, far)


async def hold_async_response_of_httpx(far: FarEnd) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=SAFETY_NET) as client:
        async with client.stream("GET", url_of(far)) as response:
            check_reset(response, far)


async def hold_response_of_aiohttp(far: FarEnd) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.get(url_of(far)) as response:
            check_reset(response, far)


async def hold_body_of_aiohttp(far: FarEnd) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.get(url_of(far)) as response:
            check_reset(response.content, far)


async def hold_reader_of_asyncio(far: FarEnd) -> None:
    reader, writer = await asyncio.open_connection(*far.address)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
    check_reset(reader, far)
    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()


BLOCKING = [
    hold_response_of_http_client,
    hold_response_of_urllib,
    hold_response_of_requests,
    hold_response_of_urllib3,
    hold_response_of_httpx,
]
ASYNCHRONOUS = [
    hold_async_response_of_httpx,
    hold_response_of_aiohttp,
    hold_body_of_aiohttp,
    hold_reader_of_asyncio,
]


@pytest.mark.parametrize("hold", BLOCKING)
def test_a_response_is_reset_before_its_end(hold: Callable[[FarEnd], None]) -> None:
    with far_end(begin_a_response) as far:
        hold(far)


@pytest.mark.parametrize("hold", ASYNCHRONOUS)
def test_an_asynchronous_response_is_reset_before_its_end(
    hold: Callable[[FarEnd], Awaitable[None]],
) -> None:
    async def scene() -> None:
        with far_end(begin_a_response) as far:
            await hold(far)

    asyncio.run(scene())


@pytest.mark.parametrize("buffering", [-1, 0])
@pytest.mark.parametrize("mode", ["rb", "wb", "rwb"])
def test_a_binary_file_of_a_socket_is_reset(ends: Ends, mode: str, buffering: int) -> None:
    with ends.client.makefile(mode, buffering=buffering) as file:  # type: ignore[call-overload]
        assert reset_connection(file).is_confirmed
        assert_reset(ends.server)


@pytest.mark.parametrize("mode", ["r", "w", "rw"])
def test_a_text_file_of_a_socket_is_reset(ends: Ends, mode: str) -> None:
    with ends.client.makefile(mode) as file:  # type: ignore[call-overload]
        assert reset_connection(file).is_confirmed
        assert_reset(ends.server)


def test_a_file_is_reset_after_its_socket_object_was_closed(ends: Ends) -> None:
    with ends.client.makefile("rb") as file:
        ends.client.close()
        assert reset_connection(file).is_confirmed
        assert_reset(ends.server)


def test_a_response_that_was_read_to_its_end_is_refused() -> None:
    def answer_all(sock: object) -> None:
        begin_a_response(sock)  # type: ignore[arg-type]
        sock.sendall(b"body.")  # type: ignore[attr-defined]

    with far_end(answer_all) as far:
        with closing(http.client.HTTPConnection(*far.address, timeout=SAFETY_NET)) as connection:
            connection.request("GET", "/")
            response = connection.getresponse()
            response.read()
            with pytest.raises(UnsupportedConnection, match="or none any more"):
                reset_connection(response)


# Libraries with a loop of their own, each in a process of its own.


def hold_stream_of_tornado() -> list[str]:
    from tornado.iostream import IOStream, StreamClosedError

    async def scene() -> list[str]:
        with connected() as ends:
            ends.client.setblocking(False)
            stream = IOStream(ends.client)
            reset_connection(stream)
            try:
                await stream.read_bytes(1)
            except StreamClosedError as error:
                return [type(error.real_error).__name__]
            return []

    return asyncio.run(scene())


def hold_transport_of_twisted() -> list[str]:
    from twisted.internet import reactor
    from twisted.internet.protocol import ClientFactory, Protocol

    reasons: list[str] = []

    class Resetting(Protocol):  # type: ignore[misc] # twisted is untyped here
        def connectionMade(self) -> None:
            reset_connection(self.transport)

        def connectionLost(self, reason: Any = None) -> None:
            reasons.append(reason.type.__name__)
            reactor.stop()

    with far_end() as far:
        reactor.connectTCP(*far.address, ClientFactory.forProtocol(Resetting))
        reactor.run()
    return reasons


def hold_connection_of_websockets() -> list[str]:
    from websockets.exceptions import ConnectionClosedError
    from websockets.sync.client import connect
    from websockets.sync.server import ServerConnection, serve

    seen: list[str] = []
    errors: list[str] = []

    def receive(connection: ServerConnection) -> None:
        try:
            connection.recv()
        except ConnectionClosedError as error:
            errors.append(type(error.__cause__).__name__)

    with serve(receive, "127.0.0.1", 0) as server, ThreadPoolExecutor(1) as thread:
        serving = thread.submit(server.serve_forever)
        host, port = server.socket.getsockname()
        with connect(f"ws://{host}:{port}/", proxy=None) as connection:
            seen.append(reset_connection(connection).ends["remote"])
            try:
                connection.recv(timeout=SAFETY_NET)
            except ConnectionClosedError as error:
                seen.append(type(error).__name__)
        server.shutdown()
        serving.result(SAFETY_NET)
    return seen + errors


def hold_without_imports() -> list[str]:
    before = set(sys.modules)
    with far_end(begin_a_response) as far:
        hold_response_of_http_client(far)
    libraries = ("tornado", "twisted", "websockets", "trio", "anyio", "eventlet", "gevent")
    return sorted(name for name in set(sys.modules) - before if name.startswith(libraries))


SEEN: dict[Callable[[], list[str]], list[str]] = {
    hold_stream_of_tornado: ["ConnectionResetError"],
    hold_transport_of_twisted: ["ConnectionLost"],
    hold_connection_of_websockets: ["reset", "ConnectionClosedError", "ConnectionResetError"],
    hold_without_imports: [],
}


@pytest.mark.parametrize("hold", SEEN)
def test_the_stream_of_another_library_is_reset(hold: Callable[[], list[str]]) -> None:
    assert alone.call(hold) == SEEN[hold]
