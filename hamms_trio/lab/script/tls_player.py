"""Play a failure mode of TLS against OpenSSL in virtual time, and name the records on the wire.

Most octets of a handshake are random. Records therefore appear by name, such as ``ServerHello`` or ``encrypted``,
and records in a row share a line. The content that the client sends and decrypts appears as octets. Times are whole
seconds: signatures of different lengths make a dribbled handshake take longer or shorter.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Iterator
from itertools import groupby

from cryptography.hazmat.primitives.serialization import Encoding

from hamms_trio.lab.doors import Door
from hamms_trio.lab.script.player import (
    HESITATION,
    PATIENCE,
    SCRIPT_PORTS,
    SECOND,
    TO_CLIENT,
    TO_SERVER,
    Line,
    ScriptedConnection,
)
from hamms_trio.modes import Catalogue
from hamms_trio.modes.model.environment import Environment
from hamms_trio.recording.ledger import Ledger
from hamms_trio.recording.recorder import Recorder, Recording
from hamms_trio.wire.tls.names import RecordNames

GET_AND_CLOSE = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"  # RFC 9113 §3.4
NAMELESS = ("tls-sni-required",)  # doors whose clients send no SNI
CONTENT_OCTETS = 256 * 1024

_CONTENT = "content"


def tls_script(door: Door) -> list[Line]:
    """Return the lines on the wire: whole seconds, direction, and names of records, content or an ending."""
    environment = Environment(wall_clock=lambda: SECOND)
    environment.ports = SCRIPT_PORTS
    mint = environment.contexts.mint
    mint.keys.in_thread = False  # time is virtual, and does not wait for a thread
    observer = Recording(Ledger(Catalogue(door.mode).names)).opened(
        door.name, door.slug, ("192.0.2.1", 49152)
    )
    root = mint.authority.root.public_bytes(Encoding.DER)
    connection = TlsScript(observer, root, names_host=door.name not in NAMELESS)
    lines = _named(connection.play(door, environment), connection.contents)
    return [(float(round(at)), direction, what) for at, direction, what in lines]


class TlsScript(ScriptedConnection):
    """A connection whose client completes a handshake, sends one request, and reads the answer."""

    def __init__(self, observer: Recorder, root: bytes, *, names_host: bool) -> None:
        super().__init__((), observer)
        self._ends = HESITATION + PATIENCE
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = ssl.create_default_context(cadata=root)
        context.check_hostname = names_host
        context.set_alpn_protocols(["h2", "http/1.1"])
        name = "localhost" if names_host else None
        self._client = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        self._has_asked = False
        self._has_left = False
        self.contents: list[bytes] = []  # in the order of the lines that stand for them

    def _ordered(self, lines: list[Line]) -> list[Line]:
        return lines

    async def receive(self, deadline: float | None = None) -> bytes:
        self._advance(max(self._now, HESITATION))
        self._react()
        octets = self._outgoing.read()
        if octets:
            self._lines.append((self._now, TO_SERVER, octets))
            self.observer.received(len(octets))
            return octets
        if self._has_left:
            self._last = self._last or [(self._now, TO_SERVER, "FIN")]
            return b""
        if deadline is not None and deadline < self._ends:
            self._advance(deadline)
            raise TimeoutError
        self._advance(self._ends)
        raise AssertionError("the client has given up")

    async def send(self, data: bytes | memoryview) -> None:
        await super().send(data)
        self._incoming.write(data)

    async def send_eof(self) -> None:
        self._incoming.write_eof()
        self._react()
        await super().send_eof()

    def _react(self) -> None:
        """Continue the handshake, then send the request, then read."""
        if self._has_left:
            return
        try:
            self._client.do_handshake()
            if not self._has_asked:
                self._has_asked = True
                self._ask()
            while content := self._client.read(CONTENT_OCTETS):
                self._note(TO_CLIENT, content)
        except ssl.SSLWantReadError:
            return
        except ssl.SSLError:
            pass
        self._has_left = True

    def _ask(self) -> None:
        content = PREFACE if self._client.selected_alpn_protocol() == "h2" else GET_AND_CLOSE
        self._client.write(content)
        self._note(TO_SERVER, content)

    def _note(self, direction: str, content: bytes) -> None:
        self._lines.append((self._now, direction, _CONTENT))
        self.contents.append(content)


def _named(lines: Iterable[Line], contents: list[bytes]) -> Iterator[Line]:
    """Yield the lines with names of records, or content, instead of octets; join those in a row."""
    names = {TO_CLIENT: RecordNames(), TO_SERVER: RecordNames()}
    left = iter(contents)
    for (direction, kind), group in groupby(lines, _kind):
        run = list(group)
        if kind == _CONTENT:
            content = b"".join(next(left) for _ in run)
            yield run[0][0], direction, content
            continue
        if kind is not None:
            yield from run
            continue
        octets = b"".join(w for _, _, w in run if isinstance(w, bytes))
        yield run[0][0], direction, names[direction].joined(octets) or octets


def _kind(line: Line) -> tuple[str, str | None]:
    return line[1], None if isinstance(line[2], bytes) else line[2]
