"""The server's listening sockets on the hub."""

from __future__ import annotations

import socket

import trio

from hamms_trio.hosting.acceptor import Acceptor, Address
from hamms_trio.hosting.admission import Admission
from hamms_trio.hosting.hub import Hub
from hamms_trio.hosting.resets import reset_and_close
from hamms_trio.server.connection import ServerConnection
from hamms_trio.server.service import Service

REFUSED_POLITELY = 128  # connections above the limit that are told so; more are reset


class ServerAcceptor(Acceptor):
    """Begins a conversation on each connection."""

    def __init__(
        self,
        hub: Hub,
        nursery: trio.Nursery,
        service: Service,
        sock: socket.socket,
        admission: Admission,
    ) -> None:
        super().__init__(hub, sock, "workbench", admission)
        self._nursery = nursery
        self._service = service

    def welcome(self, sock: socket.socket, address: Address) -> None:
        service = self._service
        open_now = service.connections
        if open_now >= service.limits.connections + REFUSED_POLITELY:
            reset_and_close(sock)
            return
        connection = ServerConnection(self._hub, self._nursery, service, sock, address)
        if open_now >= service.limits.connections:
            connection.refuse()

    def finish(self) -> None:
        """Take those that have connected already, and close the listening socket."""
        self.on_event(0)
        self.abandon()
