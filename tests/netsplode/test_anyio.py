"""Streams of anyio, on asyncio's and on trio's loop, plain and with TLS."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Future
from contextlib import asynccontextmanager

import anyio
import anyio.abc
import anyio.to_thread
import pytest

from netsplode import TechniqueUnavailable, reset_connection
from tests.netsplode.scenes import SAFETY_NET, FarEnd, Sight, far_end, on_linux, secrets

pytestmark = on_linux

BACKENDS = pytest.mark.parametrize("backend", ["asyncio", "trio"])
SECURED = pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])


def play(backend: str, scene: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        with anyio.fail_after(SAFETY_NET):
            await scene()

    anyio.run(main, backend=backend)


@asynccontextmanager
async def connected_to(far: FarEnd, tls: bool) -> AsyncIterator[anyio.abc.ByteStream]:
    host, port = far.address
    stream: anyio.abc.ByteStream
    if tls:
        stream = await anyio.connect_tcp(host, port, ssl_context=secrets().client)
    else:
        stream = await anyio.connect_tcp(host, port)
    assert await stream.receive(5) == b"hello"
    try:
        yield stream
    finally:
        await anyio.aclose_forcefully(stream)


async def sight_of_end(far: Future[Sight]) -> Sight:
    return await anyio.to_thread.run_sync(far.result, SAFETY_NET)


@pytest.mark.parametrize("from_a_thread", [False, True], ids=["in-the-loop", "from-a-thread"])
@SECURED
@BACKENDS
def test_both_ends_see_a_reset(backend: str, tls: bool, from_a_thread: bool) -> None:
    async def scene() -> None:
        with far_end(tls=tls) as far:
            async with connected_to(far, tls) as stream:
                if from_a_thread:
                    result = await anyio.to_thread.run_sync(reset_connection, stream)
                else:
                    result = reset_connection(stream)
                assert (result.technique, result.remote) == ("abort", far.address)
                assert await sight_of_end(far.seen) is Sight.RESET
                with pytest.raises(anyio.BrokenResourceError):
                    await stream.receive()

    play(backend, scene)


@SECURED
@BACKENDS
def test_close_is_refused_for_a_stream_of_anyio(backend: str, tls: bool) -> None:
    async def scene() -> None:
        with far_end(tls=tls) as far:
            async with connected_to(far, tls) as stream:
                with pytest.raises(TechniqueUnavailable, match="would not notice"):
                    reset_connection(stream, technique="close")
                await stream.send(b"still there")
                assert not far.seen.done()

    play(backend, scene)
