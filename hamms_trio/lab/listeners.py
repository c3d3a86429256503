"""The listening sockets of doors."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from hamms_trio.lab.doors import AnyDoor
from hamms_trio.net.ports import open_port_on, resolve
from hamms_trio.net.resets import reset_and_close


@dataclass(frozen=True, slots=True)
class Listener:
    """One door on one port, bound on each address of the host."""

    door: AnyDoor
    port: int
    sockets: tuple[socket.socket, ...]

    @property
    def listens(self) -> bool:
        return self.door.listens

    def reset_backlog(self) -> None:
        """Reset the connections that are not accepted yet."""
        for sock in self.sockets if self.listens else ():
            with suppress(OSError):  # BlockingIOError: the backlog is empty
                while True:
                    waiting, _ = sock.accept()
                    reset_and_close(waiting)

    def close(self) -> None:
        for sock in self.sockets:
            sock.close()


def open_listeners(
    doors: Iterable[AnyDoor], *, host: str, beginning_port: int = 0
) -> list[Listener]:
    """Bind every door to ``beginning_port`` plus its offset, or to free ports if that is 0.

    Raises:
        PortUnavailable: a port can't be bound, or the host has no address here; nothing is left open.
    """
    addresses = resolve(host)
    listeners: list[Listener] = []
    try:
        for door in doors:
            has_port = beginning_port and door.offset is not None
            port = beginning_port + (door.offset or 0) if has_port else 0
            listeners.append(_open_listener(door, addresses, port))
    except BaseException:
        for listener in listeners:
            listener.close()
        raise
    return listeners


def _open_listener(door: AnyDoor, addresses: list[tuple[int, str]], port: int) -> Listener:
    purpose = f"the failure mode {door.name}" if door.slug else f"the {door.name} door"
    port, sockets = open_port_on(
        addresses, port, listens=door.listens, purpose=purpose, option="--beginning-port"
    )
    return Listener(door, port, sockets)
