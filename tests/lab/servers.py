"""Servers on this test's own trio loop."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import trio

from hamms_trio.app import Hamms
from hamms_trio.lab.host import Host
from hamms_trio.lab.listeners import open_listeners
from hamms_trio.modes import CATALOGUE, FailureMode
from hamms_trio.modes.environment import Lab
from hamms_trio.net.hub import open_hub
from hamms_trio.recording.ledger import Ledger

HostModes = Callable[..., AbstractAsyncContextManager[Hamms]]


@asynccontextmanager
async def hosting_modes(
    modes: Iterable[FailureMode] = CATALOGUE.values(),
    *,
    lab: Lab | None = None,
    hub: str | None = None,
) -> AsyncIterator[Hamms]:
    modes = list(modes)
    listeners = open_listeners(modes, host="127.0.0.1", beginning_port=0)
    lab = lab or Lab(speed=1000)
    ledger = Ledger({**CATALOGUE, **{mode.slug: mode for mode in modes}})
    host = Host(listeners, lab, ledger, hub=open_hub(hub))
    async with trio.open_nursery() as nursery:
        await nursery.start(host.run)
        with trio.fail_after(30):  # a net, not a measurement
            yield Hamms("127.0.0.1", listeners, host, lab)
        nursery.cancel_scope.cancel()


async def connect(hamms: Hamms, slug: str) -> trio.SocketStream:
    return await trio.open_tcp_stream(*hamms.address(slug))


async def read_all(client: trio.SocketStream) -> bytes:
    """Everything until the server closes its side.

    Raises:
        trio.BrokenResourceError: it reset the connection instead.
    """
    return b"".join([bytes(octets) async for octets in client])


def open_sockets() -> set[str]:
    """The sockets of this process."""
    found = set()
    for fd in Path("/proc/self/fd").iterdir():
        try:
            what = os.readlink(fd)
        except FileNotFoundError:  # the descriptor that lists them
            continue
        if what.startswith("socket:"):
            found.add(what)
    return found
