"""redis-py and a real redis server: the effects of a reset on the client of a database."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.retry import Retry

from netsplode import create_netsploder, reset_connection
from tests.netsplode.scenes import SAFETY_NET, on_linux

pytestmark = on_linux

NEVER = Retry(NoBackoff(), 0)


@pytest.fixture
def other(redis_server: int) -> Iterator[Any]:
    """Open another client of the same server, which observes."""
    with redis.Redis(port=redis_server) as client:
        client.ping()
        yield client
        client.flushall()


def addresses(other: Any) -> set[str]:
    """Return the addresses of the clients that the server knows."""
    return {client["addr"] for client in other.client_list()}


def test_the_server_forgets_a_reset_client(redis_server: int, other: Any) -> None:
    with redis.Redis(port=redis_server) as client:
        connection = client.connection_pool.get_connection()
        result = reset_connection(connection)
        address = "{}:{}".format(*result.local)
        assert result.remote == ("127.0.0.1", redis_server)
        while address in addresses(other):
            pass
        with pytest.raises(redis.ConnectionError):
            connection.send_command("PING")
        client.connection_pool.release(connection)
        assert client.ping()  # on another connection


def test_a_retrying_client_hides_the_reset(redis_server: int, other: Any) -> None:
    with create_netsploder() as netsploder, redis.Redis(port=redis_server) as client:
        client.set("greeting", "hello")
        (first,) = netsploder.reset_client_tcp_connections(match=redis_server)
        assert client.get("greeting") == b"hello"
        (second,) = netsploder.reset_client_tcp_connections(match=redis_server)
        assert first.local != second.local


def test_a_client_without_retries_raises_an_error(redis_server: int, other: Any) -> None:
    with create_netsploder() as netsploder:
        with redis.Redis(port=redis_server, single_connection_client=True, retry=NEVER) as client:
            client.ping()
            netsploder.reset_client_tcp_connections(match=redis_server)
            with pytest.raises(redis.ConnectionError):
                client.ping()


def wait_for_blocked(other: Any, count: int) -> None:
    while other.info("clients")["blocked_clients"] != count:
        pass


@pytest.mark.parametrize("retries", [0, 1])
def test_a_blocked_command_fails_or_is_repeated(
    redis_server: int, other: Any, retries: int
) -> None:
    with create_netsploder() as netsploder, ThreadPoolExecutor(1) as thread:
        retry = Retry(NoBackoff(), retries)
        with redis.Redis(port=redis_server, retry=retry) as client:
            popped = thread.submit(client.blpop, ["queue"], SAFETY_NET)
            wait_for_blocked(other, 1)
            netsploder.reset_client_tcp_connections(match=redis_server)
            if not retries:
                assert isinstance(popped.exception(SAFETY_NET), redis.ConnectionError)
                return
            while len(addresses(other)) != 2:  # the first is gone, and the second has arrived
                pass
            wait_for_blocked(other, 1)
            other.rpush("queue", "at last")
            assert popped.result(SAFETY_NET) == (b"queue", b"at last")


def test_a_watched_transaction_does_not_continue_on_another_connection(
    redis_server: int, other: Any
) -> None:
    with create_netsploder() as netsploder, redis.Redis(port=redis_server) as client:
        with client.pipeline() as pipeline:
            pipeline.watch("stock")
            netsploder.reset_client_tcp_connections(match=redis_server)
            with pytest.raises(redis.WatchError):
                pipeline.get("stock")


def test_a_subscriber_subscribes_again(redis_server: int, other: Any) -> None:
    with create_netsploder() as netsploder, redis.Redis(port=redis_server) as client:
        with client.pubsub() as subscriber:
            subscriber.subscribe("news")
            assert subscriber.get_message(timeout=SAFETY_NET)["type"] == "subscribe"
            netsploder.reset_client_tcp_connections(match=redis_server)
            assert subscriber.get_message(timeout=SAFETY_NET)["type"] == "subscribe"
            other.publish("news", "still there")
            assert subscriber.get_message(timeout=SAFETY_NET)["data"] == b"still there"


async def pooled(client: redis.asyncio.Redis) -> redis.asyncio.Connection:
    connection = await client.connection_pool.get_connection()  # type: ignore[no-untyped-call]
    assert isinstance(connection, redis.asyncio.Connection)
    return connection


def test_the_connections_of_an_asyncio_client_are_found(redis_server: int, other: Any) -> None:
    async def scene() -> None:
        async with redis.asyncio.Redis(port=redis_server) as client:
            connection = await pooled(client)
            (result,) = netsploder.reset_client_tcp_connections(match=redis_server)
            assert result.is_confirmed
            with pytest.raises(redis.ConnectionError):
                await connection.send_command("PING")
            await client.connection_pool.release(connection)
            assert await client.ping()

    with create_netsploder() as netsploder:
        asyncio.run(scene())


def test_an_asyncio_connection_of_redis_is_reset(redis_server: int) -> None:
    async def scene() -> None:
        async with redis.asyncio.Redis(port=redis_server) as client:
            connection = await pooled(client)
            try:
                assert reset_connection(connection).remote == ("127.0.0.1", redis_server)
            finally:
                await client.connection_pool.release(connection)

    asyncio.run(scene())
