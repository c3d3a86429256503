"""Servers that run out of descriptors: one warning, and recovery once descriptors are free."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
import trio

if sys.platform != "linux":
    pytest.skip("Linux's limit of descriptors", allow_module_level=True)

from hamms_trio.http import Router, text
from hamms_trio.modes import CATALOGUE
from hamms_trio.net.listening import acceptor
from hamms_trio.net.listening.acceptor import Acceptor
from tests.descriptors import exhausted_descriptors
from tests.http.server import serving
from tests.lab.servers import hosting_modes, read_all

CLIENTS = 20
ATTEMPTS = 100  # failed calls of accept
LAST_GET = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


@asynccontextmanager
async def lab() -> AsyncIterator[int]:
    async with hosting_modes([CATALOGUE["status"]]) as hamms:
        yield hamms.address("status")[1]


@asynccontextmanager
async def well_behaved() -> AsyncIterator[int]:
    router = Router()
    router.fixed("GET", "/", text("Hello World"))
    async with serving(router) as server:
        yield server.port


@pytest.mark.parametrize("serve", [lab, well_behaved])
async def test_clients_wait_for_descriptors_and_one_warning_is_logged(
    serve: Callable[[], AbstractAsyncContextManager[int]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    attempts = 0
    accept_again = Acceptor.accept_again

    def counted(self: Acceptor) -> None:
        nonlocal attempts
        attempts += 1
        accept_again(self)

    monkeypatch.setattr(Acceptor, "accept_again", counted)
    monkeypatch.setattr(acceptor, "BACK_OFF_SECONDS", 0.0001)
    async with serve() as port:
        clients = [trio.SocketStream(trio.socket.socket()) for _ in range(CLIENTS)]
        with exhausted_descriptors():
            for client in clients:
                await client.socket.connect(("127.0.0.1", port))
                await client.send_all(LAST_GET)
            while attempts < ATTEMPTS:
                await trio.lowlevel.checkpoint()
        for client in clients:
            assert b" 200 OK" in await read_all(client)
            await client.aclose()
    (warning,) = caplog.messages
    assert warning.endswith(
        "new connections have to wait: Too many open files; raise the limit of descriptors with ulimit -n"
    )
