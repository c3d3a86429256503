"""Servers on the test's own trio loop, and a client for them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import trio

from hamms_trio.app import Hamms, Lab
from hamms_trio.lab.armed.arming import Arming
from hamms_trio.lab.doors import AnyDoor, Doors
from hamms_trio.lab.host import Host
from hamms_trio.lab.listeners import open_listeners
from hamms_trio.lab.shared.labels import Labels
from hamms_trio.lab.shared.universal import UniversalDoor
from hamms_trio.modes import CATALOGUE, Catalogue, FailureMode
from hamms_trio.modes.model.environment import Environment
from hamms_trio.net.hubs.hub import open_hub
from hamms_trio.recording.ledger import Ledger
from hamms_trio.recording.recorder import Recording

HostModes = Callable[..., AbstractAsyncContextManager[Hamms]]


def all_doors() -> list[AnyDoor]:
    """Every door that a server has at a port of its own if nothing limits it."""
    doors = Doors(CATALOGUE)
    return [*doors.ports, *Lab(doors, Environment()).shared_doors()]


@asynccontextmanager
async def hosting_modes(
    modes: Iterable[FailureMode] = CATALOGUE.values(),
    *,
    environment: Environment | None = None,
    hub: str | None = None,
) -> AsyncIterator[Hamms]:
    doors = Doors(Catalogue(modes))
    labels, arming = Labels(doors), Arming(doors)
    universal = UniversalDoor(doors, labels, arming)
    at_ports: list[AnyDoor] = [*map(doors.find, doors.served), universal]
    listeners = open_listeners(at_ports, host="127.0.0.1")
    environment = environment or Environment(speed=1000)
    recording = Recording(Ledger(doors.names))
    host = Host(listeners, environment, recording, find=labels.find, hub=open_hub(hub))
    async with trio.open_nursery() as nursery:
        await nursery.start(host.run)
        with trio.fail_after(30):  # a safety net
            yield Hamms("127.0.0.1", doors, listeners, host, environment, recording, arming)
        nursery.cancel_scope.cancel()


async def connect(hamms: Hamms, slug: str) -> trio.SocketStream:
    return await trio.open_tcp_stream(*hamms.address(slug))


async def read_all(client: trio.SocketStream) -> bytes:
    """Read until the server closes its side.

    Raises:
        trio.BrokenResourceError: the server reset the connection.
    """
    return b"".join([bytes(octets) async for octets in client])


def open_sockets() -> set[str]:
    """List the sockets of this process."""
    found = set()
    for fd in Path("/proc/self/fd").iterdir():
        try:
            target = os.readlink(fd)
        except FileNotFoundError:  # the descriptor with which iterdir reads
            continue
        if target.startswith("socket:"):
            found.add(target)
    return found
