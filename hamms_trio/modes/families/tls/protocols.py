"""Names and protocols on which the two sides do not agree: SNI and ALPN."""

from __future__ import annotations

from typing import Annotated

from hamms_trio.modes.declare import insists, on_client_hello
from hamms_trio.modes.drivers import serve_over_tls
from hamms_trio.modes.model.expectation import Level, must_error, must_succeed
from hamms_trio.modes.model.parameters import Choice
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.pki.recipes import server
from hamms_trio.pki.terms import Terms, insisting, presenting
from hamms_trio.wire import Field
from hamms_trio.wire.tls.client_hello import ClientHello
from hamms_trio.wire.tls.records import Alert, Record
from hamms_trio.wire.tls.server_hello import with_alpn

UNOFFERED = "spdy/99"  # a protocol that no client offers
TEXT_INSTEAD_OF_FRAMES = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"
)

Misdirection = Annotated[str, Choice("certificate", "421")]


@on_client_hello(client=must_error("RFC 6066 §3"), decides=True)
async def tls_sni_required(peer: Peer, hello: ClientHello) -> None:
    """Refuse a client that does not name the host (SNI) with the alert unrecognized_name, and answer the others.

    A client that connects to an address sends no name.
    """
    if hello.server_name is not None:
        await serve_over_tls(peer)
        return
    peer.strike()
    await peer.tls.alert(Alert.UNRECOGNIZED_NAME)
    await peer.finish()


@on_client_hello(client=must_error("RFC 6066 §3"))
async def tls_sni_unrecognized(peer: Peer, hello: ClientHello) -> None:
    """Refuse every client with the alert unrecognized_name, whatever host it names."""
    await peer.tls.alert(Alert.UNRECOGNIZED_NAME)
    await peer.finish()


@on_client_hello(client=must_error("RFC 9110 §7.4, §15.5.20"))
async def tls_sni_misdirected(
    peer: Peer, hello: ClientHello, *, case: Misdirection = "certificate"
) -> None:
    """Answer for another host than the one that the client wants.

    With ``certificate``, the certificate is the other host's. With ``421``, the certificate is right, and each
    request is answered with 421: a client may try again on another connection.
    """
    if case == "certificate":
        await serve_over_tls(peer, presenting(server(names=("other.localhost",))))
        return
    above = peer.over(await peer.tls.shake_hands())
    while not above.finished:
        request = await above.http.receive_head()
        fields: tuple[Field, ...] = (("Content-Type", "text/plain"),)
        await above.http.respond(request, 421, *fields, body=b"This is another server.\n")
        if not above.http.is_ready():
            await above.http.end_exchange()


@insists(client=must_succeed("RFC 7301 §3.2"), issues=("curl/curl#2749",))
def tls_alpn_none() -> Terms:
    """Ignore ALPN, like a server that does not know it."""
    return insisting(protocols=())


@on_client_hello(
    client=must_error("RFC 7301 §3.2"), issues=("postmanlabs/httpbin#497", "akka/akka-http#2791")
)
async def tls_alpn_mismatch(peer: Peer, hello: ClientHello) -> None:
    """Refuse every protocol that the client offers in ALPN, with the alert no_application_protocol."""
    await peer.tls.alert(Alert.NO_APPLICATION_PROTOCOL)
    await peer.finish()


@on_client_hello(
    client=must_error("RFC 7301 §3.1, §3.2"),
    issues=("JuliaWeb/HTTP.jl#1273",),
    mended=insisting(most="1.2"),
)
async def tls_alpn_unoffered(peer: Peer, hello: ClientHello) -> None:
    """Choose a protocol by ALPN that the client has not offered, ``spdy/99``, in a ServerHello of TLS 1.2."""

    async def send(records: list[Record]) -> None:
        await peer.send(b"".join(with_alpn(each, UNOFFERED).octets for each in records))

    await serve_over_tls(peer, insisting(most="1.2"), handshake=send)


@on_client_hello(client=must_error("RFC 9113 §3.4", level=Level.MUST), decides=True)
async def tls_alpn_h2_speaks_h1(peer: Peer, hello: ClientHello) -> None:
    """Choose HTTP/2 by ALPN, read the client's preface, and answer in HTTP/1.1; then stay silent.

    The client has to see at once that the answer is no frame. One that does not offer HTTP/2 is answered
    healthily. httpx, Go 1.19 and Java 17 wait until the connection is closed.
    """
    if "h2" not in hello.protocols:
        await serve_over_tls(peer)
        return
    peer.strike()
    above = peer.over(await peer.tls.shake_hands(insisting(protocols=("h2",))))
    await above.receive()
    await above.send(TEXT_INSTEAD_OF_FRAMES)
    await above.wait_gone()
