"""Reading after the last answer, so that no reset destroys the answer on its way."""

from __future__ import annotations

import pytest
import trio

from hamms_trio.http import Router, ServerLimits
from tests.http.conversations import statuses
from tests.http.server import Serve, read_all

TOO_LONG = b"POST /submit HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n"


async def test_a_slow_sender_of_unwanted_content_gets_its_refusal_in_the_end(
    serve: Serve, router: Router
) -> None:
    limits = ServerLimits(linger_seconds=0.5)
    async with serve(router, limits) as server:
        async with await server.connect() as client:
            await client.send_all(TOO_LONG)
            for _ in range(12):
                await trio.sleep(limits.linger_seconds / 8)
                await client.send_all(b"x" * 1000)
            await client.send_eof()

            assert statuses(await read_all(client)) == [413]


async def test_a_client_that_never_stops_sending_is_disconnected(
    serve: Serve, router: Router
) -> None:
    limits = ServerLimits(linger_seconds=3600, content_seconds=0.1)
    async with serve(router, limits) as server:
        async with await server.connect() as client:
            await client.send_all(TOO_LONG)
            with pytest.raises(trio.BrokenResourceError):
                await send_for_ever(client)


async def send_for_ever(client: trio.SocketStream) -> None:
    while True:
        await client.send_all(b"x" * 1000)
