"""A client of TLS whose octets are in the test's hands: OpenSSL in memory over a plain socket.

A reset stays a reset (`ssl.SSLSocket` reports it as the end of input), and each record is kept.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from hamms_trio import HammsServer
from hamms_trio.pki.contexts import Contexts
from hamms_trio.wire.tls.records import Record, split_records
from tests.clients import raw

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
READ_OCTETS = 64 * 1024


def contexts_of(server: HammsServer) -> Contexts:
    """Return the server's contexts, for certificates of clients below its authority."""
    loop = server._loop
    assert loop is not None

    return loop.call(lambda: loop.hamms._environment.contexts)


def trusting(root: str) -> ssl.SSLContext:
    """Return a client's context that trusts this root alone, given in PEM."""
    return ssl.create_default_context(cadata=root)


@dataclass
class TlsClient:
    """One connection.

    Attributes:
        received: all octets that came from the server.
        content: all content that was decrypted.
    """

    sock: socket.socket
    context: ssl.SSLContext
    name: str | None = "localhost"
    received: bytes = b""
    content: bytes = b""
    _incoming: ssl.MemoryBIO = field(default_factory=ssl.MemoryBIO)
    _outgoing: ssl.MemoryBIO = field(default_factory=ssl.MemoryBIO)

    def __post_init__(self) -> None:
        self.tls = self.context.wrap_bio(self._incoming, self._outgoing, server_hostname=self.name)

    @property
    def records(self) -> list[Record]:
        """The whole records that came from the server."""
        return split_records(self.received)[0]

    def send_hello(self) -> None:
        """Send the ClientHello alone."""
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            self.flush()

    def shake_hands(self) -> None:
        """Complete the handshake.

        Raises:
            ssl.SSLError: it fails; our alert is sent.
            OSError: the connection ends.
        """
        while True:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                self.flush()
                self.receive()
            except ssl.SSLError:
                self.flush()
                raise
            else:
                self.flush()
                return

    def ask(self, request: bytes = GET) -> bytes:
        """Send a request, and return the content up to close_notify.

        Raises:
            ssl.SSLError: a record or an alert ends it, or the connection ends without close_notify.
            OSError: the connection is reset.
        """
        self.tls.write(request)
        self.flush()
        while content := self.read():
            self.content += content
        return self.content

    def read(self) -> bytes:
        """Return the next content, or none at close_notify."""
        while True:
            try:
                return self.tls.read(READ_OCTETS)
            except ssl.SSLWantReadError:
                self.receive()

    def flush(self) -> None:
        if octets := self._outgoing.read():
            self.sock.sendall(octets)

    def receive(self) -> None:
        octets = self.sock.recv(READ_OCTETS)
        self.received += octets
        if octets:
            self._incoming.write(octets)
        else:
            self._incoming.write_eof()

    def receive_rest(self) -> bytes:
        """Return all octets up to the end of the connection, whatever they mean."""
        while octets := self.sock.recv(READ_OCTETS):
            self.received += octets
        return self.received


@contextmanager
def connected(
    address: raw.Address, context: ssl.SSLContext, name: str | None = "localhost"
) -> Iterator[TlsClient]:
    with raw.connected(address) as sock:
        yield TlsClient(sock, context, name)


@contextmanager
def met(
    server: HammsServer, context: ssl.SSLContext, slug: str, **arguments: object
) -> Iterator[TlsClient]:
    """Connect to a failure mode at a door of its own."""
    with server.open(slug, **arguments) as door, connected(door.address, context) as client:
        yield client


def get(
    address: raw.Address, context: ssl.SSLContext, name: str | None = "localhost"
) -> raw.Message:
    """Send one GET, and return the whole response."""
    with connected(address, context, name) as client:
        client.shake_hands()
        (message,) = raw.messages(client.ask())
        return message
