"""Names of the records and handshake messages that one side sends, for people to read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from hamms_trio.wire.tls.records import ContentType, Record, split_records
from hamms_trio.wire.tls.server_hello import messages_in

_TYPES = tuple(ContentType)
_MAJOR_VERSION = 3  # the first octet of every version since SSL 3.0
# The random of a HelloRetryRequest (RFC 8446 §4.1.3).
_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
_MESSAGES = {
    1: "ClientHello",
    2: "ServerHello",
    4: "NewSessionTicket",
    11: "Certificate",
    12: "ServerKeyExchange",
    13: "CertificateRequest",
    14: "ServerHelloDone",
    16: "ClientKeyExchange",
}


class RecordNames:
    """The names of the records of one direction, whose handshake messages are encrypted from some record on."""

    def __init__(self) -> None:
        self._is_encrypted = False

    def joined(self, octets: bytes) -> str | None:
        """Return the names of records in a row, with their numbers; None if the octets are no records."""
        records, rest = split_records(octets)
        if not records or records[0].type not in _TYPES:
            return None
        names = [self._name(record) for record in records]
        if rest:
            names.append("a part of a record")
        return ", ".join(_counted(names))

    def _name(self, record: Record) -> str:
        if record.type == ContentType.CHANGE_CIPHER_SPEC:
            self._is_encrypted = True
            return "ChangeCipherSpec"
        if record.type == ContentType.ALERT and len(record.fragment) == 2:
            return f"alert {record.fragment[1]} at level {record.fragment[0]}"
        if record.type == ContentType.HANDSHAKE:
            names = [_message(each, body) for each, body in messages_in(record)]
            known = names and not (self._is_encrypted and "?" in names)
            return "+".join(names) if known else "encrypted"
        return "encrypted"


def is_of_tls(octets: bytes) -> bool:
    """Return True if the octets begin with the header of a record."""
    return octets[:1] != b"" and octets[0] in _TYPES and octets[1:2] == bytes([_MAJOR_VERSION])


def _message(type: int, body: bytes) -> str:
    if body[2:34] == _RETRY:
        return "HelloRetryRequest"
    return _MESSAGES.get(type, "?")


def _counted(names: Iterable[str]) -> Iterator[str]:
    for name, group in groupby(names):
        number = len(list(group))
        yield f"{number} x {name}" if number > 1 else name
