"""The ClientHello (RFC 8446 §4.1.2), parsed to choose a certificate or a fault before OpenSSL reads it."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from hamms_trio.errors import MalformedRequest
from hamms_trio.wire.tls.records import HEADER_OCTETS, ContentType, HandshakeType

MAX_HELLO_OCTETS = 64 * 1024  # of a ClientHello; post-quantum key shares take about 2 KB

_EXTENSION = struct.Struct(">HH")  # its type and its length
_SERVER_NAME, _GROUPS, _ALPN, _VERSIONS, _POST_HANDSHAKE_AUTH = 0, 10, 16, 43, 49  # RFC 8446 §4.2


@dataclass(frozen=True, slots=True)
class ClientHello:
    """The parameters that a client offers.

    Attributes:
        version: the legacy version; TLS 1.2 for a client that speaks TLS 1.3.
        random: 32 octets.
        session_id: the id of a session to resume, or an arbitrary one for TLS 1.3.
        ciphers: the offered cipher suites.
        server_name: the host name in SNI, in lower case; None if there is none.
        protocols: the protocols in ALPN.
        versions: the versions in supported_versions; just ``version`` for an older client.
        groups: the groups in supported_groups.
        accepts_late_requests: True if the client accepts requests for a certificate after the handshake
            (post_handshake_auth).
    """

    version: int
    random: bytes
    session_id: bytes
    ciphers: tuple[int, ...]
    server_name: str | None = None
    protocols: tuple[str, ...] = ()
    versions: tuple[int, ...] = ()
    groups: tuple[int, ...] = ()
    accepts_late_requests: bool = False


def is_tls(octets: bytes) -> bool:
    """Return True if a client that begins with these octets speaks TLS."""
    return octets[:1] == bytes((ContentType.HANDSHAKE,))


def read_client_hello(octets: bytes) -> ClientHello | None:
    """Read the ClientHello at the beginning of a connection; None while octets are missing.

    Raises:
        MalformedRequest: the octets are no ClientHello, or too many.
    """
    message = bytearray()
    at = 0
    while len(message) < 4 or len(message) < 4 + int.from_bytes(message[1:4], "big"):
        header = octets[at : at + HEADER_OCTETS]
        if header[:1] not in (b"", bytes((ContentType.HANDSHAKE,))):
            raise MalformedRequest("the client's first record is no handshake")
        length = int.from_bytes(header[3:5], "big")
        fragment = octets[at + HEADER_OCTETS : at + HEADER_OCTETS + length]
        if len(message) + length > MAX_HELLO_OCTETS:
            raise MalformedRequest(f"the ClientHello has more than {MAX_HELLO_OCTETS} octets")
        if len(header) < HEADER_OCTETS or len(fragment) < length:
            return None
        if not length:
            raise MalformedRequest("a record of the ClientHello is empty")
        message += fragment
        at += HEADER_OCTETS + length
    if message[0] != HandshakeType.CLIENT_HELLO:
        raise MalformedRequest("the client's first message is no ClientHello")
    try:
        return _parsed(_Reader(bytes(message[4 : 4 + int.from_bytes(message[1:4], "big")])))
    except (IndexError, UnicodeDecodeError, struct.error) as error:
        raise MalformedRequest(f"the ClientHello can't be read: {error}") from None


class _Reader:
    """A reader of numbers and vectors, one after the other (RFC 8446 §3)."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0

    @property
    def has_more(self) -> bool:
        return self._at < len(self._octets)

    def take(self, octets: int) -> bytes:
        taken = self._octets[self._at : self._at + octets]
        if len(taken) < octets:
            raise IndexError(f"{octets - len(taken)} octets are missing")
        self._at += octets
        return taken

    def number(self, octets: int) -> int:
        return int.from_bytes(self.take(octets), "big")

    def vector(self, length_octets: int) -> bytes:
        return self.take(self.number(length_octets))


def _parsed(reader: _Reader) -> ClientHello:
    version, random, session_id = reader.number(2), reader.take(32), reader.vector(1)
    ciphers = _numbers(reader.vector(2))
    reader.vector(1)  # compression methods
    extensions = _extensions(reader.vector(2)) if reader.has_more else {}
    return ClientHello(
        version,
        random,
        session_id,
        ciphers,
        _server_name(extensions.get(_SERVER_NAME)),
        _protocols(extensions.get(_ALPN)),
        _versions(extensions.get(_VERSIONS)) or (version,),
        _numbers(_vector_in(extensions.get(_GROUPS), 2)),
        _POST_HANDSHAKE_AUTH in extensions,
    )


def _extensions(octets: bytes) -> dict[int, bytes]:
    """Return the extensions by their types; parsed by hand, for speed, since a client sends a dozen."""
    found, at = {}, 0
    while at < len(octets):
        kind, length = _EXTENSION.unpack_from(octets, at)
        at += _EXTENSION.size
        if at + length > len(octets):
            raise IndexError("an extension is cut off")
        found[kind] = octets[at : at + length]
        at += length
    return found


def _vector_in(extension: bytes | None, length_octets: int) -> bytes:
    return b"" if extension is None else _Reader(extension).vector(length_octets)


def _numbers(octets: bytes) -> tuple[int, ...]:
    return struct.unpack(f">{len(octets) // 2}H", octets[: len(octets) & ~1])


def _versions(extension: bytes | None) -> tuple[int, ...]:
    return _numbers(_vector_in(extension, 1))


def _server_name(extension: bytes | None) -> str | None:
    names = _Reader(_vector_in(extension, 2))
    while names.has_more:
        kind, name = names.number(1), names.vector(2)
        if not kind:  # host_name
            return name.decode("ascii").lower()
    return None


def _protocols(extension: bytes | None) -> tuple[str, ...]:
    names, found = _Reader(_vector_in(extension, 2)), []
    while names.has_more:
        found.append(names.vector(1).decode("latin-1"))
    return tuple(found)
