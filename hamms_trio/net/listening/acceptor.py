"""A listening socket on the hub."""

from __future__ import annotations

import errno
import logging
import os
import socket
from abc import ABC, abstractmethod

from hamms_trio.net.hubs.hub import IN, Hub
from hamms_trio.net.listening.descriptors import DescriptorShare
from hamms_trio.net.resets import reset_and_close

logger = logging.getLogger(__name__)

ACCEPTS_PER_EVENT = 64
ACCEPT_SECONDS = 0.0005  # limit for one event
BACK_OFF_SECONDS = 0.1  # after accept failed because descriptors or memory ran out

Address = tuple[str, int]

# Errors for a lack of descriptors, memory or epoll registrations (epoll_ctl(2)).
_SCARCE = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.ENOSPC)


class Acceptor(ABC):
    """An acceptor for one listening socket, which backs off when resources run out.

    Args:
        share: the listener's share of the descriptors. The acceptor counts each connection that `welcome`
            receives; the connection's owner releases the share at the end.
    """

    def __init__(self, hub: Hub, sock: socket.socket, share: DescriptorShare) -> None:
        self._hub = hub
        self._socket = sock
        self._fd = sock.fileno()
        self._share = share
        hub.watch(self._fd, self, IN)

    @property
    def group(self) -> str:
        """The group of all acceptors, so that new connections need not wait for those of a busy port."""
        return "acceptors"

    @abstractmethod
    def welcome(self, sock: socket.socket, address: Address) -> None:
        """Take over an accepted, non-blocking socket.

        Raises:
            OSError: the kernel has no memory for another registration; the caller closes the socket.
        """

    def has_room(self) -> bool:
        """Return True if another connection may be accepted; if not, the subclass calls `accept_again` later."""
        return True

    def on_event(self, _events: int) -> None:
        ends = self._hub.now() + ACCEPT_SECONDS
        for _ in range(ACCEPTS_PER_EVENT):
            if not self.has_room():
                self._hub.rewatch(self._fd, 0)
                return
            try:
                sock, address = self._socket.accept()
            except BlockingIOError:
                return
            except ConnectionError:  # the client has reset the connection
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
            # The accepted connection may have closed the listener.
            if self._hub.now() >= ends or self._socket.fileno() < 0:
                return

    def stop(self) -> None:
        """Accept no more; the socket is the caller's again."""
        self._hub.forget(self._fd)

    def abandon(self) -> None:
        self.stop()
        self._socket.close()

    def _back_off(self, error: OSError) -> None:
        if error.errno in _SCARCE:
            self._share.warnings.warn(
                "%s: new connections have to wait: %s; raise the limit of descriptors with ulimit -n",
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
        """Resume accepting."""
        if self._socket.fileno() >= 0:
            self._hub.rewatch(self._fd, IN)
