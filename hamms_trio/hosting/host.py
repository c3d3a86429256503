"""One listener per failure mode, all in one nursery."""

from __future__ import annotations

import errno
import logging
import select
import socket
from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING

import trio

from hamms_trio.hosting.admission import Admission
from hamms_trio.hosting.ledger import Ledger
from hamms_trio.hosting.listeners import Listener
from hamms_trio.hosting.portable import PortableListener
from hamms_trio.hosting.resets import reset_and_close
from hamms_trio.lab import Lab
from hamms_trio.modes import FailureMode
from hamms_trio.peer import Peer

HAS_EPOLL = hasattr(select, "epoll")

if TYPE_CHECKING or HAS_EPOLL:
    from hamms_trio.hosting.connection import HubConnection
    from hamms_trio.hosting.hub import IN, Hub

logger = logging.getLogger(__name__)

ACCEPTS_IN_ONE_GO = 64
BACK_OFF_SECONDS = 0.1  # after accept failed for want of descriptors or memory


class Host:
    """Serves listeners until it is cancelled, and then closes them and every connection.

    Args:
        portable: use an ordinary trio task for each connection instead of the hub, which needs epoll.
    """

    def __init__(
        self,
        listeners: Sequence[Listener],
        lab: Lab,
        ledger: Ledger,
        *,
        portable: bool = not HAS_EPOLL,
    ) -> None:
        self._listeners = listeners
        self.ledger = ledger
        self._lab = lab
        self._admission = Admission(len(listeners))
        self._hub = None if portable else Hub()
        self._portable: list[PortableListener] = []

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Host every listener as a task of one nursery."""
        async with trio.open_nursery() as nursery:
            if self._hub is not None:
                nursery.start_soon(self._hub.run, name="hub")
            for listener in self._listeners:
                serve = self._serve_portably if self._hub is None else self._serve_on_hub
                nursery.start_soon(serve, listener, name=listener.mode.slug)
            task_status.started()

    def drop_connections(self) -> None:
        """Close every connection, those that wait to be accepted too; the listeners stay."""
        for listener in self._listeners:
            listener.turn_away()
        if self._hub is not None:
            for watcher in self._hub.watchers:
                if isinstance(watcher, HubConnection):
                    watcher.abandon()
        for portable in self._portable:
            portable.drop_connections()

    async def _serve_on_hub(self, listener: Listener) -> None:
        assert self._hub is not None
        acceptors = [
            Acceptor(self._hub, sock, listener.mode, self._lab, self.ledger, self._admission)
            for sock in listener.sockets
            if listener.listens
        ]
        try:
            await trio.sleep_forever()
        finally:
            for acceptor in acceptors:
                acceptor.abandon()
            listener.close()

    async def _serve_portably(self, listener: Listener) -> None:
        portable = PortableListener(listener, self._lab, self.ledger, self._admission)
        self._portable.append(portable)
        try:
            await portable.run()
        finally:
            listener.close()


class Acceptor:
    """Accepts the connections of one listening socket, and lets its failure mode play with each."""

    def __init__(
        self,
        hub: Hub,
        sock: socket.socket,
        mode: FailureMode,
        lab: Lab,
        ledger: Ledger,
        admission: Admission,
    ) -> None:
        self._hub = hub
        self._socket = sock
        self._fd = sock.fileno()
        self._mode = mode
        self._lab = lab
        self._ledger = ledger
        self._admission = admission
        self._open = 0
        hub.watch(self._fd, self, IN)

    def on_event(self, _events: int) -> None:
        for _ in range(ACCEPTS_IN_ONE_GO):
            try:
                sock, address = self._socket.accept()
            except BlockingIOError:
                return
            except ConnectionError:  # the client has left already
                continue
            except OSError as error:
                self._back_off(error)
                return
            self._welcome(sock, address)

    def abandon(self) -> None:
        self._hub.forget(self._fd)
        self._socket.close()

    def _welcome(self, sock: socket.socket, address: tuple[str, int]) -> None:
        admission = self._admission
        if not admission.admits(self._open):
            admission.warn(self._mode.slug)
            reset_and_close(sock)
            return
        sock.setblocking(False)
        record = self._ledger.open(self._mode.slug, address[:2])
        try:
            connection = HubConnection(
                self._hub,
                sock,
                record,
                self._on_close,
                send_seconds=self._lab.limits.send,
            )
        except OSError as error:  # the kernel has no memory for another registration
            record.closed()
            sock.close()
            self._back_off(error)
            return
        self._open += 1
        admission.open += 1
        connection.start(self._mode.play(Peer(connection, self._lab)))

    def _on_close(self) -> None:
        self._open -= 1
        self._admission.open -= 1

    def _back_off(self, error: OSError) -> None:
        if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
            self._admission.warn(self._mode.slug)
        else:
            logger.error("%s: accept failed: %s", self._mode.slug, error)
        self._hub.rewatch(self._fd, 0)
        self._hub.call_at(monotonic() + BACK_OFF_SECONDS, self._accept_again)

    def _accept_again(self, _due: float) -> None:
        if self._socket.fileno() >= 0:
            self._hub.rewatch(self._fd, IN)
