"""The sockets that failure modes listen on."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from hamms_trio.modes import FailureMode, Trigger
from hamms_trio.net.ports import open_port_on, resolve
from hamms_trio.net.resets import reset_and_close


@dataclass(frozen=True, slots=True)
class Listener:
    """One failure mode on one port, bound on each address of the host."""

    mode: FailureMode
    port: int
    sockets: tuple[socket.socket, ...]

    @property
    def listens(self) -> bool:
        return self.mode.trigger is not Trigger.NEVER

    def turn_away(self) -> None:
        """Reset the connections that wait to be accepted."""
        for sock in self.sockets if self.listens else ():
            with suppress(OSError):  # BlockingIOError: nobody waits any more
                while True:
                    waiting, _ = sock.accept()
                    reset_and_close(waiting)

    def close(self) -> None:
        for sock in self.sockets:
            sock.close()


def open_listeners(
    modes: Iterable[FailureMode], *, host: str, beginning_port: int
) -> list[Listener]:
    """Bind every mode to ``beginning_port`` plus its offset, or to free ports if that is 0.

    Raises:
        PortUnavailable: a port could not be bound, or the host has no address here; nothing is left open.
    """
    addresses = resolve(host)
    listeners: list[Listener] = []
    try:
        for mode in modes:
            port = beginning_port + mode.offset if beginning_port else 0
            listeners.append(_open_listener(mode, addresses, port))
    except BaseException:
        for listener in listeners:
            listener.close()
        raise
    return listeners


def _open_listener(mode: FailureMode, addresses: list[tuple[int, str]], port: int) -> Listener:
    port, sockets = open_port_on(
        addresses,
        port,
        listens=mode.trigger is not Trigger.NEVER,
        purpose=f"the failure mode {mode.slug}",
        option="--beginning-port",
    )
    return Listener(mode, port, sockets)
