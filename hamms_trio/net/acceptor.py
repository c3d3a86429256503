"""One listening socket on the hub."""

from __future__ import annotations

import errno
import logging
import os
import socket
from abc import ABC, abstractmethod
from time import monotonic

from hamms_trio.net.descriptors import Warnings
from hamms_trio.net.hub import IN, Hub

logger = logging.getLogger(__name__)

ACCEPTS_IN_ONE_GO = 64
BACK_OFF_SECONDS = 0.1  # after accept failed for want of descriptors or memory

Address = tuple[str, int]

# What there may be none left of: descriptors, memory, registrations (epoll_ctl(2)).
_SCARCE = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.ENOSPC)


class Acceptor(ABC):
    """Accepts the connections of one listening socket, and backs off while there is no room for more."""

    def __init__(self, hub: Hub, sock: socket.socket, name: str, warnings: Warnings) -> None:
        self._hub = hub
        self._socket = sock
        self._fd = sock.fileno()
        self._name = name
        self._warnings = warnings
        hub.watch(self._fd, self, IN)

    @abstractmethod
    def welcome(self, sock: socket.socket, address: Address) -> None:
        """Take an accepted connection, non-blocking already.

        Raises:
            OSError: the kernel has no memory for another registration; the caller closes the socket.
        """

    def has_room(self) -> bool:
        """Whether another connection is to be accepted now; if not, `accept_again` says when."""
        return True

    def on_event(self, _events: int) -> None:
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
            try:
                self.welcome(sock, address[:2])
            except OSError as error:
                sock.close()
                if error.errno in _SCARCE:
                    self._back_off(error)
                    return

    def abandon(self) -> None:
        self._hub.forget(self._fd)
        self._socket.close()

    def _back_off(self, error: OSError) -> None:
        if error.errno in _SCARCE:
            self._warnings.warn(
                "%s: connections have to wait: %s; raise the limit of descriptors with ulimit -n",
                self._name,
                os.strerror(error.errno or 0),
            )
        else:
            logger.error("%s: accept failed: %s", self._name, error)
        self._hub.rewatch(self._fd, 0)
        self._hub.call_at(monotonic() + BACK_OFF_SECONDS, self._on_backed_off)

    def _on_backed_off(self, _due: float) -> None:
        self.accept_again()

    def accept_again(self) -> None:
        """Accept connections from now on, after there was no room."""
        if self._socket.fileno() >= 0:
            self._hub.rewatch(self._fd, IN)
