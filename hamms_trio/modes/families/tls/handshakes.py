"""Handshakes that stall, crawl, break off, or are no TLS at all."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from hashlib import shake_128
from typing import Annotated

from hamms_trio.modes.declare import before_client_hello, on_client_hello
from hamms_trio.modes.drivers import serve_over_tls
from hamms_trio.modes.model.expectation import (
    Level,
    must_error,
    must_error_or_succeed,
    must_succeed,
    must_time_out,
)
from hamms_trio.modes.model.parameters import Choice, Range, Seconds
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.pki.terms import insisting
from hamms_trio.wire.tls.client_hello import ClientHello
from hamms_trio.wire.tls.records import (
    Alert,
    AlertLevel,
    ContentType,
    HandshakeType,
    Record,
    record_octets,
)
from hamms_trio.wire.tls.server_hello import message, with_broken_signature, with_cipher

GARBAGE_OCTETS = 200
MOST_LENGTH = 0xFFFF  # that a record's header can claim
FUTURE_VERSION = 0x0500
SSL_3, RSA_3DES = 0x0300, 0x000A
SSL_2_CONNECTION = b"hamms-connection"  # 16 octets that a client would have to echo
LEVELS = {"fatal": AlertLevel.FATAL, "warning": AlertLevel.WARNING}
HTTP = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
# Suites that no client should offer any more (RFC 7465, RFC 9325 §4.1), by their numbers.
OLD_SUITES = {"rc4-sha": 0x0005, "rc4-md5": 0x0004, "3des": 0x000A, "export": 0x0003}

At = Annotated[str, Choice("hello", "accept", "flight", "finished")]
Code = Annotated[int, Range("an alert", 0, 255)]
AnyLevel = Annotated[str, Choice(*LEVELS)]
Suite = Annotated[str, Choice(*OLD_SUITES)]


@before_client_hello(
    client=must_time_out("RFC 8446 §4.1.1", level=Level.QUALITY),
    issues=("nature-lang/nature#300", "anthropics/connect-rust#137", "dropwizard/dropwizard#2077"),
)
async def tls_handshake_hang(peer: Peer, *, at: At = "hello") -> None:
    """Stop in the middle of the handshake, and stay silent.

    ``at`` sets the point: after the ClientHello (``hello``), before it (``accept``), in the middle of the server's
    first flight (``flight``), or before the server's last message (``finished``). A connect timeout has to cover
    the handshake: many bound only the TCP connection, or each read. With a timeout of one second, urllib3 takes
    five (four attempts), and got six (three).
    """
    if at != "accept":
        await peer.tls.receive_hello()
    if at in ("flight", "finished"):
        await _shake_hands_until(peer, at)
    await peer.wait_gone()


@on_client_hello(client=must_succeed("RFC 8446 §5.1", level=Level.QUALITY))
async def tls_handshake_dribble(
    peer: Peer, hello: ClientHello, *, interval: Seconds = 0.01
) -> None:
    """Send the server's side of the handshake octet by octet, each ``interval`` seconds after the one before.

    A client succeeds, or the timeout of its handshake ends it; one for each read never does.
    """

    async def dribble(records: list[Record]) -> None:
        for octet in b"".join(record.octets for record in records):
            await peer.send(bytes((octet,)))
            await peer.sleep(interval)

    await serve_over_tls(peer, handshake=dribble)


@on_client_hello(client=must_error("RFC 8446 §6.1"))
async def tls_close_after_clienthello(peer: Peer, hello: ClientHello) -> None:
    """Close the connection (FIN) after the ClientHello, without an octet."""
    await peer.finish()


@on_client_hello(client=must_error("RFC 9293 §3.10.7.4"))
async def tls_rst_after_clienthello(peer: Peer, hello: ClientHello) -> None:
    """Reset the connection after the ClientHello."""
    peer.reset()


@on_client_hello(client=must_error("RFC 8446 §6.2"))
async def tls_alert(
    peer: Peer,
    hello: ClientHello,
    *,
    code: Code = Alert.HANDSHAKE_FAILURE,
    level: AnyLevel = "fatal",
) -> None:
    """Answer the ClientHello with the alert ``code``; 40 is handshake_failure, and 255 has no meaning.

    As a ``warning``, an alert other than close_notify does not end a handshake of TLS 1.2, but the server closes
    the connection after it.
    """
    await peer.tls.alert(code, LEVELS[level])
    await peer.finish()


@on_client_hello(client=must_error("RFC 8446 §6.1"))
async def tls_close_notify_first(peer: Peer, hello: ClientHello) -> None:
    """Answer the ClientHello with close_notify, as if the connection were at its end."""
    await peer.tls.alert(Alert.CLOSE_NOTIFY, AlertLevel.WARNING)
    await peer.finish()


@on_client_hello(client=must_error("RFC 8446 §5.1"))
async def tls_plain_http(peer: Peer, hello: ClientHello) -> None:
    """Answer the ClientHello with plain HTTP, like a server that does not speak TLS."""
    await peer.send(HTTP)
    await peer.finish()


@on_client_hello(client=must_error("RFC 8446 §5.1"))
async def tls_garbage(peer: Peer, hello: ClientHello) -> None:
    """Answer the ClientHello with random octets; the first one is no type of record."""
    octets = shake_128(repr((peer.seed, "tls-garbage")).encode()).digest(GARBAGE_OCTETS)
    await peer.send(b"\xff" + octets[1:])
    await peer.finish()


@on_client_hello(client=must_error("RFC 8446 §5.1"))
async def tls_record_overflow(peer: Peer, hello: ClientHello) -> None:
    """Answer the ClientHello with a handshake record of 65535 octets; 16384 are allowed."""
    await peer.send(record_octets(ContentType.HANDSHAKE, b"a" * MOST_LENGTH))
    await peer.finish()


@on_client_hello(client=must_error_or_succeed("RFC 8446 §5.1", level=Level.QUALITY))
async def tls_bad_record_version(peer: Peer, hello: ClientHello) -> None:
    """Put version 0x0500 in the header of each record of an otherwise correct handshake.

    TLS 1.3 requires clients to ignore the version of a record; OpenSSL and others end the connection.
    """

    async def send(records: list[Record]) -> None:
        await peer.send(b"".join(replace(each, version=FUTURE_VERSION).octets for each in records))

    await serve_over_tls(peer, handshake=send)


@on_client_hello(client=must_error("RFC 8446 §5"))
async def tls_appdata_before_handshake(peer: Peer, hello: ClientHello) -> None:
    """Answer the ClientHello with a record of application data."""
    await peer.send(record_octets(ContentType.APPLICATION_DATA, HTTP))
    await peer.finish()


@on_client_hello(client=must_error("RFC 7568 §3"))
async def tls_sslv3(peer: Peer, hello: ClientHello) -> None:
    """Choose SSL 3.0 in a ServerHello, and stay silent."""
    chosen = SSL_3.to_bytes(2, "big") + hello.random + b"\0" + RSA_3DES.to_bytes(2, "big") + b"\0"
    body = message(HandshakeType.SERVER_HELLO, chosen)
    await peer.send(record_octets(ContentType.HANDSHAKE, body, SSL_3))
    await peer.wait_gone()


@on_client_hello(client=must_error("RFC 6176 §3"))
async def tls_sslv2(peer: Peer, hello: ClientHello) -> None:
    """Answer with the SERVER-HELLO of SSL 2.0, which has no record layer of TLS, and stay silent."""
    # Type, no session, an X.509 certificate, the version; lengths of certificate, suites and connection id.
    body = bytes.fromhex("04 00 01 0002 0000 0003 0010 0700c0") + SSL_2_CONNECTION
    await peer.send((0x8000 | len(body)).to_bytes(2, "big") + body)
    await peer.wait_gone()


@on_client_hello(client=must_error("RFC 8446 §4.4.4"))
async def tls_bad_finished(peer: Peer, hello: ClientHello) -> None:
    """Flip one bit of the record that has the server's Finished."""
    tls = peer.tls.begin()

    async def send(records: list[Record]) -> None:
        *before, last = records
        if _has_finished(records, tls.layer.is_established):
            last = last.flipped()
        await peer.send(b"".join(each.octets for each in (*before, last)))

    tls.carry = send
    await tls.shake_hands()
    await peer.wait_gone()


@on_client_hello(client=must_error("RFC 5246 §7.4.3"), mended=insisting(most="1.2"))
async def tls_bad_server_kx(peer: Peer, hello: ClientHello) -> None:
    """Flip one bit of the signature in the ServerKeyExchange of TLS 1.2."""

    async def send(records: list[Record]) -> None:
        await peer.send(b"".join(with_broken_signature(each).octets for each in records))

    await serve_over_tls(peer, insisting(most="1.2"), handshake=send)


@on_client_hello(
    client=must_error("RFC 8446 §4.1.3, RFC 7465 §2"),
    aliases=("tls-rc4", "tls-3des", "tls-rc4-md5"),
    mended=insisting(most="1.2"),
)
async def tls_unoffered_suite(peer: Peer, hello: ClientHello, *, suite: Suite = "rc4-sha") -> None:
    """Choose a cipher suite that the client has not offered, one with RC4, 3DES or a key of 40 bits.

    This system's OpenSSL has none of them, so the suite is written into a ServerHello of TLS 1.2.
    """

    async def send(records: list[Record]) -> None:
        lie = (with_cipher(each, OLD_SUITES[suite]).octets for each in records)
        await peer.send(b"".join(lie))

    await serve_over_tls(peer, insisting(most="1.2"), handshake=send)


def _has_finished(records: list[Record], is_established: bool) -> bool:
    """Return True if the last of these records has the server's Finished.

    In TLS 1.3 Finished is the last record of the first flight that is encrypted; in TLS 1.2 the one after
    ChangeCipherSpec.
    """
    *before, last = records
    if last.type == ContentType.APPLICATION_DATA:
        return not is_established
    return any(each.type == ContentType.CHANGE_CIPHER_SPEC for each in before) and (
        last.type == ContentType.HANDSHAKE
    )


class _Stalled(Exception):
    """The handshake has reached the point at which it hangs."""


async def _shake_hands_until(peer: Peer, at: str) -> None:
    """Begin a handshake, stop at this point, and free OpenSSL's state, some 50 KB."""
    tls = peer.tls.begin()

    async def send(records: list[Record]) -> None:
        flight = b"".join(record.octets for record in records)
        if at == "flight":
            await peer.send(flight[: len(flight) // 2])
            raise _Stalled
        if not _has_finished(records, tls.layer.is_established):
            await peer.send(flight)
            return
        await peer.send(flight[: -len(records[-1].octets)])
        raise _Stalled

    tls.carry = send
    with suppress(_Stalled):
        await tls.shake_hands()
    tls.carry = None  # it refers to ``tls``
