"""Raw octets over a blocking socket, and a parser for the responses."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from tests.clients.outcomes import SAFETY_NET

Address = tuple[str, int]


@dataclass(frozen=True)
class Message:
    """One response; ``fields`` has lower-case names."""

    version: bytes
    status: int
    fields: dict[str, str]
    body: bytes


@contextmanager
def connected(address: Address) -> Iterator[socket.socket]:
    with socket.create_connection(address, timeout=SAFETY_NET) as sock:
        yield sock


def exchange(address: Address, octets: bytes) -> bytes:
    """Send ``octets`` and return all octets that arrive until the server closes."""
    with connected(address) as sock:
        sock.sendall(octets)
        return receive_all(sock)


def get(url: str) -> Message:
    """GET a URL and return the one response; its body ends when the server closes."""
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    request = f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n"
    octets = exchange((parts.hostname or "", parts.port or 80), request.encode())
    head, end, body = octets.partition(b"\r\n\r\n")
    (message,) = messages(re.sub(rb"(?i)content-length:", b"X-Declared-Length:", head) + end)
    return replace(message, body=body)


def receive_all(sock: socket.socket) -> bytes:
    return b"".join(iter(lambda: sock.recv(65536), b""))


def receive_messages(sock: socket.socket, count: int) -> list[Message]:
    """Receive ``count`` responses; no further one may be on its way."""
    octets = b""
    while len(found := messages(octets)) < count:
        data = sock.recv(65536)
        assert data, f"the server closed after {found!r}"
        octets += data
    return found


def messages(octets: bytes) -> list[Message]:
    """Parse the complete responses; a body is as long as its Content-Length, or empty."""
    found = []
    while b"\r\n\r\n" in octets:
        head, _, octets = octets.partition(b"\r\n\r\n")
        status_line, *lines = head.split(b"\r\n")
        version, status = status_line.split(b" ")[:2]
        pairs = (line.decode("latin-1").split(": ", 1) for line in lines)
        fields = {name.lower(): value for name, value in pairs}
        length = int(fields.get("content-length", 0))
        if len(octets) < length:
            break
        found.append(Message(version, int(status), fields, octets[:length]))
        octets = octets[length:]
    return found
