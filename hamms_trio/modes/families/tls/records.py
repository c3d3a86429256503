"""Connections that fail above the handshake: damaged or cut records, and ends that lie about the body."""

from __future__ import annotations

from typing import Annotated

from hamms_trio.canary import CANARY_OCTETS
from hamms_trio.modes.declare import on_client_hello
from hamms_trio.modes.drivers import serve_over_tls
from hamms_trio.modes.model.expectation import must_error, must_error_or_succeed, must_succeed
from hamms_trio.modes.model.parameters import Choice, Range
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.modes.peers.tls_connection import TlsConnection
from hamms_trio.wire import chunk
from hamms_trio.wire.http1.build import TEXT_PLAIN
from hamms_trio.wire.tls.client_hello import ClientHello
from hamms_trio.wire.tls.records import ContentType, Record, record_octets

CLOSE = b"Connection: close"

Nth = Annotated[int, Range("records", 1, 1000)]
Framing = Annotated[str, Choice("close", "cl", "chunked")]


@on_client_hello(client=must_error("RFC 8446 §5.2"))
async def tls_bad_mac(peer: Peer, hello: ClientHello, *, record: Nth = 1) -> None:
    """Flip one bit of the ``record``-th record of application data."""
    count = 0

    async def damage(records: list[Record]) -> None:
        nonlocal count
        for each in records:
            count += each.type == ContentType.APPLICATION_DATA
            await peer.send((each.flipped() if count == record else each).octets)

    await serve_over_tls(peer, content=damage)


@on_client_hello(client=must_succeed("RFC 8446 §5.1"))
async def tls_1byte_records(peer: Peer, hello: ClientHello) -> None:
    """Send each octet of the answers in a record of its own."""
    await serve_over_tls(peer, record_octets=1)


@on_client_hello(
    client=must_error_or_succeed("RFC 9112 §9.8"),
    issues=(
        "openssl/openssl#11381",
        "ruby/openssl#730",
        "curl/curl#17471",
        "pyca/pyopenssl#229",
    ),
)
async def tls_truncation(peer: Peer, hello: ClientHello, *, framing: Framing = "close") -> None:
    """Send a body, and close the connection (FIN) without close_notify.

    With ``framing=close`` the body ends with the connection, and half of it is missing, which only close_notify
    would reveal: the client must report an error. With ``cl`` the whole body has come, by its length, and the call
    may succeed. With ``chunked`` the last chunk is missing. Nine of eleven measured clients take a body without
    length for complete; Deno and wget with GnuTLS do not.
    """
    _, above = await _answered(peer, framing)
    if framing == "chunked":
        await above.send(chunk(above.http.canary()))
    else:
        await above.http.send_canary(CANARY_OCTETS if framing == "cl" else CANARY_OCTETS // 2)
    await peer.finish()


@on_client_hello(client=must_succeed("RFC 9112 §9.8, RFC 8446 §6.1"))
async def tls_close_notify_no_fin(peer: Peer, hello: ClientHello) -> None:
    """Send a body that ends with the connection, then close_notify, and leave the TCP connection open.

    close_notify is the end of the body, so the client must not wait for a FIN, as Java 17's HttpClient does.
    """
    tls, above = await _answered(peer, "close")
    await above.http.send_canary(CANARY_OCTETS)
    await tls.close_notify()
    await peer.wait_gone()


@on_client_hello(client=must_error("RFC 8446 §6.2"))
async def tls_alert_mid_body(peer: Peer, hello: ClientHello) -> None:
    """Send half of a body, and then a fatal alert, bad_record_mac, encrypted as it has to be."""
    tls, above = await _answered(peer, "cl")
    await above.http.send_canary(CANARY_OCTETS // 2)
    # OpenSSL sends this alert by itself when a record is damaged, so it gets one.
    tls.layer.feed(record_octets(ContentType.APPLICATION_DATA, bytes(64)))
    await above.receive()


async def _answered(peer: Peer, framing: str) -> tuple[TlsConnection, Peer]:
    """Complete the handshake, read a request, and send the head of an answer."""
    tls = await peer.tls.shake_hands()
    above = peer.over(tls)
    await above.http.receive_head()
    lines = {"cl": b"Content-Length: %d" % CANARY_OCTETS, "chunked": b"Transfer-Encoding: chunked"}
    framed = (lines[framing],) if framing in lines else ()
    await above.send(above.http.raw_head(TEXT_PLAIN, CLOSE, *framed))
    return tls, above
