"""TLS 1.3 for the clients of a measurement."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress

from bench.loads.connecting import ANSWER_SECONDS


def client_context() -> ssl.SSLContext:
    """Return a context for TLS 1.3 that accepts any certificate, since only the client would verify it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def secured(sock: socket.socket, context: ssl.SSLContext) -> ssl.SSLSocket:
    """Shake hands, and return the connection."""
    sock.settimeout(ANSWER_SECONDS)
    return context.wrap_socket(sock)


def client_hello(host: str | None = None) -> bytes:
    """Return the octets of a ClientHello, with this host in SNI."""
    outgoing = ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        client_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=host).do_handshake()
    return outgoing.read()
