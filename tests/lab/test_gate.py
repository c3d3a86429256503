"""Ports that are closed for a while by a failure mode."""

from __future__ import annotations

import pytest
import trio

from hamms_trio.modes import CATALOGUE
from hamms_trio.modes.model.environment import Environment
from tests.lab.servers import HostModes, connect, read_all

GET = b"GET /?seconds=86400 HTTP/1.1\r\nHost: hamms.test\r\n\r\n"


async def test_a_fresh_start_opens_a_port_that_a_mode_has_closed(hosting: HostModes) -> None:
    mode = CATALOGUE["tcp-reuse-refuse"]
    async with hosting([mode], environment=Environment()) as hamms:
        for _ in range(2):
            async with await connect(hamms, mode.slug) as client:
                await client.send_all(GET)
                assert (await read_all(client)).startswith(b"HTTP/1.1 200 ")
            with pytest.raises(OSError, match="attempts to connect"):
                await connect(hamms, mode.slug)
            hamms.start_afresh()


async def test_an_open_connection_outlives_the_closing_of_its_port(hosting: HostModes) -> None:
    mode = CATALOGUE["tcp-reuse-refuse"]
    async with hosting([mode], environment=Environment()) as hamms:
        async with await connect(hamms, mode.slug) as early:
            async with await connect(hamms, mode.slug) as client:
                await client.send_all(GET)
                await read_all(client)
            await early.send_all(GET)
            with trio.fail_after(5):
                assert (await read_all(early)).startswith(b"HTTP/1.1 200 ")
