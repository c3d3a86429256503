"""One listening socket on the hub."""

from __future__ import annotations

import errno
import logging
import os
import socket
from abc import ABC, abstractmethod

from hamms_trio.net.descriptors import DescriptorShare
from hamms_trio.net.hub import IN, Hub
from hamms_trio.net.resets import reset_and_close

logger = logging.getLogger(__name__)

ACCEPTS_IN_ONE_GO = 64
ACCEPT_SECONDS = 0.0005  # in one go, at most
BACK_OFF_SECONDS = 0.1  # after accept failed for want of descriptors or memory

Address = tuple[str, int]

# Errors for want of something: descriptors, memory, registrations (epoll_ctl(2)).
_SCARCE = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.ENOSPC)


class Acceptor(ABC):
    """Accepts the connections of one listening socket, and backs off while there is no room for more.

    Args:
        share: the listener's share of the descriptors. Each connection that `welcome` receives is counted
            there; its owner releases it when the connection has ended.
    """

    def __init__(self, hub: Hub, sock: socket.socket, share: DescriptorShare) -> None:
        self._hub = hub
        self._socket = sock
        self._fd = sock.fileno()
        self._share = share
        hub.watch(self._fd, self, IN)

    @property
    def group(self) -> str:
        """One group for all acceptors: newcomers do not wait behind a busy port's connections."""
        return "acceptors"

    @abstractmethod
    def welcome(self, sock: socket.socket, address: Address) -> None:
        """Take an accepted connection, non-blocking already.

        Raises:
            OSError: the kernel has no memory for another registration; the caller closes the socket.
        """

    def has_room(self) -> bool:
        """True if another connection may be accepted now; if not, somebody calls `accept_again` later."""
        return True

    def on_event(self, _events: int) -> None:
        ends = self._hub.now() + ACCEPT_SECONDS
        for _ in range(ACCEPTS_IN_ONE_GO):
            if not self.has_room():
                self._hub.rewatch(self._fd, 0)
                return
            try:
                sock, address = self._socket.accept()
            except BlockingIOError:
                return
            except ConnectionError:  # the client has left already
                continue
            except OSError as error:
                self._back_off(error)
                return
            sock.setblocking(False)
            if not self._share.acquire(sock.fileno()):
                reset_and_close(sock)
                continue
            try:
                self.welcome(sock, address[:2])
            except OSError as error:
                sock.close()
                self._share.release()
                if error.errno in _SCARCE:
                    self._back_off(error)
                    return
            if self._hub.now() >= ends:
                return

    def abandon(self) -> None:
        self._hub.forget(self._fd)
        self._socket.close()

    def _back_off(self, error: OSError) -> None:
        if error.errno in _SCARCE:
            self._share.warnings.warn(
                "%s: connections have to wait: %s; raise the limit of descriptors with ulimit -n",
                self._share.name,
                os.strerror(error.errno or 0),
            )
        else:
            logger.error("%s: accept failed: %s", self._share.name, error)
        self._hub.rewatch(self._fd, 0)
        self._hub.call_at(self._hub.now() + BACK_OFF_SECONDS, self._on_backed_off)

    def _on_backed_off(self, _due: float) -> None:
        self.accept_again()

    def accept_again(self) -> None:
        """Accept connections from now on, after there was no room."""
        if self._socket.fileno() >= 0:
            self._hub.rewatch(self._fd, IN)
