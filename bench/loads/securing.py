"""TLS 1.3 as the clients of a measurement speak it."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress

from bench.loads.connecting import ANSWER_SECONDS


def client_context() -> ssl.SSLContext:
    """TLS 1.3, and any certificate: to verify one costs the client only."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def secured(sock: socket.socket, context: ssl.SSLContext) -> ssl.SSLSocket:
    """The connection once hands are shaken."""
    sock.settimeout(ANSWER_SECONDS)
    return context.wrap_socket(sock)


def client_hello() -> bytes:
    """What a client says first."""
    said = ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        client_context().wrap_bio(ssl.MemoryBIO(), said).do_handshake()
    return said.read()
