"""Connections inside HTTP clients and psycopg, reset in the middle of a response."""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
)
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import httpcore
import httpx
import psycopg
import pytest
import requests
import trio
import urllib3

from netsplode import TechniqueUnavailable, reset_connection
from tests.netsplode.postgresql import postgresql
from tests.netsplode.scenes import (
    SAFETY_NET,
    FarEnd,
    Sight,
    begin_a_response,
    far_end,
    on_linux,
    secrets,
    url_of,
)

pytestmark = on_linux

SECURED = pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])


class Reading(NamedTuple):
    """A client in the middle of a response: the object to reset, and a function that reads the rest."""

    target: object
    read_on: Callable[[], Any]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Write a file with the certificate that the clients trust."""
    file: Path = tmp_path_factory.mktemp("tls") / "authority.pem"
    secrets().authority.cert_pem.write_to_path(file)
    return str(file)


@contextmanager
def through_http_client(far: FarEnd, tls: bool, authority: str) -> Iterator[Reading]:
    connection: http.client.HTTPConnection
    if tls:
        connection = http.client.HTTPSConnection(
            "localhost", far.address[1], context=secrets().client, timeout=SAFETY_NET
        )
    else:
        connection = http.client.HTTPConnection(*far.address, timeout=SAFETY_NET)
    connection.request("GET", "/")
    with connection.getresponse() as response:
        yield Reading(connection, response.read)
    connection.close()


@contextmanager
def through_urllib3(far: FarEnd, tls: bool, authority: str) -> Iterator[Reading]:
    with urllib3.PoolManager(ca_certs=authority, timeout=SAFETY_NET) as pools:
        response = pools.request("GET", url_of(far, tls), preload_content=False)
        yield Reading(response.connection, response.read)
        response.close()


@contextmanager
def through_requests(far: FarEnd, tls: bool, authority: str) -> Iterator[Reading]:
    with requests.Session() as session:
        session.trust_env = False  # no proxies
        url = url_of(far, tls)
        with session.get(url, stream=True, verify=authority, timeout=SAFETY_NET) as response:
            yield Reading(response.raw.connection, lambda: response.content)


@contextmanager
def through_httpcore(far: FarEnd, tls: bool, authority: str) -> Iterator[Reading]:
    with httpcore.ConnectionPool(ssl_context=secrets().client) as pool:
        with pool.stream("GET", url_of(far, tls)) as response:
            yield Reading(response.extensions["network_stream"], response.read)


@contextmanager
def through_httpx(far: FarEnd, tls: bool, authority: str) -> Iterator[Reading]:
    with httpx.Client(verify=secrets().client, trust_env=False, timeout=SAFETY_NET) as client:
        with client.stream("GET", url_of(far, tls)) as response:
            yield Reading(response.extensions["network_stream"], response.read)


Through = Callable[[FarEnd, bool, str], AbstractContextManager[Reading]]
# The errors of each client. Some versions of the ssl module report a reset as EOF.
CLIENTS: list[tuple[Through, tuple[type[Exception], ...]]] = [
    (through_http_client, (ConnectionResetError, http.client.IncompleteRead)),
    (through_urllib3, (urllib3.exceptions.ProtocolError,)),
    (
        through_requests,
        (requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError),
    ),
    (through_httpcore, (httpcore.ReadError, httpcore.RemoteProtocolError)),
    (through_httpx, (httpx.ReadError, httpx.RemoteProtocolError)),
]


@pytest.mark.parametrize("technique", ["auto", "close"])
@pytest.mark.parametrize(
    ("through", "expected"), [pytest.param(*row, id=row[0].__name__) for row in CLIENTS]
)
@SECURED
def test_a_client_fails_in_the_middle_of_a_response(
    tls: bool,
    through: Through,
    expected: tuple[type[Exception], ...],
    technique: str,
    authority: str,
) -> None:
    with far_end(begin_a_response, tls=tls) as far:
        with through(far, tls, authority) as (target, read_on):
            result = reset_connection(target, technique=technique)
            assert result.remote == far.address
            assert far.seen.result(SAFETY_NET) is Sight.RESET
            with pytest.raises((*expected, OSError) if technique == "close" else expected):
                read_on()


@asynccontextmanager
async def through_httpx_async(far: FarEnd, tls: bool) -> AsyncIterator[Reading]:
    limits = httpx.Timeout(SAFETY_NET)
    async with httpx.AsyncClient(
        verify=secrets().client, trust_env=False, timeout=limits
    ) as client:
        async with client.stream("GET", url_of(far, tls)) as response:
            yield Reading(response.extensions["network_stream"], response.aread)


@asynccontextmanager
async def through_httpcore_async(far: FarEnd, tls: bool) -> AsyncIterator[Reading]:
    async with httpcore.AsyncConnectionPool(ssl_context=secrets().client) as pool:
        async with pool.stream("GET", url_of(far, tls)) as response:
            yield Reading(response.extensions["network_stream"], response.aread)


@asynccontextmanager
async def through_aiohttp(far: FarEnd, tls: bool) -> AsyncIterator[Reading]:
    async with aiohttp.ClientSession() as session:
        async with session.get(url_of(far, tls), ssl=secrets().client) as response:
            assert response.connection is not None
            transport = response.connection.transport
            assert transport is not None
            try:
                yield Reading(response.connection, response.read)
            finally:
                transport.abort()  # aiohttp would not wait for the end of TLS


@asynccontextmanager
async def through_aiohttp_s_transport(far: FarEnd, tls: bool) -> AsyncIterator[Reading]:
    async with through_aiohttp(far, tls) as (connection, read_on):
        assert isinstance(connection, aiohttp.connector.Connection)
        yield Reading(connection.transport, read_on)


ThroughAsync = Callable[[FarEnd, bool], AbstractAsyncContextManager[Reading]]
Play = Callable[[Callable[[], Awaitable[None]]], None]


def on_asyncio(scene: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        async with asyncio.timeout(SAFETY_NET):
            await scene()

    asyncio.run(main())


def on_trio(scene: Callable[[], Awaitable[None]]) -> None:
    trio.run(scene)


CUT_OFF = (
    httpx.ReadError,
    httpx.RemoteProtocolError,
    httpcore.ReadError,
    httpcore.RemoteProtocolError,
    aiohttp.ClientConnectionError,
    aiohttp.ClientPayloadError,
)


@pytest.mark.parametrize(
    ("play", "through"),
    [
        (on_asyncio, through_httpx_async),
        (on_trio, through_httpx_async),
        (on_asyncio, through_httpcore_async),
        (on_trio, through_httpcore_async),
        pytest.param(
            on_asyncio,
            through_aiohttp,
        ),
        (on_asyncio, through_aiohttp_s_transport),
    ],
)
@SECURED
def test_an_async_client_fails_in_the_middle_of_a_response(
    tls: bool, play: Play, through: ThroughAsync
) -> None:
    async def scene() -> None:
        with far_end(begin_a_response, tls=tls) as far:
            async with through(far, tls) as (target, read_on):
                assert reset_connection(target).remote == far.address
                with pytest.raises(CUT_OFF):
                    await read_on()
            assert far.seen.result(SAFETY_NET) is Sight.RESET

    play(scene)


def test_psycopg_raises_after_a_reset() -> None:
    with postgresql() as (far, conninfo), psycopg.connect(conninfo) as connection:
        assert reset_connection(connection).remote == far.address
        assert far.seen.result(SAFETY_NET) is Sight.RESET
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
        assert connection.broken


def test_a_reset_wakes_a_waiting_query() -> None:
    async def scene() -> None:
        with postgresql() as (far, conninfo):
            async with await psycopg.AsyncConnection.connect(conninfo) as connection:
                waiting = asyncio.create_task(connection.execute("SELECT 1"))
                await asyncio.sleep(0)
                reset_connection(connection)
                with pytest.raises(psycopg.OperationalError):
                    await waiting
                assert connection.broken
            assert far.seen.result(SAFETY_NET) is Sight.RESET

    on_asyncio(scene)


def test_close_is_refused_for_psycopg() -> None:
    with postgresql() as (far, conninfo), psycopg.connect(conninfo) as connection:
        with pytest.raises(TechniqueUnavailable, match="would not notice"):
            reset_connection(connection, technique="close")
        assert not far.seen.done()
