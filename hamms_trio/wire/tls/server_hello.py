"""Lies in a server's messages of TLS 1.2, which are not encrypted: ServerHello and ServerKeyExchange."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from hamms_trio.wire.tls.records import ContentType, HandshakeType, Record

_ALPN = 16  # RFC 7301 §3.1
_BEFORE_SESSION_ID = 2 + 32  # octets of version and random


def messages_in(record: Record) -> Iterator[tuple[int, bytes]]:
    """Yield the type and the body of each handshake message that is whole in a record."""
    at, fragment = 0, record.fragment
    while record.type == ContentType.HANDSHAKE and at + 4 <= len(fragment):
        ends = at + 4 + int.from_bytes(fragment[at + 1 : at + 4], "big")
        if ends > len(fragment):
            return
        yield fragment[at], fragment[at + 4 : ends]
        at = ends


def message(type: int, body: bytes) -> bytes:
    """Return a handshake message (RFC 8446 §4)."""
    return bytes((type,)) + len(body).to_bytes(3, "big") + body


def server_random_in(records: Iterable[Record]) -> bytes:
    """Return the random of the last ServerHello in these records; nothing if there is none."""
    bodies = (
        body
        for record in records
        for type, body in messages_in(record)
        if type == HandshakeType.SERVER_HELLO
    )
    return next(reversed(list(bodies)), b"")[2:_BEFORE_SESSION_ID]


def with_alpn(record: Record, protocol: str) -> Record:
    """Return the record with this protocol in its ServerHello instead of the negotiated one."""
    return _changed(
        record, HandshakeType.SERVER_HELLO, lambda body: _hello_with_alpn(body, protocol.encode())
    )


def with_cipher(record: Record, cipher: int) -> Record:
    """Return the record with this cipher suite in its ServerHello."""
    return _changed(
        record, HandshakeType.SERVER_HELLO, lambda body: _hello_with_cipher(body, cipher)
    )


def with_broken_signature(record: Record) -> Record:
    """Return the record with one bit of the signature in its ServerKeyExchange flipped."""
    return _changed(record, HandshakeType.SERVER_KEY_EXCHANGE, _flip_last)


def _changed(record: Record, type: int, change: Callable[[bytes], bytes]) -> Record:
    """Return the record with the body of each message of this type changed; another record as it is."""
    messages = list(messages_in(record))
    if all(each != type for each, _ in messages):
        return record
    changed = ((each, change(body) if each == type else body) for each, body in messages)
    return replace(record, fragment=b"".join(message(each, body) for each, body in changed))


def _flip_last(body: bytes) -> bytes:
    return body[:-1] + bytes((body[-1] ^ 1,))


def _after_session_id(body: bytes) -> int:
    """Return where the cipher suite of a ServerHello stands."""
    return _BEFORE_SESSION_ID + 1 + body[_BEFORE_SESSION_ID]


def _hello_with_cipher(body: bytes, cipher: int) -> bytes:
    at = _after_session_id(body)
    return body[:at] + cipher.to_bytes(2, "big") + body[at + 2 :]


def _hello_with_alpn(body: bytes, protocol: bytes) -> bytes:
    at = _after_session_id(body) + 3  # after cipher suite and compression method
    extensions, rest = b"", body[at + 2 :]
    while rest:
        ends = 4 + int.from_bytes(rest[2:4], "big")
        if int.from_bytes(rest[:2], "big") != _ALPN:
            extensions += rest[:ends]
        rest = rest[ends:]
    names = bytes((len(protocol),)) + protocol
    listed = len(names).to_bytes(2, "big") + names
    extensions += _ALPN.to_bytes(2, "big") + len(listed).to_bytes(2, "big") + listed
    return body[:at] + len(extensions).to_bytes(2, "big") + extensions
