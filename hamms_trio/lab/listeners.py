"""The listening sockets of doors."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from hamms_trio.errors import PortKindUnavailable
from hamms_trio.lab.doors import AnyDoor
from hamms_trio.net.listening.descriptors import check_descriptors
from hamms_trio.net.listening.ports import close_for_a_while, listen, open_port_on, resolve
from hamms_trio.net.resets import reset_and_close

logger = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
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
            # BlockingIOError: the backlog is empty; EINVAL: the port is closed.
            with suppress(OSError):
                while True:
                    waiting, _ = sock.accept()
                    reset_and_close(waiting)

    def refuse(self) -> None:
        """Let the kernel refuse connections while the port stays bound.

        Raises:
            OSError: another process has taken the port meanwhile.
        """
        kind = self.door.port_kind
        self.sockets = tuple(close_for_a_while(sock, kind) for sock in self.sockets)

    def listen(self) -> None:
        """Accept connections again after `refuse`."""
        for sock in self.sockets:
            listen(sock)

    def close(self) -> None:
        for sock in self.sockets:
            sock.close()


def open_listeners(
    doors: Iterable[AnyDoor],
    *,
    host: str,
    beginning_port: int = 0,
    option: str = "--beginning-port",
    skips: bool = False,
) -> list[Listener]:
    """Bind every door to ``beginning_port`` plus its offset, or to free ports if that is 0.

    Args:
        option: the option of the command line that an error about a port names.
        skips: True to skip doors whose kind of port this system lacks, with a warning.

    Raises:
        PortKindUnavailable: this system lacks the kind of port that a door needs.
        PortUnavailable: a port can't be bound, or the host has no address here; nothing is left open.
        TooFewDescriptors: the process may not open so many.
    """
    addresses = resolve(host)
    doors = list(doors)
    check_descriptors(len(doors) * len(addresses))
    listeners: list[Listener] = []
    try:
        for door in doors:
            has_port = beginning_port and door.offset is not None
            port = beginning_port + (door.offset or 0) if has_port else 0
            try:
                listeners.append(_open_listener(door, addresses, port, option))
            except PortKindUnavailable as error:
                if not skips:
                    raise
                logger.warning("%s is not served: %s", door.name, error)
    except BaseException:  # raised again; no port of a failed start stays open
        for listener in listeners:
            listener.close()
        raise
    return listeners


def _open_listener(
    door: AnyDoor, addresses: list[tuple[int, str]], port: int, option: str
) -> Listener:
    purpose = f"the failure mode {door.name}" if door.slug else f"the {door.name} door"
    port, sockets = open_port_on(
        addresses, port, kind=door.port_kind, purpose=purpose, option=option
    )
    return Listener(door, port, sockets)
