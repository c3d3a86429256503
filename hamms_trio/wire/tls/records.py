"""Records of TLS (RFC 8446 §5.1): five octets with type, version and length, then the fragment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

HEADER_OCTETS = 5
MAX_FRAGMENT_OCTETS = 2**14  # of a fragment that is not encrypted (RFC 8446 §5.1)
LEGACY_VERSION = 0x0303  # TLS 1.2, which TLS 1.3 sends as well


class ContentType(IntEnum):
    """The type of a record (RFC 8446 §B.1)."""

    CHANGE_CIPHER_SPEC = 20
    ALERT = 21
    HANDSHAKE = 22
    APPLICATION_DATA = 23


class HandshakeType(IntEnum):
    """The type of a handshake message (RFC 8446 §B.3, RFC 5246 §7.4)."""

    HELLO_REQUEST = 0
    CLIENT_HELLO = 1
    SERVER_HELLO = 2
    CERTIFICATE = 11
    SERVER_KEY_EXCHANGE = 12
    CERTIFICATE_REQUEST = 13
    KEY_UPDATE = 24


class AlertLevel(IntEnum):
    """The level of an alert (RFC 8446 §6)."""

    WARNING = 1
    FATAL = 2


class Alert(IntEnum):
    """Some alerts (RFC 8446 §6, RFC 6066 §3, RFC 7301 §3.2)."""

    CLOSE_NOTIFY = 0
    HANDSHAKE_FAILURE = 40
    DECODE_ERROR = 50
    PROTOCOL_VERSION = 70
    INTERNAL_ERROR = 80
    UNRECOGNIZED_NAME = 112
    NO_APPLICATION_PROTOCOL = 120


@dataclass(frozen=True, slots=True)
class Record:
    """One record, valid or not.

    Attributes:
        type: a `ContentType`, or any other octet.
        version: the version in the header.
        fragment: the octets after the header.
    """

    type: int
    fragment: bytes
    version: int = LEGACY_VERSION

    @property
    def octets(self) -> bytes:
        return record_octets(self.type, self.fragment, self.version)

    def flipped(self, at: int = -1) -> Record:
        """Return the record with the lowest bit of one octet of its fragment flipped."""
        damaged = bytearray(self.fragment)
        damaged[at] ^= 1
        return replace(self, fragment=bytes(damaged))


def record_octets(
    type: int, fragment: bytes, version: int = LEGACY_VERSION, *, length: int | None = None
) -> bytes:
    """Return a record as octets.

    Args:
        length: the length that the header claims, if not the fragment's.
    """
    claimed = len(fragment) if length is None else length
    return bytes((type,)) + version.to_bytes(2, "big") + claimed.to_bytes(2, "big") + fragment


def alert_octets(code: int, level: int = AlertLevel.FATAL) -> bytes:
    """Return an alert that is not encrypted, as a record."""
    return record_octets(ContentType.ALERT, bytes((level, code)))


def split_records(octets: bytes) -> tuple[list[Record], bytes]:
    """Split octets into whole records, and the octets after the last one."""
    records, at = [], 0
    while len(octets) - at >= HEADER_OCTETS:
        ends = at + HEADER_OCTETS + int.from_bytes(octets[at + 3 : at + 5], "big")
        if ends > len(octets):
            break
        fragment = octets[at + HEADER_OCTETS : ends]
        records.append(Record(octets[at], fragment, int.from_bytes(octets[at + 1 : at + 3], "big")))
        at = ends
    return records, octets[at:]
